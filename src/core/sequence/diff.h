// What to erase and insert to make one text of another.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace converge {

// Erase `erased` characters at `at`, then insert `text` there. Positions are
// those at the time of the change, the earlier ones being made.
struct TextChange {
  std::uint64_t at = 0;
  std::uint64_t erased = 0;
  std::string_view text;  // a view into the wanted text
};

// The changes that make `wanted` of `current`, ascending. They are the fewest
// characters (Myers, "An O(ND) difference algorithm and its variations", 1986,
// with the linear-space refinement) unless the texts are long and differ in very
// many places: beyond some hundred million steps a search goes on from where it
// came furthest. Both texts are well-formed.
std::vector<TextChange> diff_text(std::string_view current, std::string_view wanted);

}  // namespace converge
