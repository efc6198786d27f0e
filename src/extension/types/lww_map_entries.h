// Reading and writing the entries of a lww_map, for its functions and for
// subscripting.
#pragma once

#include "extension/boundary.h"

#include <string_view>

#include "extension/types/json.h"

namespace converge {

// Glue. Makes *value the key's value, a jsonb; false if the key is not set.
bool map_value(Datum map, std::string_view key, Datum* value);

// Glue. The map with these members set, expanded; in place if it is read-write,
// otherwise below `parent`.
Datum map_with_members(Datum map, JsonMembers members, MemoryContext parent);

}  // namespace converge
