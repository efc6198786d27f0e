// or_set as an SQL type: what state.sql.in, set.sql.in and or_set.sql declare.
#include "extension/types/set_type.h"

#include "core/or_set/or_set.h"
#include "extension/types/merge_agg.h"

using namespace converge;

CONVERGE_STATE_TYPE(or_set, OrSet)
CONVERGE_MERGE_AGG(or_set, OrSet)
CONVERGE_SET_TYPE(or_set, OrSet)
