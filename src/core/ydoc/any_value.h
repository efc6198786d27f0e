// The values of a Yjs document: JSON's, and undefined, byte arrays and bigint.
//
// One form stands for each value, so that equal values are equal bytes: lib0's
// own encoding of "any", with every number as Yjs writes it, and the names of an
// object's members ascending by bytes, each once. Strings are text (codec/utf8.h).
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/codec/reader.h"
#include "core/json/json.h"
#include "core/result.h"

namespace converge {

// Arrays and objects inside each other.
inline constexpr unsigned kMaxValueDepth = kMaxJsonDepth;

// The first byte of each value.
enum class AnyTag : unsigned char {
  bytes = 116,
  array = 117,
  object = 118,
  string = 119,
  yes = 120,
  no = 121,
  bigint = 122,
  float64 = 123,
  float32 = 124,
  integer = 125,
  null = 126,
  undefined = 127,
};

// Reads one value as Yjs writes it and appends its one form to `out`. Fails `in`
// where it is none.
void read_any(Reader& in, std::string& out);

// Skips a value that is in its one form; fails `in` where it is not.
void check_any(Reader& in);

// Appends the form of a JSON text; "undefined" stands for undefined, as in Yjs.
// Numbers become what JavaScript makes of them. Errors: those of
// validate_json.
Result<void> append_any_of_json(std::string& out, std::string_view json);

// Appends the value, which is in its one form, as JSON: what JSON.stringify gives,
// but for byte arrays, which are base64, bigint, which is a number, and undefined
// in place of a value, which is null. `in` is behind the value afterwards.
void append_json_of_any(std::string& out, Reader& in);
std::string json_of_any(std::string_view value);

// The members of an object, ascending by name; none of another value. Views into
// `value`.
std::vector<std::pair<std::string_view, std::string_view>> members_of_any(std::string_view value);

// Appends the value as JavaScript makes a string of it, within ${}.
void append_string_of_any(std::string& out, std::string_view value);

// The number as JavaScript writes it.
void append_js_number(std::string& out, double number);

}  // namespace converge
