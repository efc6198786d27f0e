// or_set as an SQL type: what state.sql.in, set.sql.in and or_set.sql declare.
#include "extension/types/set_type.h"

#include "core/or_set/or_set.h"

using namespace converge;

CONVERGE_STATE_TYPE(or_set)
CONVERGE_SET_TYPE(or_set, OrSet)
