// JSON texts (RFC 8259): checked, never changed.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "core/result.h"

namespace converge {

inline constexpr std::size_t kMaxJsonDepth = 512;

// Whether `text` is one JSON value that PostgreSQL's jsonb could hold: valid
// UTF-8, no U+0000 and no lone surrogate, written out or escaped, nested at
// most kMaxJsonDepth deep, its numbers within the range of numeric.
// Errors: malformed, with the offset; too_large for the depth.
Result<void> validate_json(std::string_view text);

// Appends `text` (valid UTF-8) as a JSON string, quotes included.
void append_json_string(std::string& out, std::string_view text);

}  // namespace converge
