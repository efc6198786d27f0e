// Levels of access as values of converge.access_level.
#pragma once

#include "extension/compat.h"

#include "extension/security/access_level.h"

namespace converge {

// The level that a value of the enum stands for. Raises 22P03 for another type's.
AccessLevel access_level_of(Oid value);

// The enum's value for a level.
Oid access_level_value(AccessLevel level);

const char* access_level_name(AccessLevel level);

}  // namespace converge
