#include <gtest/gtest.h>

#include <limits>

#include "core/counter/g_counter.h"
#include "core/counter/pn_counter.h"

namespace converge {
namespace {

constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kGreatest = std::numeric_limits<std::int64_t>::max();

TEST(PnCounter, goes_both_ways) {
  PnCounter counter;
  ASSERT_TRUE(counter.increment(1, 5).ok());
  ASSERT_TRUE(counter.increment(1, -7).ok());
  ASSERT_TRUE(counter.increment(2, 1).ok());
  EXPECT_EQ(counter.value().value(), -1);
  EXPECT_EQ(counter.version().to_text(), R"({"1": 2, "2": 1})");
}

TEST(PnCounter, the_least_and_the_greatest_replica_count_too) {
  PnCounter counter;
  ASSERT_TRUE(counter.increment(kReplicaLimit - 1, 2).ok());
  ASSERT_TRUE(counter.increment(0, 3).ok());
  EXPECT_EQ(PnCounter::decode(counter.encode()).value().value().value(), 5);
  EXPECT_EQ(counter.increment(kReplicaLimit, 1).error().code, ErrorCode::out_of_range);
}

TEST(PnCounter, adding_nothing_changes_nothing) {
  PnCounter counter;
  std::string delta;
  ASSERT_TRUE(counter.increment(1, 0, &delta).ok());
  EXPECT_TRUE(counter.is_empty());
  EXPECT_EQ(delta, "\x41");
}

TEST(PnCounter, the_delta_of_an_edit_is_the_edit) {
  PnCounter a;
  ASSERT_TRUE(a.increment(1, 5).ok());
  PnCounter b = a;
  std::string delta;
  ASSERT_TRUE(b.increment(2, -3, &delta).ok());
  EXPECT_EQ(delta, std::string("\x41\x02\x01\x00\x03", 5));
  ASSERT_TRUE(a.merge(PnCounter::decode(delta).value()).ok());
  EXPECT_EQ(a.encode(), b.encode());
}

TEST(PnCounter, reaches_the_ends_of_a_bigint_and_not_beyond) {
  PnCounter counter;
  ASSERT_TRUE(counter.increment(1, kLeast).ok());
  EXPECT_EQ(counter.value().value(), kLeast);
  const std::string before = counter.encode();
  EXPECT_EQ(counter.increment(2, -1).error().message, "pn_counter is out of range");
  EXPECT_EQ(counter.encode(), before);
  ASSERT_TRUE(counter.increment(1, kGreatest).ok());
  ASSERT_TRUE(counter.increment(1, 1).ok());
  EXPECT_EQ(counter.value().value(), 0);
}

TEST(PnCounter, a_replica_s_total_has_a_limit) {
  PnCounter counter;
  ASSERT_TRUE(counter.increment(1, kGreatest).ok());
  ASSERT_TRUE(counter.increment(1, -kGreatest).ok());
  ASSERT_TRUE(counter.increment(1, kGreatest).ok());
  ASSERT_TRUE(counter.increment(1, -kGreatest).ok());
  ASSERT_TRUE(counter.increment(1, 1).ok());
  EXPECT_EQ(counter.increment(1, 1).error().message, "a replica's total is out of range");
  EXPECT_EQ(counter.value().value(), 1);
  EXPECT_EQ(counter.increment(kReplicaLimit, 1).error().message, "replica is out of range");
}

TEST(PnCounter, what_concurrent_edits_push_beyond_a_bigint_is_named) {
  PnCounter a, b;
  ASSERT_TRUE(a.increment(1, kGreatest).ok());
  ASSERT_TRUE(b.increment(2, 1).ok());
  ASSERT_TRUE(a.merge(b).ok());
  EXPECT_EQ(a.value().error().code, ErrorCode::out_of_range);
  EXPECT_EQ(a.value().error().detail, "its value is above 2^63 - 1");
  ASSERT_TRUE(a.increment(3, -1).ok());
  EXPECT_EQ(a.value().value(), kGreatest);
}

TEST(GCounter, only_grows_and_has_an_encoding_of_its_own) {
  GCounter counter;
  ASSERT_TRUE(counter.increment(1, 5).ok());
  ASSERT_TRUE(counter.increment(1, 2).ok());
  EXPECT_EQ(counter.value().value(), 7);
  EXPECT_EQ(counter.encode(), "\x51\x01\x02\x07");
  EXPECT_EQ(GCounter::decode("\x41").error().code, ErrorCode::wrong_type);
  EXPECT_EQ(counter.increment(2, std::uint64_t{1} << 63).error().code, ErrorCode::out_of_range);
}

TEST(GCounter, refuses_what_is_not_canonical) {
  using namespace std::literals;
  for (auto bytes : {""sv, "\x51\x01"sv, "\x51\x01\x02"sv, "\x51\x01\x00\x07"sv,
                     "\x51\x01\x02\x07\x00\x02\x07"sv, "\x52"sv,
                     "\x51\x80\x80\x80\x80\x80\x80\x80\x10\x01\x01"sv}) {
    EXPECT_EQ(GCounter::decode(bytes).error().code, ErrorCode::malformed);
  }
}

}  // namespace
}  // namespace converge
