// Compaction of one document's log; the rule is core/log/compaction.h's.
#pragma once

#include "extension/compat.h"

#include <cstdint>

#include "extension/documents/collection.h"
#include "extension/documents/row.h"

namespace converge {

// Drops from the log of one incarnation what was recorded before `keep_from` (a
// TimestampTz) and its snapshot then holds; how many changes. Locks the row, where
// there is one, as the table's owner, and the document's log.
std::int64_t compact_document(Collection* collection, const RowRef& ref, std::int64_t document,
                              std::int64_t keep_from);

// The moment that lies so far back, a TimestampTz. Raises 22023 if it lies ahead.
std::int64_t keep_from(const Interval* keep);

}  // namespace converge
