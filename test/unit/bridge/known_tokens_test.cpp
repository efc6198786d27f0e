// Whose the tokens are that the bridge knows, with a clock of the test's own.
#include "known_tokens.h"

#include <gtest/gtest.h>

#include <string>

namespace converge::bridge {
namespace {

using namespace std::chrono_literals;

const KnownTokens::Time kNow{};

TEST(KnownTokens, KnowsWhoseATokenIsUntilItsEnd) {
  KnownTokens tokens;
  EXPECT_EQ(tokens.find("a", kNow), nullptr);
  tokens.remember("a", {"acme", "alice", {1, 2, 3, 4}}, kNow + 10s);
  const KnownTokens::Holder* holder = tokens.find("a", kNow + 9s);
  ASSERT_NE(holder, nullptr);
  EXPECT_EQ(holder->tenant, "acme");
  EXPECT_EQ(holder->principal, "alice");
  EXPECT_EQ(holder->rates.tenant_changes, 4);
  EXPECT_EQ(tokens.find("a", kNow + 10s), nullptr);
  EXPECT_EQ(tokens.find("ab", kNow), nullptr);
}

TEST(KnownTokens, TheLastWordCounts) {
  KnownTokens tokens;
  tokens.remember("a", {"acme", "alice", {}}, kNow + 10s);
  tokens.remember("a", {"acme", "alice", {7, 0, 0, 0}}, kNow + 20s);
  ASSERT_NE(tokens.find("a", kNow + 15s), nullptr);
  EXPECT_EQ(tokens.find("a", kNow + 15s)->rates.principal_requests, 7);
  EXPECT_EQ(tokens.size(), 1u);
  tokens.forget("a");
  EXPECT_EQ(tokens.find("a", kNow), nullptr);
  tokens.forget("a");
}

TEST(KnownTokens, IsBounded) {
  KnownTokens tokens;
  for (std::size_t i = 0; i < KnownTokens::kMost; ++i) tokens.remember(std::to_string(i), {}, kNow + 1s);
  EXPECT_EQ(tokens.size(), KnownTokens::kMost);
  EXPECT_NE(tokens.find("0", kNow), nullptr);
  const std::string last = std::to_string(KnownTokens::kMost - 1);
  tokens.remember(last, {}, kNow + 2s);  // known: no more of them
  EXPECT_EQ(tokens.size(), KnownTokens::kMost);
  tokens.remember("new", {}, kNow + 1s);
  EXPECT_EQ(tokens.size(), KnownTokens::kMost / 2 + 1);
  EXPECT_EQ(tokens.find("0", kNow), nullptr);
  for (const std::string& newer : {last, std::to_string(KnownTokens::kMost / 2), std::string("new")})
    EXPECT_NE(tokens.find(newer, kNow), nullptr) << newer;
}

TEST(KnownTokens, WhoComesAgainIsNotAmongTheOlder) {
  KnownTokens tokens;
  tokens.remember("regular", {}, kNow + 1s);
  for (std::size_t i = 0; i < 3 * KnownTokens::kMost; ++i) {
    tokens.remember(std::to_string(i), {}, kNow + 1s);
    if (i % 1000 == 0) tokens.remember("regular", {}, kNow + 1s);
    ASSERT_LE(tokens.size(), KnownTokens::kMost);
  }
  EXPECT_NE(tokens.find("regular", kNow), nullptr);
}

}  // namespace
}  // namespace converge::bridge
