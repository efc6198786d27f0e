// Which fields may be deferred: those of which nothing has to be decided while
// the row is written.
#pragma once

#include "extension/compat.h"

extern "C" {
#include "utils/array.h"
#include "utils/rel.h"
}

namespace converge {

// Raises unless every name in the array is a CRDT column that a fold cannot
// bring into conflict: no constraint, generated column, or index that is unique or
// computes something looks at it. Warns where no worker would fold.
void check_deferrable(Relation relation, ArrayType* names);

// Whether a policy has to see what is written to that column: a check of its own
// (WITH CHECK) on updates, or an expression that reads the column. A push then
// writes it at once.
bool policies_watch(Relation relation, AttrNumber column);

}  // namespace converge
