#include "core/or_set/or_set.h"

#include <gtest/gtest.h>

namespace converge {
namespace {

constexpr ReplicaId kAnna = 11;
constexpr ReplicaId kBert = 22;
using Elements = std::vector<std::string_view>;

OrSet merged(OrSet a, const OrSet& b) {
  EXPECT_TRUE(a.merge(b).ok());
  return a;
}

OrSet set_of(ReplicaId replica, std::initializer_list<const char*> elements) {
  OrSet set;
  for (auto element : elements) EXPECT_TRUE(set.add(replica, element).ok());
  return set;
}

TEST(OrSet, holds_what_was_added_and_not_removed) {
  OrSet set = set_of(kAnna, {"b", "a", "", "é"});
  ASSERT_TRUE(set.remove(kAnna, "a").ok());
  EXPECT_EQ(set.elements(), (Elements{"", "b", "é"}));
  EXPECT_TRUE(set.contains(""));
  EXPECT_FALSE(set.contains("a"));
}

TEST(OrSet, an_add_wins_over_a_concurrent_remove) {
  const OrSet base = set_of(kAnna, {"x"});
  OrSet adds = base, removes = base;
  ASSERT_TRUE(adds.add(kAnna, "x").ok());
  ASSERT_TRUE(removes.remove(kBert, "x").ok());
  EXPECT_TRUE(merged(adds, removes).contains("x"));
  EXPECT_TRUE(merged(removes, adds).contains("x"));
  EXPECT_EQ(merged(adds, removes).encode(), merged(removes, adds).encode());
}

TEST(OrSet, a_remove_takes_out_what_it_saw_and_no_more) {
  OrSet a = set_of(kAnna, {"x"}), b = set_of(kBert, {"x"});
  const OrSet before = a;
  ASSERT_TRUE(a.remove(kAnna, "x").ok());
  EXPECT_FALSE(merged(a, before).contains("x"));
  EXPECT_TRUE(merged(a, b).contains("x"));
}

TEST(OrSet, the_delta_of_an_edit_is_the_edit) {
  const OrSet base = merged(set_of(kAnna, {"x", "y"}), set_of(kBert, {"x"}));
  std::string delta;
  OrSet added = base;
  ASSERT_TRUE(added.add(kBert, "x", &delta).ok());
  EXPECT_EQ(merged(base, OrSet::decode(delta).value()).encode(), added.encode());
  OrSet removed = base;
  ASSERT_TRUE(removed.remove(kBert, "x", &delta).ok());
  EXPECT_EQ(merged(base, OrSet::decode(delta).value()).encode(), removed.encode());
  ASSERT_TRUE(removed.remove(kBert, "x", &delta).ok());
  EXPECT_EQ(delta, "\x21");
}

TEST(OrSet, a_delta_by_version_carries_removals_of_what_was_known) {
  OrSet a = set_of(kAnna, {"x", "y"});
  const OrSet b = a;
  ASSERT_TRUE(a.remove(kBert, "x").ok());
  ASSERT_TRUE(a.add(kAnna, "z").ok());
  const OrSet delta = a.delta(b.version()).value();
  EXPECT_EQ(delta.elements(), (Elements{"z"}));
  EXPECT_EQ(merged(b, delta).encode(), a.encode());
}

TEST(OrSet, a_difference_is_what_the_older_one_lacks) {
  OrSet a = set_of(kAnna, {"x", "y", "z"});
  OrSet b = a;
  ASSERT_TRUE(b.remove(kBert, "x").ok());
  ASSERT_TRUE(b.add(kBert, "w").ok());
  EXPECT_EQ(merged(a, b.difference(a)).encode(), b.encode());
  EXPECT_LT(b.difference(a).encode().size(), b.encode().size());
  EXPECT_TRUE(a.difference(b).is_empty());
}

TEST(OrSet, adds_and_removes_leave_nothing_behind) {
  OrSet set;
  for (int i = 0; i < 100000; ++i) {
    const std::string element = std::to_string(i % 7);
    ASSERT_TRUE(set.add(kAnna, element).ok());
    ASSERT_TRUE(set.remove(kAnna, element).ok());
  }
  EXPECT_EQ(set.size(), 0u);
  EXPECT_EQ(set.encode().size(), 9u);
}

TEST(OrSet, a_large_state_and_a_small_one_merge_alike_from_either_side) {
  OrSet large;
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(large.add(kAnna, std::to_string(i)).ok());
  OrSet small = OrSet::decode(large.encode()).value();
  for (int i = 0; i < 1000; ++i) {
    if (i % 100 == 0) continue;
    ASSERT_TRUE(small.remove(kAnna, std::to_string(i)).ok());
  }
  OrSet delta = small.difference(large);
  EXPECT_EQ(merged(large, delta).encode(), small.encode());
  EXPECT_EQ(merged(large, small).encode(), small.encode());
  EXPECT_EQ(merged(small, large).encode(), small.encode());
  EXPECT_EQ(merged(delta, large).encode(), small.encode());
  EXPECT_EQ(small.size(), 10u);
}

TEST(OrSet, refuses_edits_that_make_no_sense_and_stays_as_it_was) {
  OrSet a;
  EXPECT_EQ(a.add(kAnna, "\xff").error().message, "element is not valid text");
  EXPECT_EQ(a.add(kAnna, std::string(kMaxKeyBytes + 1, 'k')).error().code, ErrorCode::too_large);
  EXPECT_EQ(a.add(kReplicaLimit, "k").error().code, ErrorCode::out_of_range);
  EXPECT_TRUE(a.is_empty());
}

TEST(OrSet, decodes_only_its_own_canonical_form) {
  OrSet a = merged(set_of(kAnna, {"x", "yy"}), set_of(kBert, {"x"}));
  ASSERT_TRUE(a.remove(kAnna, "yy").ok());
  const std::string bytes = a.encode();
  EXPECT_EQ(OrSet::decode(bytes).value().encode(), bytes);
  for (std::size_t size = 2; size < bytes.size(); ++size) {
    EXPECT_FALSE(OrSet::decode(std::string_view(bytes).substr(0, size)).ok()) << size;
  }
  EXPECT_FALSE(OrSet::decode(bytes + '\0').ok());
  EXPECT_EQ(OrSet::decode("\x11").error().code, ErrorCode::wrong_type);
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (int flip = 1; flip < 256; ++flip) {
      std::string other = bytes;
      other[at] = static_cast<char>(other[at] ^ flip);
      if (auto read = OrSet::decode(other); read.ok()) {
        EXPECT_EQ(read->encode(), other);
      }
    }
  }
}

}  // namespace
}  // namespace converge
