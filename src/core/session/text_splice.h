// What changed in a text, for whoever shows it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/sequence/text.h"

namespace converge::session {

// At a position, so many characters were deleted and these inserted; the same
// in characters (code points) and in UTF-16 units.
struct TextSplice {
  std::uint64_t at = 0;
  std::uint64_t deleted = 0;
  std::uint64_t at_utf16 = 0;
  std::uint64_t deleted_utf16 = 0;
  std::string inserted;  // UTF-8

  friend bool operator==(const TextSplice&, const TextSplice&) = default;
};

// The number of characters in well-formed UTF-8.
std::uint64_t count_chars(std::string_view utf8);

// The one splice that turns `before` into `after` and leaves their common
// beginning and end alone; nothing if they are equal.
std::optional<TextSplice> splice_between(std::string_view before, std::string_view after);

// The splices that turn `before` into `after`, a later state of the same text,
// one after the other from the beginning to the end. Told by the characters'
// identifiers: what stands between two edits is left alone, and what was deleted
// and typed again is another character.
std::vector<TextSplice> splices_between(const Text& before, const Text& after);

}  // namespace converge::session
