#include "app/caller/script.h"

#include <gtest/gtest.h>

namespace voxanne::app {
namespace {

using Kind = audio::Frame::Kind;

// Runs `slots` slots in which the far end is loud or silent; counts those in which the script spoke.
int run(Script& script, int slots, bool loud) {
  int voiced = 0;
  for (int i = 0; i < slots; ++i) {
    audio::Frame heard, said;
    heard.kind = loud ? Kind::voice : Kind::silence;
    if (loud) heard.pcm.fill(2'000);
    script.exchange(heard, said);
    if (said.kind == Kind::voice) ++voiced;
  }
  return voiced;
}

TEST(CallerScript, waits_for_its_turn_and_is_done_after_the_last_answer) {
  Script script{{Script::Clip(1'600, 9'000), Script::Clip(800, 9'000)}, 8'000};
  EXPECT_EQ(run(script, 100, true), 0) << "the greeting is not interrupted";
  EXPECT_EQ(run(script, 44, false), 0);
  EXPECT_EQ(run(script, 20, false), 10) << "the first clip's 200 ms";
  EXPECT_EQ(run(script, 50, true), 0);
  EXPECT_EQ(run(script, 60, false), 5);
  EXPECT_FALSE(script.done());
  run(script, 50, true);
  run(script, 45, false);
  EXPECT_TRUE(script.done());
  EXPECT_EQ(script.heard().size(), script.said().size());
}

TEST(CallerScript, loses_patience_with_a_silent_far_end) {
  Script script{{Script::Clip(160, 9'000)}, 8'000};
  EXPECT_EQ(run(script, 399, false), 0);
  EXPECT_EQ(run(script, 1, false), 1);
  EXPECT_FALSE(script.done());
  run(script, 400, false);
  EXPECT_TRUE(script.done());
}

}  // namespace
}  // namespace voxanne::app
