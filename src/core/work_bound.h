// A bound on the processor time of work whose cost its size does not tell: what two
// replicas wrote at one place without having seen each other has to be put in order, which
// costs the square of it (480 kB took 20 s).
#pragma once

#include <time.h>

#include <chrono>
#include <optional>

namespace converge {

struct TooMuchWork {};

// For looking at one change from outside; a mebibyte that one replica wrote takes a fifth of it.
inline constexpr std::chrono::nanoseconds kMostWorkOfChange = std::chrono::milliseconds(250);

// While one lives, check_work_bound() throws TooMuchWork when this thread has had the processor
// for so much longer: its own time, since others may keep it from running. One at a
// time.
class WorkBound {
 public:
  explicit WorkBound(std::chrono::nanoseconds most) { ends_ = worked() + most; }
  ~WorkBound() { ends_.reset(); }
  WorkBound(const WorkBound&) = delete;
  WorkBound& operator=(const WorkBound&) = delete;

  static bool is_exceeded() { return ends_ && worked() > *ends_; }

 private:
  static std::chrono::nanoseconds worked() {
    timespec time = {};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
  }

  static inline thread_local std::optional<std::chrono::nanoseconds> ends_;
};

// What long_work_hook is, or calls.
inline void check_work_bound() {
  if (WorkBound::is_exceeded()) throw TooMuchWork{};
}

}  // namespace converge
