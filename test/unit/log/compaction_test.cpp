#include "core/log/compaction.h"

#include <gtest/gtest.h>

namespace converge {
namespace {

constexpr std::uint64_t kAll = ~std::uint64_t{0};

CompactionCandidate change(std::uint64_t seq, std::int64_t recorded_at = 0) {
  return {seq, true, false, recorded_at};
}

TEST(Settled, BelowEveryRunningTransactionOrOfAPastEpoch) {
  const SettledBelow bound{100, 7};
  EXPECT_TRUE(is_settled(99, 7, bound));
  EXPECT_FALSE(is_settled(100, 7, bound)) << "the oldest running one itself";
  EXPECT_FALSE(is_settled(101, 7, bound)) << "committed, but after one that is not over";
  EXPECT_TRUE(is_settled(5'000, 6, bound)) << "another server's number";
}

TEST(CompactionCut, DropsAPrefix) {
  CompactionCut cut(0, kAll, 1);
  EXPECT_TRUE(cut.drops(change(1)));
  EXPECT_TRUE(cut.drops(change(2)));
  EXPECT_EQ(cut.last(), 2u);
}

TEST(CompactionCut, NothingGoesAfterTheFirstThatStays) {
  for (const CompactionCandidate& staying :
       {CompactionCandidate{2, false, false, 0}, CompactionCandidate{2, true, true, 0}, change(2, 1), change(2, 2)}) {
    CompactionCut cut(0, kAll, 1);
    EXPECT_TRUE(cut.drops(change(1)));
    EXPECT_FALSE(cut.drops(staying));
    EXPECT_FALSE(cut.drops(change(3)));
    EXPECT_FALSE(cut.drops(change(2)));
    EXPECT_EQ(cut.last(), 1u);
  }
}

TEST(CompactionCut, WhatIsNotFoldedStays) {
  CompactionCut cut(0, 2, 1);
  EXPECT_TRUE(cut.drops(change(1)));
  EXPECT_TRUE(cut.drops(change(2)));
  EXPECT_FALSE(cut.drops(change(3)));
}

// A number that is not seen is one that commits late: what comes after it is
// not to be dropped, although it is settled.
TEST(CompactionCut, AHoleEndsIt) {
  CompactionCut cut(4, kAll, 1);
  EXPECT_FALSE(cut.drops(change(6)));
  EXPECT_FALSE(cut.drops(change(7)));
  EXPECT_EQ(cut.last(), 4u);
}

TEST(CompactionCut, GoesOnWhereItEndedBefore) {
  CompactionCut cut(4, kAll, 1);
  EXPECT_TRUE(cut.drops(change(5)));
  EXPECT_EQ(cut.last(), 5u);
}

}  // namespace
}  // namespace converge
