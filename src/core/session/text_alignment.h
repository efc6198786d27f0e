// Which places of two texts correspond, when they began equal and only a part
// of what happened to the one is to happen to the other. Used to make edits
// again behind one that was refused.
#pragma once

#include <cstdint>
#include <vector>

#include "core/session/text_splice.h"

namespace converge::session {

class TextAlignment {
 public:
  // A part of a splice, in the places of the new text.
  struct Step {
    std::uint64_t at = 0;
    std::uint64_t deleted = 0;
    bool inserts = false;  // the splice's inserted text goes here
  };

  // Both texts hold `length` characters, the same ones.
  explicit TextAlignment(std::uint64_t length);

  // A splice of the old text that the new one does not get.
  void lose(const TextSplice& splice);

  // A splice of the old text that the new one gets as far as what it deletes is
  // there: the steps to be taken, in this order, each after those before it.
  std::vector<Step> carry(const TextSplice& splice);

 private:
  enum class In : std::uint8_t { both, old_only, new_only };
  struct Segment {
    In in;
    std::uint64_t length;
  };

  // The first segment behind `at` characters of the old text, split if need be.
  std::size_t segment_at(std::uint64_t at);
  std::uint64_t new_length_before(std::size_t segment) const;

  std::vector<Segment> segments_;
};

}  // namespace converge::session
