// log_version as an SQL type: what clock.sql.in declares.
#include "extension/types/clock.h"

#include "core/clock/log_version.h"

using namespace converge;

CONVERGE_CLOCK_TYPE(log_version, LogVersion)
