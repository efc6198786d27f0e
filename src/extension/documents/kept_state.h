// converge.kept_state: documents as of moments that snapshot() was called for,
// which compaction leaves alone.
#pragma once

#include "extension/compat.h"

#include <cstdint>

#include "extension/documents/payload.h"

extern "C" {
#include "utils/snapshot.h"
#include "utils/timestamp.h"
}

namespace converge {

// Of one document; more are refused with 54000.
inline constexpr int kMaxKeptStates = 256;

// The document's fields as they were kept for exactly that moment, or null; in
// CurrentMemoryContext.
FieldChange* read_kept_state(const char* tenant, std::int64_t document, TimestampTz moment, Snapshot snapshot,
                             int* count);

}  // namespace converge
