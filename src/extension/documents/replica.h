// converge.replica: whose each writer of a document is, and where it ended.
#pragma once

#include "extension/compat.h"

#include <cstdint>

#include "extension/documents/log.h"

namespace converge {

struct ReplicaRow {
  const char* principal;      // whose it is; empty: this server's
  std::int64_t last_seq;      // as of the last compaction
  bool has_last_hash;
  unsigned char last_hash[kHashBytes];
  std::int64_t refused_from;  // 0: not refused
  int refused_code;           // a wire.Code
  const char* refused_message;
  const char* refused_sqlstate;    // of a violated constraint, and its name; else empty
  const char* refused_constraint;
  std::int64_t epoch;         // when it appeared, or of the last change that was compacted
};

// Strings in CurrentMemoryContext. False: the replica has not appeared.
bool find_replica(Relation table, const Writer& writer, ReplicaRow* row, Snapshot snapshot = nullptr);

// The replica appears, in the server's present epoch. One that is there already
// raises 23505.
void create_replica(OwnedTable* table, const Writer& writer, const char* principal, std::int64_t epoch);

// Nothing of the replica is accepted any more from `refused.refused_from` on, for
// the reason that it gives.
void refuse_replica(OwnedTable* table, const Writer& writer, const ReplicaRow& refused);

// Compaction dropped everything up to this change.
struct CompactedChange {
  std::int64_t seq;
  std::int64_t epoch;
  unsigned char hash[kHashBytes];
};
void compact_replica(OwnedTable* table, const Writer& writer, const CompactedChange& last);

// The number for this server's next change of the document; the first makes the
// replica appear. The caller holds the document's row lock.
std::int64_t next_own_seq(Relation log, const Writer& writer);

// The document's replicas as `snapshot` sees them, ascending: an array in
// CurrentMemoryContext.
struct ReplicaPosition {
  std::int64_t replica;
  std::int64_t compacted;     // numbers up to this may be gone from the log
  std::int64_t refused_from;  // 0: not refused
};
ReplicaPosition* document_replicas(const char* tenant, std::int64_t document, Snapshot snapshot, int* count);

// How many replicas the principal has on the document: no further than to `most`.
std::int64_t count_replicas(const char* tenant, std::int64_t document, const char* principal, std::int64_t most);

}  // namespace converge
