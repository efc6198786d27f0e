// The first byte of every encoded state: its type and the encoding's version.
#pragma once

#include <cstdint>

#include "core/codec/reader.h"
#include "core/field.h"
#include "core/result.h"

namespace converge {

inline constexpr std::uint8_t kEncodingVersion = 1;

inline char state_header(FieldType type) {
  return static_cast<char>(static_cast<std::uint8_t>(type) << 4 | kEncodingVersion);
}

// Reads that byte. Errors: malformed (none, or no type or version known),
// wrong_type.
Result<void> read_state_header(FieldType type, Reader& in);

}  // namespace converge
