#include "app/caller/load_talker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace voxanne::app {
namespace {

constexpr int slot_samples = int(audio::samples_per_frame(audio::narrowband));

// The far end: sounds in slots [from, to), silent elsewhere.
struct FarEnd {
  LoadTalker& talker;
  int slots = 0, said = 0;

  bool hear(bool sound) {
    audio::Frame heard, out;
    heard.rate = out.rate = audio::narrowband;
    if (sound) {
      heard.kind = audio::Frame::Kind::voice;
      std::ranges::fill(heard.samples(), audio::Sample{2'000});
    }
    talker.exchange(heard, out);
    ++slots;
    const bool spoke = out.kind == audio::Frame::Kind::voice;
    said += spoke;
    return spoke;
  }
  void hear(bool sound, int count) {
    for (int i = 0; i < count; ++i) hear(sound);
  }
};

std::shared_ptr<const Script::Clip> clip(int slots) {
  return std::make_shared<Script::Clip>(std::size_t(slots * slot_samples), audio::Sample{1'000});
}

TEST(LoadTalker, speaks_when_the_far_end_has_finished_and_times_its_answer) {
  for (int delay = 1; delay < 60; ++delay) {
    LoadTalker talker{clip(10), {.pause = 100ms, .limit = 60'000ms}};
    FarEnd far{talker};
    far.hear(true, 50);
    EXPECT_EQ(far.said, 0) << "it lets the greeting finish";
    far.hear(false, 4);
    EXPECT_EQ(far.said, 0);
    far.hear(false, 10);
    EXPECT_EQ(far.said, 10);
    far.hear(false, delay - 1);
    far.hear(true, 5);
    EXPECT_THAT(talker.answers(), testing::ElementsAre((delay - 1) * 20ms));
    far.hear(false, 4);
    EXPECT_EQ(far.said, 10);
    EXPECT_TRUE(far.hear(false)) << "and again";
    EXPECT_EQ(talker.heard_for(), 55 * 20ms);
  }
}

TEST(LoadTalker, an_answer_that_never_comes_is_none_and_it_speaks_anyway) {
  LoadTalker talker{clip(5), {.pause = 100ms, .patience = 1'000ms, .limit = 10'000ms}};
  FarEnd far{talker};
  while (!talker.done()) far.hear(false);
  EXPECT_EQ(far.slots, 500);
  EXPECT_GT(far.said, 5 * 5);
  EXPECT_TRUE(talker.answers().empty());
  EXPECT_EQ(talker.unanswered(), far.said / 5 - 1) << "each but the last, which still waits";
}

}  // namespace
}  // namespace voxanne::app
