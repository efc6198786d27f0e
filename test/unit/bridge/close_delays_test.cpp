// How long closes are held back, with a clock of the test's own.
#include "close_delays.h"

#include <gtest/gtest.h>

namespace converge::bridge {
namespace {

using namespace std::chrono_literals;

const CloseDelays::Time kNow{};

TEST(CloseDelays, HoldsTheFirstNotBackAndTheOthersTwiceAsLongEachTime) {
  CloseDelays delays(20s, 100);
  EXPECT_EQ(delays.hold(1, false, kNow), 0ms);
  for (const auto expected : {500ms, 1000ms, 2000ms, 4000ms, 8000ms, 16000ms, 20000ms, 20000ms})
    EXPECT_EQ(delays.hold(1, false, kNow), expected);
  for (int i = 0; i < 100; ++i) EXPECT_LE(delays.hold(1, false, kNow), 20s);
}

TEST(CloseDelays, HoldsWhatMayPassNotLong) {
  CloseDelays delays(20s, 100);
  for (const auto expected : {0ms, 500ms, 1000ms, 2000ms, 2000ms}) EXPECT_EQ(delays.hold(1, true, kNow), expected);
}

TEST(CloseDelays, TellsProvidersApart) {
  CloseDelays delays(20s, 100);
  EXPECT_EQ(delays.hold(1, false, kNow), 0ms);
  EXPECT_EQ(delays.hold(1, false, kNow), 500ms);
  EXPECT_EQ(delays.hold(2, false, kNow), 0ms);
}

TEST(CloseDelays, ForgetsWhoDidNotFailForLong) {
  CloseDelays delays(20s, 100);
  for (int i = 0; i < 9; ++i) delays.hold(1, false, kNow);
  EXPECT_EQ(delays.hold(1, false, kNow + 79s), 20s);
  EXPECT_EQ(delays.hold(1, false, kNow + 160s), 0ms);
}

TEST(CloseDelays, HoldsNoMoreThanItMay) {
  CloseDelays delays(20s, 2);
  for (const std::size_t who : {1, 2, 3}) delays.hold(who, false, kNow);
  EXPECT_EQ(delays.hold(1, false, kNow), 500ms);
  EXPECT_EQ(delays.hold(2, false, kNow), 500ms);
  EXPECT_EQ(delays.hold(3, false, kNow), 0ms);
  delays.release();
  EXPECT_EQ(delays.hold(3, false, kNow), 1000ms);
}

TEST(CloseDelays, HoldsNothingWhereItIsToldSo) {
  CloseDelays delays(0ms, 100);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(delays.hold(1, false, kNow), 0ms);
}

TEST(CloseDelays, KnowsNoMoreThanItMay) {
  CloseDelays delays(20s, 100);
  for (std::size_t who = 0; who < 100000; ++who) EXPECT_EQ(delays.hold(who, false, kNow), 0ms);
}

}  // namespace
}  // namespace converge::bridge
