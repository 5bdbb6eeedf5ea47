#include "api/rate_limit.h"

#include "net/http.h"

#include <gtest/gtest.h>

namespace voxanne::api {
namespace {

TEST(RateLimiter, a_minute_s_worth_may_come_at_once_and_then_as_fast_as_it_fills) {
  RateLimiter limiter{60};
  SteadyTime now{};
  const OrgId org{"acme"};
  for (int i = 0; i < 60; ++i) {
    const auto outcome = limiter.take(org, now);
    ASSERT_TRUE(outcome.allowed) << i;
    EXPECT_EQ(outcome.remaining, 59 - i);
  }
  const auto refused = limiter.take(org, now);
  EXPECT_FALSE(refused.allowed);
  EXPECT_EQ(refused.limit, 60);
  EXPECT_EQ(refused.remaining, 0);
  EXPECT_EQ(refused.reset, 1s);
  now += 999ms;
  EXPECT_FALSE(limiter.take(org, now).allowed);
  now += 1ms;
  EXPECT_TRUE(limiter.take(org, now).allowed);
  EXPECT_FALSE(limiter.take(org, now).allowed);
  now += 2min;
  EXPECT_EQ(limiter.take(org, now).remaining, 59);  // it holds no more than a minute's worth
}

TEST(RateLimiter, one_organization_s_haste_is_not_another_s) {
  RateLimiter limiter{1};
  const SteadyTime now{};
  EXPECT_TRUE(limiter.take(OrgId{"a"}, now).allowed);
  EXPECT_FALSE(limiter.take(OrgId{"a"}, now).allowed);
  EXPECT_TRUE(limiter.take(OrgId{"b"}, now).allowed);
}

TEST(RateLimiter, a_refused_request_costs_nothing) {
  RateLimiter limiter{60};
  SteadyTime now{};
  const OrgId org{"acme"};
  while (limiter.take(org, now).allowed) continue;
  for (int i = 0; i < 1'000; ++i) limiter.take(org, now);
  now += 1s;
  EXPECT_TRUE(limiter.take(org, now).allowed);
}

TEST(RateLimiter, forgetting_those_that_are_full_changes_nothing) {
  RateLimiter limiter{600};
  SteadyTime now{};
  const OrgId hasty{"hasty"};
  for (int i = 0; i < 600; ++i) limiter.take(hasty, now);
  for (int i = 0; i < 100'000; ++i) limiter.take(OrgId{"org" + std::to_string(i)}, now);
  EXPECT_FALSE(limiter.take(hasty, now).allowed);
}

TEST(RateLimiter, headers_say_what_is_left) {
  net::Headers headers;
  add_rate_headers(headers, {.allowed = true, .limit = 600, .remaining = 12, .reset = 59s});
  EXPECT_EQ(headers.get("RateLimit-Limit"), "600");
  EXPECT_EQ(headers.get("RateLimit-Remaining"), "12");
  EXPECT_EQ(headers.get("RateLimit-Reset"), "59");
}

}  // namespace
}  // namespace voxanne::api
