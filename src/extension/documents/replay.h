// A document's state from its log alone.
#pragma once

#include "extension/compat.h"

#include <cstdint>

#include "extension/documents/collection.h"

extern "C" {
#include "utils/snapshot.h"
}

namespace converge {

// The join of everything the log holds of a document, as `snapshot` sees it:
// states[i] for collection->fields[i], null for nothing; in CurrentMemoryContext.
void replay(const Collection* collection, const char* tenant, std::int64_t document, Snapshot snapshot,
            struct varlena** states);

}  // namespace converge
