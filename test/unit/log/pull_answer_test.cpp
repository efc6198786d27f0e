#include "core/log/pull_answer.h"

#include <gtest/gtest.h>

namespace converge {
namespace {

TEST(LogReaches, FromTheLastCompactedNumberOn) {
  EXPECT_TRUE(log_reaches(0, 0));
  EXPECT_TRUE(log_reaches(4, 4));
  EXPECT_TRUE(log_reaches(9, 4));
  EXPECT_FALSE(log_reaches(3, 4));
}

TEST(RangeSize, UntilTheStateIsSmaller) {
  constexpr std::size_t kOverhead = RangeSize::kChangeOverhead;
  RangeSize size(2 * (kOverhead + 10));
  EXPECT_TRUE(size.has_room_for(2));
  EXPECT_TRUE(size.add(10));
  EXPECT_TRUE(size.add(10)) << "as large as the state is not larger";
  EXPECT_FALSE(size.has_room_for(1));
  EXPECT_TRUE(size.has_room_for(0));
  EXPECT_FALSE(size.add(0));
}

TEST(RangeSize, ALargePayloadDoesNotWrap) {
  RangeSize size(100);
  EXPECT_FALSE(size.add(1'000));
  EXPECT_TRUE(size.add(0)) << "what was refused took no room";
}

}  // namespace
}  // namespace converge
