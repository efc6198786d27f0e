// version_vector as an SQL type: what clock.sql.in declares.
#include "extension/types/clock.h"

#include "core/clock/version_vector.h"

using namespace converge;

CONVERGE_CLOCK_TYPE(version_vector, VersionVector)
