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
  EXPECT_EQ(fold_due({}, {500, 1'000, 1'500}), 1'000);
}

TEST(FoldRule, RetriesGrowToAMinute) {
  EXPECT_EQ(fold_retry_ms(1), 250);
  EXPECT_EQ(fold_retry_ms(2), 500);
  EXPECT_EQ(fold_retry_ms(9), 60'000);
  EXPECT_EQ(fold_retry_ms(1'000), 60'000);
}

}  // namespace
}  // namespace converge
