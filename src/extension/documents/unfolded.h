// converge.unfolded: which changes are not in the documents' rows yet.
//
// A writer without a row here has all its changes in the document's row (but
// those in quarantine). Whoever writes here holds the document's row lock.
#pragma once

#include "extension/compat.h"

#include <cstdint>

#include "extension/documents/log.h"

namespace converge {

// The replica's changes from `from_seq` on are not in the row.
struct UnfoldedReplica {
  std::int64_t replica;
  std::int64_t from_seq;
};

// Whether some of the writer's changes are unfolded.
bool has_unfolded(Relation table, const Writer& writer);

// The writer's changes from `from_seq` on are unfolded. It has none that are.
void mark_unfolded(OwnedTable* table, const Writer& writer, std::int64_t from_seq);

// A document's, ascending by replica, as `snapshot` sees them or, where that is
// null, as everything committed and the current transaction have them. An array
// in CurrentMemoryContext.
UnfoldedReplica* unfolded_replicas(const char* tenant, std::int64_t document, Snapshot snapshot, int* count);

// The writer's changes before `next_seq` were folded; 0: all of them.
void move_unfolded(OwnedTable* table, const Writer& writer, std::int64_t next_seq);

// Nothing of the document is unfolded any more.
void forget_unfolded(const char* tenant, std::int64_t document);

// What is unfolded in the database, document by document.
struct UnfoldedDocument {
  const char* tenant;
  std::int64_t document;
  std::int64_t since;  // TimestampTz: when the first of it was logged
};

// Calls visit for each document, in no order, until it gives false.
void for_each_unfolded(bool (*visit)(const UnfoldedDocument&, void*), void* argument);

}  // namespace converge
