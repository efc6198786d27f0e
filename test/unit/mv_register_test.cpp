#include "core/register/mv_register.h"

#include <gtest/gtest.h>

namespace converge {
namespace {

using Values = std::vector<std::string_view>;

MvRegister merged(MvRegister a, const MvRegister& b) {
  EXPECT_TRUE(a.merge(b).ok());
  return a;
}

TEST(MvRegister, holds_one_value_as_long_as_nobody_assigns_concurrently) {
  MvRegister a;
  EXPECT_TRUE(a.values().empty());
  ASSERT_TRUE(a.assign(1, "1.0").ok());
  ASSERT_TRUE(a.assign(2, "2").ok());
  EXPECT_EQ(a.values(), Values{"2"});
}

TEST(MvRegister, keeps_concurrent_values_until_one_has_seen_them) {
  MvRegister a;
  ASSERT_TRUE(a.assign(1, "0").ok());
  MvRegister b = a;
  ASSERT_TRUE(a.assign(1, "\"b\"").ok());
  ASSERT_TRUE(b.assign(2, "\"a\"").ok());
  MvRegister both = merged(a, b);
  EXPECT_EQ(both.values(), (Values{"\"a\"", "\"b\""}));
  EXPECT_EQ(both.encode(), merged(b, a).encode());
  std::string delta;
  ASSERT_TRUE(both.assign(3, "\"c\"", &delta).ok());
  EXPECT_EQ(both.values(), Values{"\"c\""});
  EXPECT_EQ(merged(merged(a, b), MvRegister::decode(delta).value()).encode(), both.encode());
  EXPECT_EQ(merged(both, a).encode(), both.encode());
}

TEST(MvRegister, the_same_value_twice_is_one) {
  MvRegister a, b;
  ASSERT_TRUE(a.assign(1, "7").ok());
  ASSERT_TRUE(b.assign(2, "7").ok());
  EXPECT_EQ(merged(a, b).values(), Values{"7"});
}

TEST(MvRegister, refuses_what_makes_no_sense_and_stays_as_it_was) {
  MvRegister a;
  EXPECT_EQ(a.assign(1, "{").error().code, ErrorCode::malformed);
  EXPECT_EQ(a.assign(1, "").error().code, ErrorCode::malformed);
  EXPECT_EQ(a.assign(kReplicaLimit, "1").error().code, ErrorCode::out_of_range);
  EXPECT_EQ(a.assign(1, "\"" + std::string(kMaxValueBytes, 'x') + "\"").error().code,
            ErrorCode::too_large);
  EXPECT_TRUE(a.is_empty());
  EXPECT_EQ(MvRegister::decode("\x11").error().code, ErrorCode::wrong_type);
}

}  // namespace
}  // namespace converge
