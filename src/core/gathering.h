// The join of many encoded states, one after the other.
//
// What comes is merged into a live state. Where a merge costs the more the larger
// that state is, states are gathered on levels instead, each of which moves into
// the next when it has grown, so that n small deltas cost n log n.
#pragma once

#include <cstddef>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace converge {

template <class State>
class Gathering {
 public:
  // Merges an encoded state.
  Result<void> add(std::string_view bytes) {
    State& first = levels_.front();
    if constexpr (requires { first.merge_encoded(bytes); }) {
      if (const Result<void> merged = first.merge_encoded(bytes); !merged) return merged.error();
    } else {
      const Result<State> state = State::decode(bytes);
      if (!state) return state.error();
      if (const Result<void> merged = first.merge(*state); !merged) return merged.error();
    }
    if constexpr (kLevelled<State>) return move_up();
    return {};
  }

  // The join of all that was added.
  Result<std::string> total() const {
    if (levels_.size() == 1) return levels_.front().encode();
    State joined = levels_.back();
    for (auto level = std::next(levels_.rbegin()); level != levels_.rend(); ++level)
      if (const Result<void> merged = joined.merge(*level); !merged) return merged.error();
    return joined.encode();
  }

 private:
  // A state says by merge_weight() how many items one merge may have to move.
  template <class S>
  static constexpr bool kLevelled = requires(const S& state) { state.merge_weight(); };
  static constexpr std::size_t kFirstLevel = 256;  // the weight at which it moves up
  static constexpr std::size_t kFanOut = 16;

  Result<void> move_up() {
    std::size_t limit = kFirstLevel;
    for (std::size_t at = 0; levels_[at].merge_weight() >= limit; ++at, limit *= kFanOut) {
      if (at + 1 == levels_.size()) levels_.emplace_back();
      if (const Result<void> merged = levels_[at + 1].merge(levels_[at]); !merged)
        return merged.error();
      levels_[at] = State();
    }
    return {};
  }

  std::vector<State> levels_ = std::vector<State>(1);
};

}  // namespace converge
