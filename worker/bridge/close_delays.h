// How long closes of Yjs providers' connections are held back. Providers of older versions
// connect again at once whatever the close code says, each tab ten times a second: an
// expired token or a deleted row would be a load that nothing limits, since who fails has no
// principal. Held back, the provider waits for its answer and asks no more.
//
// Who fails for the first time is told at once; who comes again with the same reason to
// fail waits, each time twice as long. Provider and document are known by a number (a hash
// of token and name), not by address: everybody behind one proxy has the same.
#pragma once

#include <chrono>
#include <cstddef>
#include <unordered_map>

namespace converge::bridge {

class CloseDelays {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Duration = std::chrono::milliseconds;

  // `longest`: 0 holds nothing back; `most`: so many connections at a time.
  CloseDelays(Duration longest, std::size_t most) : longest_(longest), most_(most) {}

  // Counts a failure, and says how long to hold the close back; `may_pass`: what it failed
  // for may pass soon, so that it is not for long. Where that is not 0, release() is to follow.
  Duration hold(std::size_t who, bool may_pass, Time now);
  void release() { --held_; }

 private:
  struct Failures {
    unsigned count = 0;
    Time last;
  };

  const Duration longest_;
  const std::size_t most_;
  std::size_t held_ = 0;
  std::unordered_map<std::size_t, Failures> failures_;
};

}  // namespace converge::bridge
