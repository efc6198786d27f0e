// What the statistics of sets and maps count: the texts that a value consists of.
#pragma once

#include <string>
#include <string_view>

#include "core/lww_map/lww_map.h"

namespace converge {

// What a map with this member has beside the key, if the value is a number, a
// string, a boolean or null: then `key: value` is counted too, for m @> {"key": value}.
inline bool is_scalar_json(std::string_view json) {
  return !json.empty() && json.front() != '{' && json.front() != '[' && json.size() <= 256;
}

inline std::string member_element(std::string_view key, std::string_view json) {
  std::string element(key);
  element += ": ";
  element += json;
  return element;
}

// Calls use(element) with each element of a set, or of a map.
template <class Set, class Use>
void for_each_element(const Set& set, Use use) {
  for (const std::string_view element : set.elements()) use(element);
}

template <class Use>
void for_each_element(const LwwMap& map, Use use) {
  for (const std::string_view key : map.keys()) {
    use(key);
    const std::string_view value = *map.get(key);
    if (is_scalar_json(value)) use(std::string_view(member_element(key, value)));
  }
}

}  // namespace converge
