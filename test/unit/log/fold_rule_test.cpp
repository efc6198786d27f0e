// When a document is folded.
#include "core/log/fold_rule.h"

#include <gtest/gtest.h>

namespace converge {
namespace {

TEST(FoldRule, AQuietDocumentIsFoldedTwoSecondsAfterItsLastChange) {
  EXPECT_EQ(fold_due({}, {1, 1'000, 1'000}), 3'000);
  EXPECT_EQ(fold_due({}, {10, 1'000, 5'000}), 7'000);
}

TEST(FoldRule, ABusyOneThirtySecondsAfterItsFirst) {
  EXPECT_EQ(fold_due({}, {100, 1'000, 30'500}), 31'000);
}

TEST(FoldRule, AndAnyAtFiveHundredChanges) {
  EXPECT_EQ(fold_due({}, {499, 1'000, 1'500}), 3'500);
  EXPECT_EQ(fold_due({}, {500, 1'000, 1'500}), 1'500);
}

TEST(FoldRule, FromTheMomentWhenItHadThem) {
  EXPECT_EQ(fold_due({}, {1'000, 1'000, 2'000}), 1'500);
  EXPECT_EQ(fold_due({}, {5'000, 1'000, 1'000}), 1'000) << "all at once";
  EXPECT_EQ(fold_due({}, {500, 1'000, 40'000}), 31'000) << "so many, but late";
}

TEST(FoldRule, BusyDocumentsThatBeganTogetherAreSpread) {
  // Numbers as a sequence gives them: no tenth of the quarter has many more than others.
  int tenths[10] = {};
  for (std::uint64_t document = 1; document <= 1'000; ++document) {
    const std::int64_t due = fold_due(rule_of({}, document), {100, 0, 29'999});
    ASSERT_GT(due, 22'500);
    ASSERT_LE(due, 30'000);
    ++tenths[(30'000 - due) / 750];
  }
  for (const int count : tenths) {
    EXPECT_GT(count, 60);
    EXPECT_LT(count, 140);
  }
}

TEST(FoldRule, AndThoseThatChangeEquallyOften) {
  std::int64_t first = 1'000'000, last = 0;
  for (std::uint64_t document = 1; document <= 100; ++document) {
    const std::int64_t due = fold_due(rule_of({}, document), {1'000, 0, 2'000});
    first = std::min(first, due);
    last = std::max(last, due);
  }
  EXPECT_GE(first, 750);
  EXPECT_LT(first, 800);
  EXPECT_GT(last, 950);
  EXPECT_LE(last, 1'000);
}

TEST(FoldRule, ADocumentsShareIsItsOwnWheneverItIsAsked) {
  EXPECT_EQ(rule_of({}, 7).latest_ms, rule_of({}, 7).latest_ms);
  EXPECT_NE(rule_of({}, 7).latest_ms, rule_of({}, 8).latest_ms);
}

TEST(FoldRule, AQuietOneIsFoldedWhenTheRuleSaysSo) {
  for (std::uint64_t document = 1; document <= 100; ++document)
    EXPECT_EQ(fold_due(rule_of({}, document), {1, 1'000, 1'000}), 3'000);
}

TEST(FoldRule, RetriesGrowToAMinute) {
  EXPECT_EQ(fold_retry_ms(1), 250);
  EXPECT_EQ(fold_retry_ms(2), 500);
  EXPECT_EQ(fold_retry_ms(9), 60'000);
  EXPECT_EQ(fold_retry_ms(1'000), 60'000);
}

}  // namespace
}  // namespace converge
