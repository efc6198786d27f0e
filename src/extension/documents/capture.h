// What the triggers of a tracked table log: every edit of its fields, whoever
// makes it.
#pragma once

#include "extension/compat.h"

#include "extension/documents/collection.h"
#include "extension/documents/row.h"

extern "C" {
#include "access/htup.h"
#include "access/tupdesc.h"
}

namespace converge {

// Makes the row a document and logs its whole state as the first change.
void log_inserted_row(const Collection* collection, HeapTuple row, TupleDesc description);

// Logs what the row has beyond its log, and the values of all included columns.
void log_unlogged_row(const Collection* collection, HeapTuple row, TupleDesc description);

// Logs that the row went.
void log_deleted_row(const Collection* collection, HeapTuple row, TupleDesc description);

// Calls one of the above for every row of a table and its partitions, as the
// latest snapshot has them. The caller holds a lock that keeps writers away.
using RowVisitor = void (*)(const Collection*, HeapTuple, TupleDesc);
void for_each_row(Oid tracked, RowVisitor visit);

}  // namespace converge
