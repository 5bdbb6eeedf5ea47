#include "speech/prompts.h"

#include "async/task_group.h"
#include "audio/g711.h"
#include "support/virtual_clock.h"

#include <gmock/gmock.h>

namespace voxanne::speech {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

// Two sentences at the two rates: samples that say which they are.
constexpr SpokenWord please_hold[] = {{6, 480}, {11, 900}};
const std::string narrow(1'000, '\x80'), wide(2'000, '\x90'), bye(500, '\xa0');
const Prompt known[] = {{"please hold", 8000, narrow, please_hold},
                        {"please hold", 16000, wide, please_hold},
                        {"goodbye", 8000, bye, {}}};

struct Prompts : testing::Test {
  async::Loop loop;
  test::VirtualClock clock{loop};
  PromptSynthesizer prompts{known};
  async::TaskGroup tasks{loop.get_executor(), "test"};

  // The whole, or the error's code.
  struct Said {
    std::vector<audio::Sample> samples;
    std::vector<std::size_t> words;
    int chunks = 0;
    std::string error;
  };
  Said say(const std::string& text, int rate) {
    Said said;
    tasks.spawn([](Prompts& t, std::string sentence, int at, Said& out) -> async::Task<> {
      const auto speech = t.prompts.say(std::move(sentence), "slt", at);
      for (;;) {
        const auto chunk = co_await speech->next();
        if (!chunk) out.error = chunk.error().code;
        if (!chunk || !chunk->has_value()) co_return;
        ++out.chunks;
        out.samples = (*chunk)->samples;
        for (const auto& word : (*chunk)->words) out.words.push_back(word.text_end);
      }
    }(*this, text, rate, said));
    clock.settle();
    return said;
  }
};

audio::Sample decoded(char byte) {
  audio::Sample sample = 0;
  const auto value = static_cast<std::uint8_t>(byte);
  audio::g711_decode(audio::Law::mu, {&value, 1}, {&sample, 1});
  return sample;
}

TEST_F(Prompts, a_known_sentence_is_said_whole_at_the_rate_asked_for) {
  const auto at_8 = say("please hold", 8000), at_16 = say("please hold", 16000);
  EXPECT_EQ(at_8.samples, std::vector<audio::Sample>(1'000, decoded('\x80')));
  EXPECT_EQ(at_16.samples, std::vector<audio::Sample>(2'000, decoded('\x90')));
  EXPECT_EQ(at_8.chunks, 1);
  EXPECT_THAT(at_8.words, ElementsAre(6u, 11u));
  EXPECT_THAT(say("goodbye", 8000).samples, SizeIs(500));
}

TEST_F(Prompts, a_sentence_can_be_said_again_and_again) {
  EXPECT_EQ(say("goodbye", 8000).samples, say("goodbye", 8000).samples);
}

TEST_F(Prompts, other_sentences_and_rates_are_unavailable) {
  EXPECT_EQ(say("something else", 8000).error, "prompt_unknown");
  EXPECT_EQ(say("goodbye", 16000).error, "prompt_unknown");
  EXPECT_EQ(say("", 8000).error, "prompt_unknown");
}

}  // namespace
}  // namespace voxanne::speech
