// Whether a bridge reads fast enough for the others to wait for it.
#pragma once

#include "worker/background/output_queue.h"
#include "worker/background/settings.h"

namespace converge::worker {

// The time counts from when a bridge leaves something unread, not from when its queue is
// full: what has stopped reading before that is waited for no more.
class ReadingPace {
 public:
  void begin() { *this = {}; }

  // It was offered what its queue had, took `taken` bytes of it, and left `more`.
  void note(int taken, bool more, TimestampTz now) {
    if (behind_ && more) {
      // Not for the time in which this process did not offer anything.
      const int64 elapsed = Max(0, Min(now - noted_at_, Max(timeout() / 4, kLongestGap)));

      silent_ = taken > 0 ? 0 : silent_ + elapsed;
      credit_ = Max(credit_ - elapsed, 0) + taken * allowance() / OutputQueue::kLimit;
      credit_ = Min(credit_, allowance());
    } else {
      silent_ = 0;
      credit_ = allowance();
    }
    behind_ = more;
    noted_at_ = now;
  }

  // It has read nothing for converge.slow_bridge_timeout, or less than a queue in twice that time.
  bool too_slow() const { return behind_ && (silent_ >= timeout() || credit_ == 0); }

 private:
  static constexpr int64 kLongestGap = 250 * int64{1000};

  static int64 timeout() { return slow_bridge_timeout * int64{1000}; }
  static int64 allowance() { return 2 * timeout(); }

  bool behind_;
  int64 silent_;  // microseconds for which it took nothing
  int64 credit_;  // microseconds, which pass while it is behind; what it takes makes more of them
  TimestampTz noted_at_;
};

}  // namespace converge::worker
