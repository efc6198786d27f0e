// How long the bridge gathers: not at all while its thread rests, and up to the bound
// while it works.
#include "gather_window.h"

#include <gtest/gtest.h>

#include <functional>
#include <thread>

namespace converge::bridge {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Clock = GatherWindow::Clock;

constexpr milliseconds kLongest{10};
// For what only takes long on a machine that does much else.
constexpr seconds kPatience{60};

bool comes_true(const std::function<bool()>& condition, const std::function<void()>& meanwhile) {
  const auto deadline = Clock::now() + kPatience;
  while (!condition()) {
    if (Clock::now() >= deadline) return false;
    meanwhile();
  }
  return true;
}

void work() {
  const auto until = Clock::now() + milliseconds(5);
  while (Clock::now() < until) {
  }
}

void rest() { std::this_thread::sleep_for(milliseconds(50)); }

TEST(GatherWindow, not_at_all_until_the_thread_has_worked_for_some_time) {
  asio::io_context io;
  GatherWindow gathering(io, kLongest);
  EXPECT_EQ(gathering.window(), microseconds(0));
  // A thread that waits for a processor counts as one that works.
  EXPECT_TRUE(comes_true([&] { return gathering.window() == microseconds(0); }, rest));
}

TEST(GatherWindow, up_to_the_bound_under_load_and_no_longer_when_that_ends) {
  asio::io_context io;
  GatherWindow gathering(io, kLongest);
  EXPECT_TRUE(comes_true([&] { return gathering.window() == kLongest; }, work));
  EXPECT_TRUE(comes_true([&] { return gathering.window() == microseconds(0); }, rest));
}

TEST(GatherWindow, never_with_a_bound_of_0) {
  asio::io_context io;
  GatherWindow gathering(io, milliseconds(0));
  for (int i = 0; i < 100; ++i) {
    work();
    ASSERT_EQ(gathering.window(), microseconds(0));
  }
}

TEST(GatherWindow, a_turn_ends_once_however_often_that_is_asked_for) {
  asio::io_context io;
  GatherWindow gathering(io, kLongest);
  int ends = 0;
  gathering.at_end([] {}, [&] { ++ends; });
  for (int turn = 1; turn <= 3; ++turn) {
    for (int i = 0; i < 5; ++i) gathering.end_turn_later();
    EXPECT_EQ(ends, turn - 1) << "before the turn's work was done";
    io.restart();
    io.run();
    EXPECT_EQ(ends, turn);
  }
}

TEST(GatherWindow, what_is_asked_for_while_collecting_is_this_turn_and_while_writing_the_next) {
  asio::io_context io;
  GatherWindow gathering(io, kLongest);
  int collected = 0;
  int written = 0;
  gathering.at_end(
      [&] {
        ++collected;
        gathering.end_turn_later();
      },
      [&] {
        EXPECT_EQ(++written, collected);
        if (written < 3) gathering.end_turn_later();
      });
  gathering.end_turn_later();
  io.run();
  EXPECT_EQ(written, 3);
}

TEST(GatherWindow, a_turn_ends_right_after_the_work_that_is_known_to_be_its_last) {
  asio::io_context io;
  GatherWindow gathering(io, kLongest);
  int collected = 0;
  int written = 0;
  gathering.at_end([&] { ++collected; },
                   [&] {
                     ++written;
                     // What writing leads to is the next turn's.
                     if (written == 1) gathering.end_turn_after([&] { gathering.end_turn_later(); });
                   });
  gathering.end_turn_after([] {});
  EXPECT_EQ(written, 0) << "nothing was asked for";
  gathering.end_turn_after([&] {
    gathering.end_turn_later();
    gathering.end_turn_after([&] { gathering.end_turn_later(); });
    EXPECT_EQ(written, 0) << "before the work was done";
  });
  EXPECT_EQ(collected, 1);
  EXPECT_EQ(written, 1);
  io.run();
  EXPECT_EQ(collected, 2);
  EXPECT_EQ(written, 2);
}

TEST(GatherWindow, under_load_other_work_goes_before_a_turn_s_end) {
  asio::io_context io;
  GatherWindow gathering(io, kLongest);
  int written = 0;
  gathering.at_end([] {}, [&] { ++written; });
  ASSERT_TRUE(comes_true([&] { return gathering.window() == kLongest; }, work));
  gathering.end_turn_after([&] { gathering.end_turn_later(); });
  EXPECT_EQ(written, 0);
  io.run();
  EXPECT_EQ(written, 1);
}

TEST(GatherWindow, under_load_a_turn_ends_when_the_window_has_passed_since_the_one_before) {
  asio::io_context io;
  GatherWindow gathering(io, kLongest);
  Clock::time_point ended{};
  gathering.at_end([] {}, [&] { ended = Clock::now(); });
  gathering.end_turn_later();
  io.run();
  ASSERT_TRUE(comes_true([&] { return gathering.window() == kLongest; }, work));
  ended = {};
  gathering.end_turn_later();
  io.restart();
  io.poll();
  const auto first = ended;
  EXPECT_GT(first, Clock::time_point{}) << "the one before was long ago";
  gathering.end_turn_later();
  io.restart();
  io.run();
  EXPECT_GE(ended - first, kLongest / 2);
}

}  // namespace
}  // namespace converge::bridge
