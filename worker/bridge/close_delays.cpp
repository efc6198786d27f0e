#include "close_delays.h"

#include <algorithm>

namespace converge::bridge {

namespace {

constexpr CloseDelays::Duration kFirst{500};
constexpr CloseDelays::Duration kLongestOfPassing{2000};
// Who did not fail for so long begins anew. Longer than closes are held back.
constexpr std::chrono::seconds kForgotten{60};
constexpr std::size_t kMostKnown = 10000;

}  // namespace

CloseDelays::Duration CloseDelays::hold(std::size_t who, bool may_pass, Time now) {
  if (failures_.size() >= kMostKnown && failures_.count(who) == 0) {
    std::erase_if(failures_, [&](const auto& known) { return now - known.second.last >= kForgotten; });
    if (failures_.size() >= kMostKnown) failures_.clear();
  }
  Failures& failures = failures_[who];
  if (failures.count > 0 && now - failures.last >= kForgotten + longest_) failures.count = 0;
  failures.last = now;
  if (failures.count++ == 0 || held_ >= most_) return Duration(0);
  const unsigned doublings = std::min(failures.count - 2, 16u);
  const Duration delay = std::min({kFirst * (1 << doublings), longest_, may_pass ? kLongestOfPassing : longest_});
  if (delay > Duration(0)) ++held_;
  return delay;
}

}  // namespace converge::bridge
