#include "api/outages.h"

#include <gtest/gtest.h>

namespace voxanne::api {
namespace {

TEST(OutagesTest, one_a_second_of_each_code_is_told_with_how_many_were_not) {
  Outages outages;
  const SteadyTime start{};
  EXPECT_EQ(outages.tell("database_locked", start), 0);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(outages.tell("database_locked", start + i * 300ms), std::nullopt);
  EXPECT_EQ(outages.tell("over_capacity", start + 900ms), 0) << "another reason is news";
  EXPECT_EQ(outages.tell("database_locked", start + 1s), 3);
  EXPECT_EQ(outages.tell("database_locked", start + 2s), 0);
}

}  // namespace
}  // namespace voxanne::api
