// lww_set as an SQL type: what state.sql.in, set.sql.in and lww_set.sql declare.
#include "extension/types/set_type.h"

#include "core/lww_set/lww_set.h"
#include "extension/types/merge_agg.h"

using namespace converge;

CONVERGE_STATE_TYPE(lww_set, LwwSet)
CONVERGE_MERGE_AGG(lww_set, LwwSet)
CONVERGE_SET_TYPE(lww_set, LwwSet)
