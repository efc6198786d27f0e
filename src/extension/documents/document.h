// converge.document: the rows of tracked tables as documents.
#pragma once

#include "extension/compat.h"

#include <cstdint>

#include "extension/documents/collection.h"
#include "extension/documents/row.h"

extern "C" {
#include "utils/snapshot.h"
}

namespace converge {

// The newest incarnation of a row; 0 if there never was one. Its row may be
// deleted. In `snapshot`, or as everything committed has it.
std::int64_t find_document(const Collection* collection, const RowRef& ref, Snapshot snapshot = nullptr);

// A new incarnation.
std::int64_t create_document(const Collection* collection, const RowRef& ref);

}  // namespace converge
