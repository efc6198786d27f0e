// What the writer and the reader of a ydoc's bytes share.
#pragma once

#include <cstdint>

namespace converge::ydoc_layout {

// A run that waits: its head byte, as in a crdt_text but for the last bit.
inline constexpr std::uint8_t kDeleted = 1;
inline constexpr std::uint8_t kSameClient = 2;
inline constexpr unsigned kLeftShift = 2;
inline constexpr unsigned kRightShift = 4;
inline constexpr std::uint8_t kSingle = 64;
inline constexpr std::uint8_t kIsGone = 128;

enum Origin : std::uint8_t {
  beside = 0,       // left: its own unit before; right: the unit after the left one
  edge = 1,         // none
  same_client = 2,  // an earlier unit of the run's own client, by distance
  other_client = 3,
};

// Where a run without origins is.
inline constexpr std::uint8_t kUnderUnit = 1;
inline constexpr std::uint8_t kKeyed = 2;

// The first byte of a content: its kind, a shared type's number and this, or that
// of a value.
inline constexpr std::uint8_t kTypeBase = 16;
inline constexpr std::uint8_t kFirstAnyTag = 116;

}  // namespace converge::ydoc_layout
