#include "core/lww_map/lww_map.h"

#include <gtest/gtest.h>

namespace converge {
namespace {

constexpr ReplicaId kAnna = 11;
constexpr ReplicaId kBert = 22;

LwwMap merged(LwwMap a, const LwwMap& b) {
  EXPECT_TRUE(a.merge(b).ok());
  return a;
}

TEST(LwwMap, keeps_values_bit_for_bit_and_sorts_keys_by_bytes) {
  LwwMap map;
  ASSERT_TRUE(map.set(kAnna, 1, "b", "1.50").ok());
  ASSERT_TRUE(map.set(kAnna, 1, "a", R"({"z": 1,  "a":[ ]})").ok());
  ASSERT_TRUE(map.set(kAnna, 1, "é\"", "null").ok());
  EXPECT_EQ(map.to_json(), R"({"a":{"z": 1,  "a":[ ]},"b":1.50,"é\"":null})");
  EXPECT_EQ(map.get("b"), "1.50");
  EXPECT_FALSE(map.get("c").has_value());
}

TEST(LwwMap, the_later_write_wins_whatever_the_order_of_arrival) {
  LwwMap a, b;
  ASSERT_TRUE(a.set(kBert, 1000, "k", "\"early\"").ok());
  ASSERT_TRUE(b.set(kAnna, 2000, "k", "\"late\"").ok());
  EXPECT_EQ(merged(a, b).get("k"), "\"late\"");
  EXPECT_EQ(merged(b, a).encode(), merged(a, b).encode());
}

TEST(LwwMap, at_the_same_time_the_greater_replica_wins) {
  LwwMap a, b;
  ASSERT_TRUE(a.set(kAnna, 1000, "k", "\"z\"").ok());
  ASSERT_TRUE(b.set(kBert, 1000, "k", "\"a\"").ok());
  EXPECT_EQ(merged(a, b).get("k"), "\"a\"");
  EXPECT_EQ(merged(b, a).get("k"), "\"a\"");
}

TEST(LwwMap, a_write_beats_everything_its_writer_had_seen) {
  LwwMap a;
  ASSERT_TRUE(a.set(kBert, 9000, "k", "1").ok());
  ASSERT_TRUE(a.set(kAnna, 10, "k", "2").ok());  // a clock that lags
  EXPECT_EQ(a.get("k"), "2");
  EXPECT_EQ(a.greatest_hlc(), (Hlc{(std::uint64_t{9000} << 16) + 1}));
}

TEST(LwwMap, an_unset_key_stays_unset_against_older_writes) {
  LwwMap a, old;
  ASSERT_TRUE(a.set(kAnna, 1, "k", "1").ok());
  old = a;
  ASSERT_TRUE(a.unset(kAnna, 2, "k").ok());
  EXPECT_FALSE(merged(a, old).contains("k"));
  EXPECT_EQ(merged(a, old).to_json(), "{}");
  EXPECT_FALSE(a.is_empty());
  ASSERT_TRUE(a.set(kAnna, 3, "k", "2").ok());
  EXPECT_EQ(a.get("k"), "2");
}

TEST(LwwMap, unsetting_what_is_not_set_changes_nothing) {
  LwwMap a;
  std::string delta;
  ASSERT_TRUE(a.unset(kAnna, 2, "k", &delta).ok());
  EXPECT_EQ(delta, "\x11");
  EXPECT_TRUE(a.is_empty());
}

TEST(LwwMap, the_delta_of_an_edit_is_the_edit) {
  LwwMap a;
  ASSERT_TRUE(a.set(kAnna, 1, "k", "1").ok());
  LwwMap b = a;
  std::string delta;
  ASSERT_TRUE(b.set(kBert, 2, "l", "2", &delta).ok());
  auto read = LwwMap::decode(delta);
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(merged(a, *read).encode(), b.encode());
  EXPECT_EQ(read->to_json(), R"({"l":2})");
}

TEST(LwwMap, the_version_does_not_claim_what_has_not_come) {
  LwwMap a;
  std::string first, second, third;
  ASSERT_TRUE(a.set(kAnna, 1, "k", "1", &first).ok());
  ASSERT_TRUE(a.set(kAnna, 1, "l", "2", &second).ok());
  ASSERT_TRUE(a.set(kAnna, 1, "k", "3", &third).ok());
  LwwMap b = merged(LwwMap::decode(first).value(), LwwMap::decode(third).value());
  EXPECT_EQ(b.version().get(kAnna), 1u);
  EXPECT_EQ(merged(b, a.delta(b.version()).value()).encode(), a.encode());
  EXPECT_EQ(merged(b, LwwMap::decode(second).value()).encode(), a.encode());
}

TEST(LwwMap, a_difference_is_what_the_older_one_lacks) {
  LwwMap a;
  ASSERT_TRUE(a.set(kAnna, 1, "k", "1").ok());
  LwwMap b = a;
  ASSERT_TRUE(b.set(kBert, 2, "k", "2").ok());
  EXPECT_EQ(merged(a, b.difference(a)).encode(), b.encode());
  EXPECT_TRUE(a.difference(b).is_empty());
  EXPECT_TRUE(b.difference(b).is_empty());
}

TEST(LwwMap, refuses_edits_that_make_no_sense_and_stays_as_it_was) {
  LwwMap a;
  const std::string before = a.encode();
  EXPECT_EQ(a.set(kAnna, 1, "k", "{").error().code, ErrorCode::malformed);
  EXPECT_EQ(a.set(kAnna, 1, "k\xff", "1").error().message, "key is not valid text");
  EXPECT_EQ(a.set(kAnna, 1, std::string(kMaxKeyBytes + 1, 'k'), "1").error().code,
            ErrorCode::too_large);
  EXPECT_EQ(a.set(kAnna, 1, "k", "\"" + std::string(kMaxValueBytes, 'v') + "\"").error().code,
            ErrorCode::too_large);
  EXPECT_EQ(a.set(kReplicaLimit, 1, "k", "1").error().code, ErrorCode::out_of_range);
  EXPECT_EQ(a.set(kAnna, Hlc::kMsLimit, "k", "1").error().code, ErrorCode::clock);
  EXPECT_EQ(a.encode(), before);
}

TEST(LwwMap, decodes_only_its_own_canonical_form) {
  LwwMap a;
  ASSERT_TRUE(a.set(kAnna, 1, "k", "1").ok());
  ASSERT_TRUE(a.set(kBert, 2, "l", "[2]").ok());
  ASSERT_TRUE(a.unset(kBert, 2, "k").ok());
  const std::string bytes = a.encode();
  EXPECT_EQ(LwwMap::decode(bytes).value().encode(), bytes);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    if (size == 1) continue;  // the empty map
    EXPECT_FALSE(LwwMap::decode(std::string_view(bytes).substr(0, size)).ok()) << size;
  }
  EXPECT_FALSE(LwwMap::decode(bytes + '\0').ok());
  EXPECT_EQ(LwwMap::decode("\x21").error().code, ErrorCode::wrong_type);
  EXPECT_EQ(LwwMap::decode("\x12").error().code, ErrorCode::malformed);
  EXPECT_EQ(LwwMap::decode("\xf1").error().code, ErrorCode::malformed);
  // Whatever a byte becomes, the result is an error or canonical.
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (int flip = 1; flip < 256; ++flip) {
      std::string other = bytes;
      other[at] = static_cast<char>(other[at] ^ flip);
      if (auto read = LwwMap::decode(other); read.ok()) {
        EXPECT_EQ(read->encode(), other);
      }
    }
  }
}

}  // namespace
}  // namespace converge
