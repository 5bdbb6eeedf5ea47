#include "conversation/idle.h"

#include <gtest/gtest.h>

namespace voxanne::conversation {
namespace {

using Action = Idle::Action;

struct IdleTime : testing::Test {
  Idle idle{{.prompt_after = 7s, .prompts = 2, .max_duration = 10min, .warn_before = 1min}};
  milliseconds now{0};

  // Runs until an action is answered, for at most `within`.
  Action next(milliseconds within, bool quiet = true) {
    for (const auto until = now + within; now < until;)
      if (const auto action = idle.tick(now += 20ms, quiet); action != Action::none) return action;
    return Action::none;
  }
};

TEST_F(IdleTime, asks_twice_then_gives_up) {
  EXPECT_EQ(next(7s), Action::none);
  EXPECT_EQ(next(20ms), Action::prompt);
  EXPECT_EQ(next(7s), Action::prompt);
  EXPECT_EQ(idle.prompted(), 2);
  EXPECT_EQ(next(7s), Action::give_up);
}

TEST_F(IdleTime, silence_begins_when_everybody_is_quiet) {
  EXPECT_EQ(next(6s), Action::none);
  EXPECT_EQ(next(3s, false), Action::none);
  EXPECT_EQ(next(7s), Action::none);
  EXPECT_EQ(next(20ms), Action::prompt);
}

TEST_F(IdleTime, a_caller_who_acts_has_all_prompts_again) {
  EXPECT_EQ(next(8s), Action::prompt);
  idle.caller_acted();
  EXPECT_EQ(next(8s), Action::prompt);
  EXPECT_EQ(next(8s), Action::prompt);
  EXPECT_EQ(next(8s), Action::give_up);
}

TEST_F(IdleTime, who_asked_for_a_moment_gets_it_once) {
  idle.be_patient(15s);
  EXPECT_EQ(next(22s), Action::none);
  EXPECT_EQ(next(20ms), Action::prompt);
  next(1s, false);
  EXPECT_EQ(next(7s + 40ms), Action::prompt);
}

TEST_F(IdleTime, warns_and_ends_once_whatever_goes_on) {
  now = 9min - 20ms;
  EXPECT_EQ(next(1s, false), Action::none) << "not into somebody's speech";
  EXPECT_EQ(next(1s), Action::warn);
  EXPECT_EQ(next(2s), Action::none);
  now = 10min - 40ms;
  EXPECT_EQ(next(1s, false), Action::time_up);
  EXPECT_EQ(next(1min, false), Action::none);
}

TEST(IdleTest, a_short_call_is_warned_at_a_tenth_of_its_time) {
  Idle idle{{.prompt_after = 1min, .prompts = 2, .max_duration = 100s, .warn_before = 1min}};
  EXPECT_EQ(idle.tick(89s, true), Action::none);
  EXPECT_EQ(idle.tick(90s, true), Action::warn);
}

}  // namespace
}  // namespace voxanne::conversation
