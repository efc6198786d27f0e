// The plain columns that a collection takes an interest in: those that clients
// may read (track's "include") and the one that says that a row is deleted.
#pragma once

#include "extension/compat.h"

#include "extension/documents/collection.h"
#include "extension/documents/payload.h"

extern "C" {
#include "access/htup.h"
#include "access/tupdesc.h"
#include "utils/array.h"
#include "utils/rel.h"
}

namespace converge {

// Raises unless every name in the array is a column that is no field and no part
// of the key; at most kMaxIncluded.
void check_included(Relation relation, ArrayType* names);

// Raises unless the column is a timestamptz that may be null.
void check_deletion_column(Relation relation, const char* name);

// Adds to a payload the included columns whose values differ between the rows;
// all of them where there is no old row. In CurrentMemoryContext.
void add_included(const Collection* collection, HeapTuple old_row, HeapTuple row, TupleDesc description,
                  Payload* payload);

// Whether the row is softly deleted.
bool is_softly_deleted(const Collection* collection, HeapTuple row, TupleDesc description);

}  // namespace converge
