#include "core/state_header.h"

namespace converge {

Result<void> read_state_header(FieldType type, Reader& in) {
  const std::uint8_t first = in.byte();
  const std::string name(field_type_name(type));
  if (in.failed()) {
    return Error{ErrorCode::malformed, "malformed " + name,
                 "it is empty, and even an empty state has one byte"};
  }
  const auto held = static_cast<FieldType>(first >> 4);
  const unsigned version = first & 15u;
  if (held != type) {
    const std::string_view other = field_type_name(held);
    if (other.empty()) {
      return Error{ErrorCode::malformed, "malformed " + name,
                   "its first byte, " + std::to_string(first) + ", names no type"};
    }
    return Error{ErrorCode::wrong_type, "state is not of type " + name,
                 "its first byte says " + std::string(other)};
  }
  if (version != kEncodingVersion) {
    return Error{ErrorCode::malformed, "malformed " + name,
                 "its encoding has version " + std::to_string(version) + ", this reads version " +
                     std::to_string(kEncodingVersion)};
  }
  return {};
}

}  // namespace converge
