#include "speech/prompts.h"

#include "async/task_group.h"
#include "support/scripted_synthesizer.h"
#include "support/virtual_clock.h"

#include <gmock/gmock.h>

namespace voxanne::speech {
namespace {

struct Prompts : testing::Test {
  async::Loop loop;
  test::VirtualClock clock{loop};
  test::ScriptedSynthesizer synthesizer{clock};
  PromptSynthesizer prompts;
  PromptSynthesizer::Prepared prepared;
  async::TaskGroup tasks{loop.get_executor(), "test"};

  void prepare(std::vector<std::string> sentences) {
    tasks.spawn([](Prompts& t, std::vector<std::string> texts) -> async::Task<> {
      t.prepared = co_await t.prompts.prepare(t.synthesizer, std::move(texts), "slt");
    }(*this, std::move(sentences)));
    clock.run_for(1min);
  }

  // Samples and words of the whole, or the error's code.
  struct Said {
    std::size_t samples = 0, words = 0;
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
        out.samples += (*chunk)->samples.size();
        out.words += (*chunk)->words.size();
      }
    }(*this, text, rate, said));
    clock.settle();
    return said;
  }
};

TEST_F(Prompts, known_sentences_are_said_at_both_rates_without_the_provider) {
  prepare({"please hold", "goodbye"});
  EXPECT_EQ(prepared.ready, 2u);
  EXPECT_EQ(prepared.failed, 0u);
  synthesizer.said.clear();
  EXPECT_EQ(say("please hold", 8000).samples, 11u * 60 * 8);
  EXPECT_EQ(say("please hold", 8000).words, 2u);
  EXPECT_EQ(say("goodbye", 16000).samples, 7u * 60 * 16);
  EXPECT_TRUE(synthesizer.said.empty());
}

TEST_F(Prompts, other_sentences_are_unavailable) {
  prepare({"please hold"});
  EXPECT_EQ(say("something else", 8000).error, "prompt_unknown");
}

TEST_F(Prompts, a_sentence_that_could_not_be_rendered_is_left_out) {
  synthesizer.script = {{}, {}, {.fail_after = 100ms}, {}};
  prepare({"please hold", "goodbye", "hello"});
  EXPECT_EQ(prepared.ready, 2u);
  EXPECT_EQ(prepared.failed, 1u);
  EXPECT_EQ(say("goodbye", 8000).error, "prompt_unknown");
  EXPECT_GT(say("hello", 8000).samples, 0u);
}

}  // namespace
}  // namespace voxanne::speech
