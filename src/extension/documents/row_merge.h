// Deltas joined into a document's row, by push and by the fold.
#pragma once

#include "extension/compat.h"

#include "extension/documents/collection.h"
#include "extension/documents/deltas.h"
#include "extension/documents/row.h"
#include "extension/security/limits.h"

namespace converge {

// Writes the fields that gain something: deltas[i] are those of collection->fields[i],
// and capture is told. The row is locked; `locked`, where it is given, says which version of
// it, which is then read without asking the policies once more. False: the row held it all. Raises 42501
// where the row cannot be read, 54000 where the document would then be beyond
// `limits` (null: none), and what its triggers and constraints raise.
bool merge_into_row(Collection* collection, const RowRef& ref, Deltas* deltas, const Limits* limits,
                    const LockedRow* locked = nullptr);

// Raises 27000: a trigger kept the row from being "updated", say. (A policy raises
// by itself.)
[[noreturn]] void row_not_written(const char* done);

}  // namespace converge
