// A document's state as of a moment: the replay of its log up to there.
//
// A change counts from the moment at which it was logged (recorded_at), which is
// before its transaction committed; the answer holds what the given snapshot sees.
// So a moment is final once all transactions that ran then have ended.
#pragma once

#include "extension/compat.h"

#include <cstdint>

#include "extension/documents/collection.h"
#include "extension/documents/row.h"

extern "C" {
#include "utils/snapshot.h"
#include "utils/timestamp.h"
}

namespace converge {

struct DocumentMoment {
  bool existed;                       // something had been logged by then
  struct varlena* states[kMaxFields]; // for collection->fields[i], null for nothing
};

// The document as of `moment`; what has not come yet is now. In
// CurrentMemoryContext. Raises 72000 for a moment from which compaction has
// dropped changes, unless it is one that snapshot() kept.
DocumentMoment document_at(const Collection* collection, const RowRef& ref, std::int64_t document, TimestampTz moment,
                           Snapshot snapshot);

}  // namespace converge
