// What a field's state says to a reader.
#pragma once

#include <string>
#include <string_view>

#include "core/field.h"
#include "core/result.h"

namespace converge {

// The value as JSON: a map's object, a set's elements and the values that stand
// in a register as an array, ascending by bytes, a text's characters as a string,
// a counter's sum as a number, a Yjs document's roots as an object.
// Errors: malformed, wrong_type, out_of_range (a counter beyond a bigint),
// too_large (a Yjs document nested too deep).
Result<std::string> value_json(FieldType type, std::string_view state);

// What one change did, from its delta alone and for people: `insert "ab"; delete 2`.
// Texts are cut after a few characters, and of many parts the first are told. A
// counter's delta tells what its writer has counted so far, an or_set's not which
// elements it removed. Empty for a Yjs document. Errors: malformed, wrong_type.
Result<std::string> delta_summary(FieldType type, std::string_view delta);

}  // namespace converge
