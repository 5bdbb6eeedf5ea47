#include "base/token_bucket.h"

#include <gtest/gtest.h>

namespace voxanne {
namespace {

TEST(TokenBucket, gives_a_burst_and_then_its_rate) {
  TokenBucket bucket{10, 2};
  SteadyTime now{std::chrono::hours{1}};
  EXPECT_TRUE(bucket.take(now));
  EXPECT_TRUE(bucket.take(now));
  EXPECT_FALSE(bucket.take(now));
  EXPECT_FALSE(bucket.take(now + 99ms));
  EXPECT_TRUE(bucket.take(now + 101ms));
  EXPECT_FALSE(bucket.take(now + 101ms));
}

}  // namespace
}  // namespace voxanne
