// What push() decides by a change's number, hash and expectation.
#include "core/log/numbering.h"

#include <gtest/gtest.h>

namespace converge {
namespace {

TEST(Numbering, TheNextNumberIsAppliedAndALaterOneIsAGap) {
  EXPECT_EQ(place_of({0, 0}, 1), NumberPlace::next);
  EXPECT_EQ(place_of({7, 0}, 8), NumberPlace::next);
  EXPECT_EQ(place_of({7, 0}, 9), NumberPlace::gap);
  EXPECT_EQ(expected_number({7, 0}), 8u);
}

TEST(Numbering, NumbersUpToTheLastAreTakenAlsoAfterARefusal) {
  EXPECT_EQ(place_of({7, 0}, 7), NumberPlace::taken);
  EXPECT_EQ(place_of({7, 7}, 7), NumberPlace::taken);
  EXPECT_EQ(place_of({7, 7}, 1), NumberPlace::taken);
}

TEST(Numbering, ARefusalEndsTheReplica) {
  EXPECT_EQ(place_of({7, 7}, 8), NumberPlace::after_refused);
  EXPECT_EQ(place_of({7, 7}, 9), NumberPlace::after_refused);
  // Refused at a number that could not be taken: it is the next one all the same.
  EXPECT_EQ(place_of({7, 8}, 8), NumberPlace::after_refused);
}

TEST(Numbering, ATakenNumberIsADuplicateOnlyWithTheSameContent) {
  EXPECT_EQ(resolve_taken("abc", false, "abc"), TakenBy::same);
  EXPECT_EQ(resolve_taken("abc", true, "abc"), TakenBy::same_refused);
  EXPECT_EQ(resolve_taken("abc", false, "abd"), TakenBy::other);
  EXPECT_EQ(resolve_taken("abc", true, "abd"), TakenBy::other);
  EXPECT_EQ(resolve_taken("", false, "abc"), TakenBy::same);
}

TEST(Numbering, AClockMayLieSixtySecondsAhead) {
  constexpr std::uint64_t now = 1'700'000'000'000;
  EXPECT_FALSE(clock_lies_ahead((now + 60'000) << 16 | 0xffff, now));
  EXPECT_TRUE(clock_lies_ahead((now + 60'001) << 16, now));
  EXPECT_FALSE(clock_lies_ahead(0, now));
}

LogVersion version(std::initializer_list<LogVersion::Entry> entries) {
  LogVersion made;
  for (const auto& entry : entries) made.set(entry.replica, entry.counter);
  return made;
}

TEST(Numbering, AnExpectationIsMetUntilSomebodyElseWrites) {
  const LogVersion seen = version({{1, 4}, {2, 9}});
  EXPECT_TRUE(meets_expectation(seen, seen, 1));
  EXPECT_TRUE(meets_expectation(seen, version({{1, 4}}), 1));
  EXPECT_TRUE(meets_expectation(seen, version({{1, 6}, {2, 9}}), 1));
  EXPECT_FALSE(meets_expectation(seen, version({{1, 4}, {2, 10}}), 1));
  EXPECT_FALSE(meets_expectation(seen, version({{1, 4}, {3, 1}}), 1));
  EXPECT_TRUE(meets_expectation({}, {}, 1));
  EXPECT_TRUE(meets_expectation({}, version({{1, 1}}), 1));
}

}  // namespace
}  // namespace converge
