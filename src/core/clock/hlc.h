// Hybrid logical clock (Kulkarni, Demirbas et al., 2014) in 64 bits: 48 of
// milliseconds since 1970, then 16 of a counter. It never falls behind what it
// has seen and stays near the wall clock. The core reads no clock: whoever
// calls says what time it is.
#pragma once

#include <algorithm>
#include <compare>
#include <cstdint>
#include <limits>
#include <string>

#include "core/result.h"

namespace converge {

struct Hlc {
  std::uint64_t bits = 0;

  static constexpr std::uint64_t kMsLimit = std::uint64_t{1} << 48;

  std::uint64_t ms() const { return bits >> 16; }
  std::uint32_t counter() const { return static_cast<std::uint32_t>(bits & 0xffff); }

  // The next reading after `*this`: the wall clock where that is ahead, else
  // one more than before. A full counter runs over into the milliseconds, so
  // that 65,536 readings a millisecond are no limit and order is kept.
  // Errors: clock, when now_ms needs more than 48 bits or no reading is left.
  Result<Hlc> tick(std::uint64_t now_ms) const {
    if (now_ms >= kMsLimit) {
      return Error{ErrorCode::clock, "wall clock is out of range",
                   std::to_string(now_ms) + " ms, the limit is 2^48 - 1"};
    }
    if (now_ms > ms()) return Hlc{now_ms << 16};
    if (bits == std::numeric_limits<std::uint64_t>::max()) {
      return Error{ErrorCode::clock, "hybrid logical clock overflows", "it stands at its last value"};
    }
    return Hlc{bits + 1};
  }

  // The next reading after both `*this` and one that came from elsewhere.
  Result<Hlc> receive(Hlc remote, std::uint64_t now_ms) const {
    return std::max(*this, remote).tick(now_ms);
  }

  // How many milliseconds it lies ahead of the wall clock; 0 if it does not.
  std::uint64_t ahead_of(std::uint64_t now_ms) const { return ms() > now_ms ? ms() - now_ms : 0; }

  friend auto operator<=>(const Hlc&, const Hlc&) = default;
};

}  // namespace converge
