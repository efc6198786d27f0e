#include <gtest/gtest.h>

#include <limits>

#include "core/clock/hlc.h"
#include "core/clock/lamport.h"
#include "core/clock/log_version.h"
#include "core/clock/version_vector.h"

namespace converge {
namespace {

VersionVector vector_of(std::initializer_list<VersionVector::Entry> entries) {
  VersionVector vector;
  for (auto entry : entries) vector.set(entry.replica, entry.counter);
  return vector;
}

TEST(VersionVector, ticks_count_from_one) {
  VersionVector vector;
  EXPECT_EQ(vector.tick(7).value(), 1u);
  EXPECT_EQ(vector.tick(7).value(), 2u);
  EXPECT_EQ(vector.tick(3).value(), 1u);
  EXPECT_EQ(vector.to_text(), R"({"3": 1, "7": 2})");
}

TEST(VersionVector, a_tick_at_the_limit_is_refused) {
  VersionVector vector = vector_of({{1, kCounterLimit - 1}});
  EXPECT_EQ(vector.tick(1).error().code, ErrorCode::out_of_range);
  EXPECT_EQ(vector.tick(kReplicaLimit).error().code, ErrorCode::out_of_range);
}

TEST(VersionVector, compares_as_a_partial_order) {
  const auto a = vector_of({{1, 2}, {2, 1}});
  EXPECT_EQ(a.compare(a), Order::equal);
  EXPECT_EQ(a.compare(vector_of({{1, 2}})), Order::after);
  EXPECT_EQ(vector_of({{2, 1}}).compare(a), Order::before);
  EXPECT_EQ(a.compare(vector_of({{1, 1}, {2, 2}})), Order::concurrent);
  EXPECT_EQ(a.compare(vector_of({{3, 1}})), Order::concurrent);
  EXPECT_EQ(VersionVector().compare(a), Order::before);
}

TEST(VersionVector, merge_takes_the_greater_of_each) {
  auto a = vector_of({{1, 2}, {5, 1}});
  a.merge(vector_of({{1, 1}, {3, 4}, {5, 6}, {9, 1}}));
  EXPECT_EQ(a, vector_of({{1, 2}, {3, 4}, {5, 6}, {9, 1}}));
  a.merge(vector_of({{0, 7}}));
  EXPECT_EQ(a.get(0), 7u);
  EXPECT_EQ(a.size(), 5u);
}

TEST(VersionVector, encodes_canonically) {
  const auto a = vector_of({{0, 1}, {3, 300}, {kReplicaLimit - 1, kCounterLimit - 1}});
  EXPECT_EQ(VersionVector::decode(a.encode()).value(), a);
  EXPECT_EQ(VersionVector().encode(), "\x81");
  EXPECT_TRUE(VersionVector::decode("").value().empty());
  EXPECT_EQ(vector_of({{2, 3}, {5, 1}}).encode(), "\x81\x02\x03\x03\x01");
}

TEST(VersionVector, refuses_what_is_not_canonical) {
  using namespace std::literals;
  for (auto bytes : {"\x91"sv, "\x81\x02"sv, "\x81\x02\x00"sv, "\x81\x02\x01\x00\x01"sv,
                     "\x81\x82\x00\x01"sv, "\x81\x80"sv,
                     "\x81\x80\x80\x80\x80\x80\x80\x80\x10\x01"sv,
                     "\x81\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"sv}) {
    auto read = VersionVector::decode(bytes);
    ASSERT_FALSE(read.ok());
    EXPECT_EQ(read.error().code, ErrorCode::malformed);
    EXPECT_EQ(read.error().message, "malformed version_vector");
  }
}

TEST(LogVersion, reads_its_text_form) {
  auto read = LogVersion::parse(" { \"9\" : 1 , \"2\":30, \"4\": 0 } ");
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->to_text(), R"({"2": 30, "9": 1})");
  EXPECT_EQ(LogVersion::parse("{}").value().to_text(), "{}");
  for (auto text : {"", "{", "[]", "{\"1\": 2", "{\"1\": 2}x", "{\"1\": -2}", "{1: 2}",
                    "{\"1\": 2, \"1\": 3}", "{\"01\": 2}", "{\"1\": 9007199254740992}",
                    "{\"9007199254740992\": 1}", "{\"1\": 2,}", "{\"1\": 99999999999999999999}"}) {
    EXPECT_FALSE(LogVersion::parse(text).ok()) << text;
  }
}

TEST(Hlc, follows_the_wall_clock_and_never_goes_back) {
  const Hlc at = Hlc{}.tick(1000).value();
  EXPECT_EQ(at.ms(), 1000u);
  EXPECT_EQ(at.counter(), 0u);
  const Hlc same = at.tick(1000).value();
  EXPECT_EQ(same.ms(), 1000u);
  EXPECT_EQ(same.counter(), 1u);
  EXPECT_EQ(same.tick(10).value().counter(), 2u);
  EXPECT_EQ(same.tick(1001).value(), Hlc{std::uint64_t{1001} << 16});
}

TEST(Hlc, a_full_counter_runs_over_into_the_milliseconds) {
  const Hlc full{(std::uint64_t{1000} << 16) | 0xffff};
  const Hlc next = full.tick(1000).value();
  EXPECT_GT(next, full);
  EXPECT_EQ(next.ms(), 1001u);
  EXPECT_EQ(next.counter(), 0u);
}

TEST(Hlc, says_when_no_reading_is_left) {
  const Hlc last{std::numeric_limits<std::uint64_t>::max()};
  EXPECT_EQ(last.tick(1000).error().code, ErrorCode::clock);
  EXPECT_EQ(Hlc{}.tick(Hlc::kMsLimit).error().code, ErrorCode::clock);
}

TEST(Hlc, receiving_passes_both) {
  const Hlc here = Hlc{}.tick(5).value();
  const Hlc there = Hlc{}.tick(900).value();
  EXPECT_GT(here.receive(there, 10).value(), there);
  EXPECT_GT(there.receive(here, 10).value(), there);
  EXPECT_EQ(there.ahead_of(850), 50u);
  EXPECT_EQ(there.ahead_of(901), 0u);
}

TEST(LamportClock, passes_what_it_receives) {
  LamportClock clock;
  EXPECT_EQ(clock.tick().value(), 1u);
  EXPECT_EQ(clock.receive(10).value(), 11u);
  EXPECT_EQ(clock.receive(3).value(), 12u);
  EXPECT_EQ(clock.receive(kCounterLimit).error().code, ErrorCode::clock);
  EXPECT_EQ(LamportClock(kCounterLimit - 1).tick().error().code, ErrorCode::clock);
  EXPECT_EQ(clock.time(), 12u);
}

}  // namespace
}  // namespace converge
