// jsonb at the boundary: from and to the JSON texts of the core.
#pragma once

#include "extension/boundary.h"

extern "C" {
#include "utils/jsonb.h"
}

#include <string_view>

namespace converge {

// A key and its value's JSON text, in CurrentMemoryContext.
struct JsonMember {
  std::string_view key;
  std::string_view value;
};

struct JsonMembers {
  const JsonMember* begin_;
  int count;
  const JsonMember* begin() const { return begin_; }
  const JsonMember* end() const { return begin_ + count; }
};

// The members of an object. Glue; ereports (invalid_parameter_value) if `object`
// is none. `what` names what was to be made of it: "a map".
JsonMembers json_members(Jsonb* object, const char* what);

// What makes an object another one.
struct JsonChanges {
  JsonMembers set;    // members that are new or have another value
  JsonMembers unset;  // members that are no more
};
// Glue. Compares values as jsonb does, whatever their text looked like.
JsonChanges json_changes(JsonMembers from, JsonMembers to);

// The JSON text of a value, as jsonb prints it.
std::string_view json_text(Jsonb* value);

// jsonb of a NUL-terminated JSON text. Glue.
Datum jsonb_of(char* json);

// The text of a jsonb value as ->> gives it: a string unquoted, null as null.
text* jsonb_as_text(Datum value);

}  // namespace converge
