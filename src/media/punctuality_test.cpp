#include "media/punctuality.h"

#include <gtest/gtest.h>

namespace voxanne::media {
namespace {

// Looks once a second: 200 ticks are due, `late` of them late.
struct Watch {
  Punctuality punctuality;
  std::uint64_t due = 0, all_late = 0;
  bool second(std::uint64_t late, std::uint64_t ticks = 200) {
    due += ticks;
    all_late += late;
    return punctuality.in_time(due, all_late);
  }
};

TEST(Punctuality, ticks_in_time_are_in_time) {
  Watch watch;
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(watch.second(10));
}

TEST(Punctuality, one_stall_is_no_outage) {
  Watch watch;
  EXPECT_TRUE(watch.second(0));
  EXPECT_TRUE(watch.second(180)) << "nearly a second long";
  EXPECT_TRUE(watch.second(0));
  EXPECT_TRUE(watch.second(0));
}

TEST(Punctuality, stuttering_shows_in_the_second_second_and_so_does_its_end) {
  Watch watch;
  EXPECT_TRUE(watch.second(11));
  EXPECT_FALSE(watch.second(11));
  EXPECT_FALSE(watch.second(11));
  EXPECT_FALSE(watch.second(0));
  EXPECT_TRUE(watch.second(0));
}

TEST(Punctuality, a_shard_that_does_not_tick_is_not_in_time) {
  Watch watch;
  EXPECT_TRUE(watch.second(0));
  EXPECT_TRUE(watch.second(0, 0));
  EXPECT_FALSE(watch.second(0, 0));
}

}  // namespace
}  // namespace voxanne::media
