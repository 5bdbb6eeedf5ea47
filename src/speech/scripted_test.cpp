// The scripted fakes are what other folders' tests stand on, so they are tested themselves.
#include "async/task_group.h"
#include "support/scripted_recognizer.h"
#include "support/scripted_synthesizer.h"
#include "support/virtual_clock.h"

#include <gmock/gmock.h>

namespace voxanne::speech {
namespace {

using test::ScriptedRecognizer;
using test::ScriptedSpeech;
using test::ScriptedSynthesizer;
using test::ScriptedUtterance;

struct Scripted : testing::Test {
  async::Loop loop;
  test::VirtualClock clock{loop};
  ScriptedRecognizer recognizer{clock, loop.get_executor()};
  ScriptedSynthesizer synthesizer{clock};
  std::vector<std::string> heard;
  std::unique_ptr<RecognizerStream> stream;
  async::TaskGroup tasks{loop.get_executor(), "test"};

  void open() {
    tasks.spawn([](Scripted& t) -> async::Task<> {
      auto opened = co_await t.recognizer.open("demo", 8000);
      if (!opened) {
        t.heard.push_back("open:" + opened.error().code);
        co_return;
      }
      t.stream = std::move(*opened);
      for (;;) {
        const auto answer = co_await t.stream->next();
        t.heard.push_back(answer ? (answer->final ? "final:" : "partial:") + answer->text
                                 : answer.error().code);
        if (!answer) co_return;
      }
    }(*this));
    clock.settle();
  }
  void speak(int frames) {
    for (int i = 0; i < frames; ++i) stream->write(audio::Frame{});
  }
  void TearDown() override {
    tasks.cancel();
    clock.run_for(1s);
  }
};

TEST_F(Scripted, partials_follow_the_audio_and_the_final_its_delay) {
  recognizer.script = {{.text = "when are you open", .delay = 80ms, .partials = {{200ms, "when"}}},
                       {.text = "yes"}};
  open();
  speak(9);
  clock.settle();
  EXPECT_TRUE(heard.empty());
  speak(1);
  clock.settle();
  EXPECT_THAT(heard, testing::ElementsAre("partial:when"));
  stream->finish_utterance();
  clock.run_for(79ms);
  EXPECT_EQ(heard.size(), 1u);
  clock.run_for(1ms);
  EXPECT_THAT(heard, testing::ElementsAre("partial:when", "final:when are you open"));
  stream->abandon_utterance();
  stream->finish_utterance();
  stream->finish_utterance();
  clock.run_for(1s);
  EXPECT_THAT(heard, testing::ElementsAre("partial:when", "final:when are you open", "final:yes", "final:"));
}

TEST_F(Scripted, a_recognizer_hangs_fails_or_refuses_when_told_to) {
  recognizer.script = {{.ending = ScriptedUtterance::Ending::fails}};
  open();
  stream->finish_utterance();
  clock.run_for(1s);
  EXPECT_THAT(heard, testing::ElementsAre("recognizer_gone"));

  recognizer.script = {{.text = "never", .ending = ScriptedUtterance::Ending::hangs}};
  open();
  stream->finish_utterance();
  clock.run_for(10min);
  EXPECT_EQ(heard.size(), 1u);

  recognizer.open_error = unavailable("recognition_saturated", "full");
  open();
  EXPECT_EQ(heard.back(), "open:recognition_saturated");
}

TEST_F(Scripted, speech_takes_sixty_milliseconds_a_character_and_marks_words) {
  std::vector<SpokenWord> words;
  std::size_t samples = 0;
  tasks.spawn([](Scripted& t, std::vector<SpokenWord>& spoken, std::size_t& count) -> async::Task<> {
    auto speech = t.synthesizer.say("good day", "slt", 8000);
    while (auto chunk = (co_await speech->next()).value()) {
      count += chunk->samples.size();
      spoken.insert(spoken.end(), chunk->words.begin(), chunk->words.end());
    }
  }(*this, words, samples));
  clock.run_for(1s);
  EXPECT_EQ(samples, 8u * 60 * 8);
  ASSERT_EQ(words.size(), 2u);
  EXPECT_EQ(words[0].text_end, 4u);
  EXPECT_EQ(words[0].sample_end, 4u * 60 * 8);
  EXPECT_EQ(words[1].text_end, 8u);
  EXPECT_EQ(words[1].sample_end, samples);
}

TEST_F(Scripted, speech_fails_after_the_given_audio) {
  synthesizer.script = {{.fail_after = 300ms}};
  std::size_t samples = 0;
  std::string code;
  tasks.spawn([](Scripted& t, std::size_t& count, std::string& error) -> async::Task<> {
    auto speech = t.synthesizer.say("good day", "slt", 16000);
    for (;;) {
      auto chunk = co_await speech->next();
      if (!chunk) {
        error = chunk.error().code;
        co_return;
      }
      count += (*chunk)->samples.size();
    }
  }(*this, samples, code));
  clock.run_for(1s);
  EXPECT_EQ(samples, 300u * 16);
  EXPECT_EQ(code, "synthesizer_gone");
}

}  // namespace
}  // namespace voxanne::speech
