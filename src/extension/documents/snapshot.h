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
  int author_count;
  FieldChange* authors;      // the same with their authorship (core/history/authorship.h)
};

// Fields by their names in the log with bytes of each, as a table of converge holds
// them: a wire.DocumentState. In CurrentMemoryContext. `what` it is, for the error
// where it is damaged.
struct varlena* encode_fields(const FieldChange* fields, int count);
FieldChange* decode_fields(std::string_view bytes, const char* what, int* count);

// As `snapshot` sees it or, where that is null, as it is now; in
// CurrentMemoryContext, without the authors. False: nothing was dropped.
bool read_snapshot(const char* tenant, std::int64_t document, Snapshot snapshot, DocumentSnapshot* read);

// The authors of what was dropped; none where nothing was.
FieldChange* read_snapshot_authors(const char* tenant, std::int64_t document, Snapshot snapshot, int* count);

// Replaces the document's snapshot. The caller keeps others away from the log.
void write_snapshot(const char* tenant, std::int64_t document, const DocumentSnapshot& made);

}  // namespace converge
