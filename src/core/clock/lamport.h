// Lamport clock (1978): a number that is greater than every number it has seen.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/replica.h"
#include "core/result.h"

namespace converge {

class LamportClock {
 public:
  explicit LamportClock(std::uint64_t time = 0) : time_(time) {}

  std::uint64_t time() const { return time_; }

  // The time of an event here. Errors: clock, at 2^53 - 1.
  Result<std::uint64_t> tick() {
    if (time_ + 1 >= kCounterLimit) {
      return Error{ErrorCode::clock, "Lamport clock overflows", "the limit is 2^53 - 1"};
    }
    return ++time_;
  }

  // The time of receiving what was sent at `remote`. Errors: clock.
  Result<std::uint64_t> receive(std::uint64_t remote) {
    if (remote >= kCounterLimit) {
      return Error{ErrorCode::clock, "Lamport time is out of range",
                   std::to_string(remote) + ", the limit is 2^53 - 1"};
    }
    time_ = std::max(time_, remote);
    return tick();
  }

 private:
  std::uint64_t time_;
};

}  // namespace converge
