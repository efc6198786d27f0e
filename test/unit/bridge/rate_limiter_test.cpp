// The bridge's token buckets, with a clock of the test's own.
#include "rate_limiter.h"

#include <gtest/gtest.h>

namespace converge::bridge {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr Rates kFourRequests{4, 0, 0, 0};

struct Asking {
  RateLimiter limiter;
  RateLimiter::Time now{};

  bool ask(const Rates& rates, const char* principal = "alice", const char* tenant = "acme") {
    return limiter.take_request(rates, tenant, principal, now);
  }
  bool change(const Rates& rates, std::size_t count, const char* principal = "alice") {
    return limiter.take_changes(rates, "acme", principal, count, now);
  }
};

TEST(RateLimiter, a_minutes_worth_at_once_and_then_evenly) {
  Asking asking;
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(asking.ask(kFourRequests));
  EXPECT_FALSE(asking.ask(kFourRequests));
  asking.now += milliseconds(14'900);
  EXPECT_FALSE(asking.ask(kFourRequests));
  asking.now += milliseconds(200);
  EXPECT_TRUE(asking.ask(kFourRequests));
  EXPECT_FALSE(asking.ask(kFourRequests));
  asking.now += seconds(30);
  EXPECT_TRUE(asking.ask(kFourRequests));
  EXPECT_TRUE(asking.ask(kFourRequests));
  EXPECT_FALSE(asking.ask(kFourRequests));
}

TEST(RateLimiter, what_was_not_asked_for_is_not_saved_up) {
  Asking asking;
  EXPECT_TRUE(asking.ask(kFourRequests));
  asking.now += minutes(60);
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(asking.ask(kFourRequests));
  EXPECT_FALSE(asking.ask(kFourRequests));
}

TEST(RateLimiter, what_is_refused_is_not_counted) {
  Asking asking;
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(asking.ask(kFourRequests));
  for (int i = 0; i < 1000; ++i) EXPECT_FALSE(asking.ask(kFourRequests));
  asking.now += seconds(16);
  EXPECT_TRUE(asking.ask(kFourRequests));
}

TEST(RateLimiter, each_principal_of_each_tenant_has_a_bucket) {
  Asking asking;
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(asking.ask(kFourRequests));
  EXPECT_FALSE(asking.ask(kFourRequests));
  EXPECT_TRUE(asking.ask(kFourRequests, "bob"));
  EXPECT_TRUE(asking.ask(kFourRequests, "alice", "globex"));
}

TEST(RateLimiter, a_tenants_bucket_is_its_principals_together) {
  constexpr Rates rates{4, 0, 6, 0};
  Asking asking;
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(asking.ask(rates, "alice"));
  EXPECT_TRUE(asking.ask(rates, "bob"));
  EXPECT_TRUE(asking.ask(rates, "bob"));
  EXPECT_FALSE(asking.ask(rates, "bob"));
  // Whoever the tenant's bucket sent away has kept what was in its own.
  asking.now += seconds(10);
  EXPECT_TRUE(asking.ask(rates, "bob"));
}

TEST(RateLimiter, more_than_a_minutes_worth_passes_a_full_bucket_and_is_paid_for) {
  constexpr Rates rates{0, 60, 0, 0};
  Asking asking;
  EXPECT_TRUE(asking.change(rates, 180));
  EXPECT_FALSE(asking.change(rates, 1));
  asking.now += seconds(119);
  EXPECT_FALSE(asking.change(rates, 1));
  asking.now += seconds(2);
  EXPECT_TRUE(asking.change(rates, 1));
}

TEST(RateLimiter, without_a_rate_nothing_is_kept) {
  Asking asking;
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(asking.ask(Rates{}));
  EXPECT_EQ(asking.limiter.buckets(), 0u);
}

TEST(RateLimiter, full_buckets_are_forgotten) {
  Asking asking;
  for (int i = 0; i < 10'000; ++i) {
    asking.now += milliseconds(100);
    EXPECT_TRUE(asking.ask(kFourRequests, ("user " + std::to_string(i)).c_str()));
  }
  // A minute has 600 of them.
  EXPECT_LT(asking.limiter.buckets(), 3000u);
}

TEST(RateLimiter, what_was_asked_for_beyond_a_minutes_worth_is_forgotten_when_it_is_paid_for) {
  constexpr Rates rates{0, 60, 0, 0};
  Asking asking;
  for (int i = 0; i < 20'000; ++i) {
    asking.now += milliseconds(100);
    EXPECT_TRUE(asking.change(rates, 180, ("user " + std::to_string(i)).c_str()));
  }
  // Three minutes have 1,800 of them.
  EXPECT_LT(asking.limiter.buckets(), 6000u);
}

}  // namespace
}  // namespace converge::bridge
