// converge.snapshot: what compaction has dropped from each document's log, joined.
#pragma once

#include "extension/compat.h"

#include <cstdint>

#include "extension/documents/payload.h"

extern "C" {
#include "utils/snapshot.h"
}

namespace converge {

struct DocumentSnapshot {
  std::int64_t recorded_at;  // a TimestampTz: of the youngest change in it
  int count;
  FieldChange* fields;       // by their names in the log, with their states
};

// As `snapshot` sees it or, where that is null, as it is now; in
// CurrentMemoryContext. False: nothing was dropped.
bool read_snapshot(const char* tenant, std::int64_t document, Snapshot snapshot, DocumentSnapshot* read);

// Replaces the document's snapshot. The caller keeps others away from the log.
void write_snapshot(const char* tenant, std::int64_t document, const DocumentSnapshot& made);

}  // namespace converge
