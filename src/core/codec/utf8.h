// What the core accepts as text: well-formed UTF-8 (no overlong forms, no
// surrogates, nothing above U+10FFFF) without U+0000, which PostgreSQL's text
// cannot hold.
#pragma once

#include <cstddef>
#include <string_view>

namespace converge {

inline constexpr std::size_t kTextOk = static_cast<std::size_t>(-1);

// kTextOk, or the offset of the first byte that is wrong.
std::size_t find_invalid_text(std::string_view bytes);

inline bool is_valid_text(std::string_view bytes) { return find_invalid_text(bytes) == kTextOk; }

}  // namespace converge
