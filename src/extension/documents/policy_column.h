// The columns that a tracked table's row-level security policies look at: where
// one of them changes, who may read the row may change.
#pragma once

#include "extension/compat.h"

extern "C" {
#include "access/htup.h"
#include "utils/rel.h"
}

namespace converge {

struct Collection;

// Their numbers in `relation`, which is `tracked` or a partition of it: an array in
// CurrentMemoryContext. Subqueries of the policies count too.
AttrNumber* policy_columns(Relation relation, Oid tracked, int* count);

// Whether an update changed one of them.
bool changed_policy_column(const Collection* collection, HeapTuple old_row, HeapTuple new_row, TupleDesc description);

}  // namespace converge
