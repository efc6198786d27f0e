// Deltas joined into a document's row, by push and by the fold.
#pragma once

#include "extension/compat.h"

#include "extension/documents/collection.h"
#include "extension/documents/deltas.h"
#include "extension/documents/row.h"
#include "extension/security/limits.h"

namespace converge {

// A row's fields joined with deltas before the row is locked, so that it is locked for
// less long. All in the memory context in which merge_ahead() was called.
struct RowAhead {
  Deltas deltas[kMaxFields];           // as for merge_into_row()
  struct varlena* before[kMaxFields];  // what the fields held, not detoasted; null: SQL NULL
  struct varlena* merged[kMaxFields];  // null: the field is left to merge_into_row()
};

// Reads the row, which is not locked, and joins the deltas to it that `ahead` holds, the rest
// of which is zero. Where there is no row that can be read, all is left to merge_into_row().
void merge_ahead(Collection* collection, const RowRef& ref, RowAhead* ahead);

// Writes the fields that gain something: deltas[i] are those of collection->fields[i],
// and capture is told. The row is locked; `locked`, where it is given, says which version of
// it, which is then read without asking the policies once more. `ahead`, where it is given, has
// more deltas: what it made of them is taken for fields that hold what they held then, and the
// others are merged here. False: the row held it all. Raises 42501 where the row cannot be read, 54000
// where the document would then be beyond `limits` (null: none), and what its triggers and
// constraints raise.
bool merge_into_row(Collection* collection, const RowRef& ref, Deltas* deltas, const Limits* limits,
                    const LockedRow* locked = nullptr, const RowAhead* ahead = nullptr);

// Raises 27000: a trigger kept the row from being "updated", say. (A policy raises
// by itself.)
[[noreturn]] void row_not_written(const char* done);

}  // namespace converge
