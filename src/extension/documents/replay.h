// A document's state from its log alone: the snapshot that compaction left, and
// the changes since.
#pragma once

#include "extension/compat.h"

#include <cstdint>

#include "extension/documents/collection.h"
#include "extension/documents/deltas.h"
#include "extension/documents/log.h"
#include "extension/documents/quarantine.h"
#include "extension/documents/unfolded.h"

extern "C" {
#include "utils/snapshot.h"
}

namespace converge {

// One field, by its name in the log: those of columns that were dropped are kept.
struct ReplayedField {
  const char* name;
  FieldType type;
  struct varlena* state;  // null before the first join
  Deltas deltas;          // not joined yet
};

// The join of all that was added to it.
struct Replay {
  ReplayedField* fields;
  int count;
  int room;
  MemoryContext result;  // of fields and states: the context of begin_replay()
  MemoryContext batch;   // of what is not joined yet
  std::size_t bytes;     // of that
  Quarantine quarantine; // what changes are added without
};

Replay begin_replay();

// What the document's snapshot holds, if it has one.
void add_snapshot(Replay* replay, const char* tenant, std::int64_t document, Snapshot snapshot);

// The changes that `scan` still gives, until takes(change, argument) is false. Null: all.
void add_changes(Replay* replay, LogScan* scan, bool (*takes)(const LoggedChange&, void*), void* argument);

// Joins what is left. Nothing may be added any more.
void finish_replay(Replay* replay);

// The field's state, or null for nothing.
struct varlena* replayed_state(const Replay& replay, const char* field);

enum class Replayed {
  everything,  // but what is in quarantine
  folded,      // and without what converge.unfolded says is not in the row
};

// The join of what the log holds of a document, as `snapshot` sees it: states[i]
// for collection->fields[i], null for nothing; in CurrentMemoryContext.
void replay(const Collection* collection, const char* tenant, std::int64_t document, Snapshot snapshot,
            Replayed what, struct varlena** states);

// Adds to a document's fields, as read_row() gives them, what is unfolded, as
// `snapshot` sees it. Whether there was anything.
bool add_unfolded(const Collection* collection, const char* tenant, std::int64_t document, Snapshot snapshot,
                  struct varlena** values);

// The same, of what unfolded_replicas() gave. `last`, unless it is null: each one's last
// number in the log.
void add_unfolded(const Collection* collection, const char* tenant, std::int64_t document, Snapshot snapshot,
                  const UnfoldedReplica* unfolded, int count, struct varlena** values, std::int64_t* last = nullptr);

}  // namespace converge
