// What is different between two states of a field, for people and programs.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/field.h"
#include "core/result.h"

namespace converge {

struct FieldDifference {
  const char* action = "";  // insert, delete, replace (text); set, unset (map); add,
                             // remove (sets); increment (counters); assign (register)
  std::uint64_t at = 0;      // text: the character from 0 where it is done
  std::string item;          // a map's key, a set's element
  std::string older;         // JSON: the text, value or sum before; empty: none
  std::string newer;         // and after
};

// What makes `newer` of `older`, two states of one field of which neither needs
// to include the other. For a text: as few characters as diff_text() finds, to be
// done in this order, each position as it is when the ones before are done. Maps
// and sets ascending by bytes. A Yjs document's JSON as a whole, action "assign".
// Errors: malformed, wrong_type, out_of_range and too_large as value_json().
Result<std::vector<FieldDifference>> field_differences(FieldType type, std::string_view older,
                                                       std::string_view newer);

}  // namespace converge
