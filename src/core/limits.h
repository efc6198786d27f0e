// Bounds on what one state may hold. Beyond them edits, merges and decoders
// give too_large; nothing is dropped.
#pragma once

#include <cstddef>

namespace converge {

// Map keys and set elements: as long as PostgreSQL can index them.
inline constexpr std::size_t kMaxKeyBytes = 2048;
// One JSON text.
inline constexpr std::size_t kMaxValueBytes = std::size_t{1} << 20;
// Keys of a map, set or not; elements of a set; replicas of a counter.
inline constexpr std::size_t kMaxEntries = std::size_t{1} << 20;

}  // namespace converge
