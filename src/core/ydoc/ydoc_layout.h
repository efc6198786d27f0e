// What the writer and the reader of a ydoc's bytes share.
#pragma once

#include <cstdint>

namespace converge::ydoc_layout {

// Where a run without origins is.
inline constexpr std::uint8_t kUnderUnit = 1;
inline constexpr std::uint8_t kKeyed = 2;

// The first byte of a content: its kind, a shared type's number and this, or that
// of a value: an object of a form, or one of AnyTag.
inline constexpr std::uint8_t kTypeBase = 16;
inline constexpr std::uint8_t kFormTag = 115;

}  // namespace converge::ydoc_layout
