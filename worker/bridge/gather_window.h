// How long a worker of the bridge gathers what comes before it acts on it: not at
// all, until its thread is busy most of the time. Whatever is done for more at
// once costs less for each: a call of converge.push() its documents and its
// commit, a turn's end one system call for each client. A call gathers from the
// oldest that it has, a turn from the end of the one before: what comes when that
// is long ago goes out at once.
//
// The window grows with the thread's load, the share of the time in which it ran
// or waited for a processor, smoothed over some tenths of a second: from 0 at
// kIdleLoad to the setting `gather` at kFullLoad, in proportion. Gathering makes
// the load smaller, and so the two meet where the worker keeps up.
#pragma once

#include <chrono>
#include <functional>
#include <utility>

#include "async.h"

namespace converge::bridge {

class GatherWindow {
 public:
  using Clock = std::chrono::steady_clock;

  // `longest`: the longest window; 0 gathers never.
  GatherWindow(asio::io_context& io, std::chrono::milliseconds longest) : longest_(longest), timer_(io) {}

  // How long what comes now may be kept waiting for more. To be asked by the
  // worker's thread.
  std::chrono::microseconds window();

  // What to do at a turn's end: `collect`, and then `write`. What `collect` asks
  // to be written still belongs to this turn.
  void at_end(std::function<void()> collect, std::function<void()> write);
  // Has that done when this turn's work is done and, under load, the window has passed
  // since the last turn's end. To be asked for once or often.
  void end_turn_later();
  // For work after which nothing more is known to come in this turn: what it asks for
  // is done right after it, unless more is gathered.
  template <class Work>
  void end_turn_after(Work&& work) {
    if (working_ || ending_turn_) return work();  // a part of other such work, or of a turn's end
    {
      Within within(working_);
      work();
    }
    if (!std::exchange(asked_, false) || ending_) return;
    if (window().count() == 0) return end_turn();
    end_turn_later();
  }

 private:
  struct Within {
    explicit Within(bool& flag) : flag(flag) { flag = true; }
    ~Within() { flag = false; }
    bool& flag;
  };

  void sample(Clock::time_point now);
  void end_turn();

  const std::chrono::microseconds longest_;
  asio::steady_timer timer_;
  std::function<void()> collect_;
  std::function<void()> write_;
  bool ending_ = false;       // it is posted, or the timer set
  bool ending_turn_ = false;  // at this moment
  bool working_ = false;      // in end_turn_after(), which
  bool asked_ = false;        // is to end the turn
  Clock::time_point ended_;   // the last turn

  Clock::time_point sampled_;
  std::chrono::nanoseconds busy_{0};  // of the thread, until then
  double load_ = 0;                   // smoothed, 0 to 1
};

}  // namespace converge::bridge
