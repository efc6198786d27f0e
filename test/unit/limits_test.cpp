// What a state may hold at most: the last one fits, one more is refused by edit,
// join and decoder, and nothing changes.
#include "core/limits.h"

#include <gtest/gtest.h>

#include "core/clock/version_vector.h"
#include "core/codec/varint.h"
#include "core/counter/g_counter.h"
#include "core/lww_map/lww_map.h"
#include "core/or_set/or_set.h"

namespace converge {
namespace {

TEST(Limits, of_a_map) {
  LwwMap full;
  for (std::size_t i = 0; i < kMaxEntries; ++i) {
    ASSERT_TRUE(full.set(1, 1, std::to_string(i), "1").ok());
  }
  EXPECT_EQ(full.set(1, 1, "one more", "1").error().code, ErrorCode::too_large);
  ASSERT_TRUE(full.set(1, 1, "0", "2").ok());
  EXPECT_EQ(full.version().get(1), kMaxEntries + 1);

  LwwMap known, more;
  ASSERT_TRUE(known.set(2, 9, "1", "3").ok());
  ASSERT_TRUE(full.merge(known).ok());
  EXPECT_EQ(full.get("1"), "3");
  ASSERT_TRUE(more.set(3, 9, "one more", "1").ok());
  EXPECT_EQ(full.merge(more).error().message, "lww_map has no room for more keys");
  EXPECT_FALSE(full.contains("one more"));
  EXPECT_EQ(full.version().get(3), 0u);
  EXPECT_TRUE(LwwMap::decode(full.encode()).ok());
}

TEST(Limits, of_a_set) {
  OrSet full;
  for (std::size_t i = 0; i < kMaxEntries; ++i) {
    ASSERT_TRUE(full.add(1, std::to_string(i)).ok());
  }
  EXPECT_EQ(full.add(1, "one more").error().code, ErrorCode::too_large);
  ASSERT_TRUE(full.add(1, "0").ok());

  OrSet known, more;
  ASSERT_TRUE(known.add(2, "1").ok());
  ASSERT_TRUE(full.merge(known).ok());
  ASSERT_TRUE(more.add(3, "one more").ok());
  EXPECT_EQ(full.merge(more).error().message, "or_set has no room for more elements");
  EXPECT_EQ(full.version().get(3), 0u);
  EXPECT_EQ(full.size(), kMaxEntries);
  ASSERT_TRUE(full.remove(1, "0").ok());
  ASSERT_TRUE(full.merge(more).ok());
  EXPECT_TRUE(full.contains("one more"));
}

TEST(Limits, of_a_counter) {
  std::string bytes = empty_state(FieldType::g_counter);
  for (std::size_t i = 0; i < kMaxEntries; ++i) bytes += "\x01\x01\x01";
  auto full = GCounter::decode(bytes);
  ASSERT_TRUE(full.ok());
  EXPECT_EQ(full->value().value(), static_cast<std::int64_t>(kMaxEntries));
  EXPECT_EQ(GCounter::decode(bytes + "\x01\x01\x01").error().code, ErrorCode::too_large);
  EXPECT_EQ(full->increment(kReplicaLimit - 1, 1).error().code, ErrorCode::too_large);
  ASSERT_TRUE(full->increment(1, 1).ok());
  GCounter more;
  ASSERT_TRUE(more.increment(kReplicaLimit - 1, 1).ok());
  EXPECT_EQ(full->merge(more).error().code, ErrorCode::too_large);
  EXPECT_EQ(full->value().value(), static_cast<std::int64_t>(kMaxEntries + 1));
}

TEST(Limits, of_a_version) {
  std::string bytes = VersionVector().encode();
  for (std::size_t i = 0; i < kMaxReplicas; ++i) bytes += "\x01\x01";
  auto full = VersionVector::decode(bytes);
  ASSERT_TRUE(full.ok());
  EXPECT_EQ(VersionVector::decode(bytes + "\x01\x01").error().code, ErrorCode::too_large);
  EXPECT_EQ(full->tick(kReplicaLimit - 1).error().code, ErrorCode::out_of_range);
  EXPECT_EQ(full->tick(1).value(), 2u);
}

TEST(Limits, of_a_key) {
  LwwMap map;
  EXPECT_TRUE(map.set(1, 1, std::string(kMaxKeyBytes, 'k'), "1").ok());
  EXPECT_FALSE(map.set(1, 1, std::string(kMaxKeyBytes + 1, 'k'), "1").ok());
  EXPECT_TRUE(map.set(1, 1, "k", "\"" + std::string(kMaxValueBytes - 2, 'v') + "\"").ok());
  EXPECT_FALSE(map.set(1, 1, "k", "\"" + std::string(kMaxValueBytes - 1, 'v') + "\"").ok());
  EXPECT_TRUE(LwwMap::decode(map.encode()).ok());
}

TEST(Limits, of_the_holes_in_what_was_seen) {
  const auto with_intervals = [](std::size_t count) {
    std::string bytes("\x21\x01\x05", 3);
    append_varint(bytes, count - 1);
    bytes.append(2 * count, '\0');
    return bytes + '\0';  // no elements
  };
  EXPECT_TRUE(OrSet::decode(with_intervals(kMaxIntervals)).ok());
  EXPECT_EQ(OrSet::decode(with_intervals(kMaxIntervals + 1)).error().code, ErrorCode::malformed);
}

// A count that the bytes cannot hold is refused before anything is allocated.
TEST(Limits, of_what_an_encoding_claims) {
  for (char header : {'\x11', '\x21', '\x61'}) {
    std::string bytes(1, header);
    append_varint(bytes, std::uint64_t{1} << 40);
    EXPECT_EQ(validate(static_cast<FieldType>(header >> 4), bytes).error().code,
              ErrorCode::malformed);
    // One replica with one interval, then the claim.
    bytes = std::string(1, header) + std::string("\x01\x05\x00\x00\x00", 5);
    append_varint(bytes, std::uint64_t{1} << 40);
    EXPECT_EQ(validate(static_cast<FieldType>(header >> 4), bytes).error().code,
              ErrorCode::malformed);
  }
}

}  // namespace
}  // namespace converge
