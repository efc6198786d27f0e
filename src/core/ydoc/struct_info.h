// Numbers in Yjs's updates.
#pragma once

#include <cstdint>

namespace converge {

// The first byte of a struct: what it is, and which parts it has.
inline constexpr std::uint8_t kContentBits = 0x1f;
inline constexpr std::uint8_t kHasKey = 0x20;
inline constexpr std::uint8_t kHasRight = 0x40;
inline constexpr std::uint8_t kHasLeft = 0x80;

// What it is, besides those of ContentKind.
inline constexpr std::uint8_t kGcStruct = 0;
inline constexpr std::uint8_t kDeletedContent = 1;
inline constexpr std::uint8_t kStringContent = 4;
inline constexpr std::uint8_t kSkipStruct = 10;

// Shared types.
enum class SharedType : std::uint8_t {
  array = 0,
  map = 1,
  text = 2,
  xml_element = 3,
  xml_fragment = 4,
  xml_hook = 5,
  xml_text = 6,
};
inline constexpr std::uint8_t kSharedTypes = 7;

inline bool type_has_name(std::uint8_t type) {
  return type == static_cast<std::uint8_t>(SharedType::xml_element) ||
         type == static_cast<std::uint8_t>(SharedType::xml_hook);
}

}  // namespace converge
