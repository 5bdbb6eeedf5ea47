#include "conversation/speaker.h"

#include "support/scripted_synthesizer.h"
#include "support/virtual_clock.h"

#include <gmock/gmock.h>

#include <cmath>

namespace voxanne::conversation {
namespace {

using test::ScriptedSynthesizer;
using testing::ElementsAre;

struct SpeakerTest : testing::Test, ConversationObserver {
  async::Loop loop;
  test::VirtualClock clock{loop};
  std::shared_ptr<ScriptedSynthesizer> first = std::make_shared<ScriptedSynthesizer>(clock, "first"),
                                       last = std::make_shared<ScriptedSynthesizer>(clock, "last");
  std::shared_ptr<async::CircuitBreaker> breaker = std::make_shared<async::CircuitBreaker>();
  milliseconds playout{0};
  std::unique_ptr<Speaker> speaker;
  std::shared_ptr<Utterance> utterance;
  std::vector<std::string> events;
  std::vector<int> samples;
  async::TaskGroup tasks{loop.get_executor(), "test"};

  void SetUp() override {
    speaker = std::make_unique<Speaker>(loop.get_executor(), clock,
                                        SpeakerOptions{.playout_delay = [this] { return playout; }},
                                        Ladder<speech::Synthesizer>{{first, breaker}, {last}}, *this);
  }
  void TearDown() override {
    speaker->interrupt();
    tasks.spawn(speaker->stop());
    clock.run_for(1s);
    EXPECT_EQ(first->streams_alive + last->streams_alive, 0);
  }
  void say(std::vector<std::string> sentences) {
    utterance = speaker->begin();
    for (auto& sentence : sentences) utterance->add(std::move(sentence));
    utterance->close();
  }
  void run(milliseconds duration) {
    for (const auto end = clock.now() + duration; clock.now() < end;) {
      clock.run_for(20ms);
      audio::Frame said;
      speaker->fill(said);
      for (const auto sample : said.samples()) samples.push_back(sample);
    }
  }
  int largest_step() const {
    int step = 0;
    for (std::size_t i = 1; i < samples.size(); ++i)
      step = std::max(step, std::abs(samples[i] - samples[i - 1]));
    return step;
  }

  void on_turn(domain::Turn) override {}
  void on_partial(domain::Speaker, std::string_view) override {}
  void on_event(std::string_view name, EventDetails details) override {
    events.push_back(std::string{name} + (details.size() > 2
                                              ? ":" + std::get<std::string>(details[1].second) + ":" +
                                                    std::get<std::string>(details[2].second)
                                              : ""));
  }
  void on_clear_playout() override {}
};

TEST_F(SpeakerTest, sentences_follow_each_other_and_it_ends_when_all_was_heard) {
  playout = 200ms;
  say({"One two.", "Three."});
  run(14 * 60ms + 40ms);
  EXPECT_FALSE(utterance->heard_all()) << "the far end still plays it";
  run(220ms);
  EXPECT_TRUE(utterance->heard_all());
  EXPECT_EQ(utterance->heard_text(), "One two. Three.");
  EXPECT_THAT(first->said, ElementsAre("One two.", "Three."));
  EXPECT_THAT(events, ElementsAre());
}

TEST_F(SpeakerTest, a_synthesizer_that_dies_is_continued_at_the_word_not_yet_spoken) {
  first->script = {{.fail_after = 700ms}};  // in the third word
  say({"one two three four"});
  run(3s);
  EXPECT_THAT(last->said, ElementsAre("three four"));
  EXPECT_EQ(utterance->heard_text(), "one two three four");
  EXPECT_THAT(events, ElementsAre("provider_failed:first:synthesizer_gone"));
  int audible = 0;
  for (const int sample : samples) audible += sample != 0;
  EXPECT_NEAR(audible / 8.0, 15 * 60, 60) << "no word twice, none left out";
}

TEST_F(SpeakerTest, a_synthesizer_that_stalls_is_continued_before_long) {
  first->script = {{.hang_after = 420ms}};
  say({"one two three four"});
  run(4s);
  EXPECT_THAT(last->said, ElementsAre("three four"));
  EXPECT_THAT(events, ElementsAre("provider_failed:first:deadline_passed"));
  int longest = 0, quiet = 0;
  for (std::size_t i = 0; i < 18u * 60 * 8 + 8'000; ++i) {
    quiet = samples[i] == 0 ? quiet + 1 : 0;
    longest = std::max(longest, quiet);
  }
  EXPECT_LE(longest, 700 * 8) << "half a second of stall, and what a word's pause adds";
}

TEST_F(SpeakerTest, one_that_let_a_deadline_pass_is_left_alone) {
  first->script = {{.first_audio = 5s}};
  say({"one", "two", "three"});
  run(3s);
  EXPECT_THAT(first->said, ElementsAre("one"));
  EXPECT_THAT(last->said, ElementsAre("one", "two", "three"));
  EXPECT_EQ(breaker->state(), async::CircuitBreaker::State::open);
}

TEST_F(SpeakerTest, a_slow_machine_delays_a_sentence_and_does_not_lose_it) {
  first->otherwise = {.first_audio = 1'800ms};
  last->otherwise = {.fail_after = 0ms};  // does not know the sentence
  breaker->success();
  speaker = std::make_unique<Speaker>(loop.get_executor(), clock, SpeakerOptions{},
                                      Ladder<speech::Synthesizer>{{first}, {last}}, *this);
  say({"one two"});
  run(5s);
  EXPECT_EQ(utterance->heard_text(), "one two");
}

TEST_F(SpeakerTest, one_that_recovers_is_used_again) {
  first->script = {{.fail_after = 0ms}};
  say({"one", "two"});
  run(2s);
  EXPECT_THAT(last->said, ElementsAre("one"));
  EXPECT_THAT(first->said, ElementsAre("one", "two"));
}

TEST_F(SpeakerTest, when_nobody_can_speak_a_tone_says_that_the_line_is_alive) {
  first->otherwise = last->otherwise = {.fail_after = 0ms};
  for (int i = 1; i <= 2; ++i) {
    samples.clear();
    say({"one", "two"});
    run(1s);
    EXPECT_TRUE(utterance->heard_all());
    EXPECT_EQ(utterance->heard_text(), "");
    EXPECT_GT(std::ranges::count_if(samples, [](int s) { return s != 0; }), 250 * 8);
    EXPECT_EQ(speaker->failures(), i);
  }
  first->otherwise = last->otherwise = {};
  say({"one"});
  run(1s);
  EXPECT_EQ(speaker->failures(), 0);
}

TEST_F(SpeakerTest, audio_that_comes_late_makes_gaps_but_no_clicks) {
  first->script = {{.chunk_delay = 400ms}};  // 240 ms of audio every 400 ms
  say({"onelongwordwithoutanysilence"});
  run(4s);
  EXPECT_EQ(utterance->heard_text(), "onelongwordwithoutanysilence");
  EXPECT_LE(largest_step(), 2'274);
}

TEST_F(SpeakerTest, an_interruption_fades_out_within_a_slot_and_the_next_utterance_starts_over_it) {
  say({"onelongwordwithoutanysilence"});
  run(500ms);
  speaker->interrupt();
  EXPECT_TRUE(utterance->interrupted());
  samples.clear();
  run(100ms);
  const auto end = std::ranges::find_if(samples.rbegin(), samples.rend(), [](int s) { return s != 0; });
  EXPECT_LE(samples.rend() - end, 40 * 8);
  say({"anotherlongwordwithoutsilence"});
  run(500ms);
  EXPECT_LE(largest_step(), 2'274);
}

TEST_F(SpeakerTest, ducking_attenuates_by_15_decibels_without_a_click) {
  say({"onelongwordwithoutanysilenceatallinit"});
  run(400ms);
  speaker->duck();
  run(200ms);
  const int ducked = *std::ranges::max_element(samples.end() - 800, samples.end());
  EXPECT_NEAR(20 * std::log10(6000.0 / ducked), 15, 0.5);
  speaker->unduck();
  run(200ms);
  EXPECT_GT(*std::ranges::max_element(samples.end() - 800, samples.end()), 5'900);
  EXPECT_LE(largest_step(), 2'274);
}

TEST_F(SpeakerTest, long_speech_is_made_as_it_is_played_not_all_at_once) {
  say({std::string(400, 'a')});  // 24 s
  run(1s);
  EXPECT_LE(utterance->buffered(), 4'300ms);
  EXPECT_GE(utterance->buffered(), 3s);
}

TEST_F(SpeakerTest, sentences_that_come_later_are_said_later) {
  utterance = speaker->begin();
  utterance->add("one");
  run(1s);
  EXPECT_FALSE(utterance->heard_all());
  utterance->add("two");
  utterance->close();
  run(1s);
  EXPECT_EQ(utterance->heard_text(), "one two");
}

TEST_F(SpeakerTest, blank_and_endless_sentences_are_bounded) {
  say({"  ", "", std::string(50'000, 'x'), "a b"});
  run(1s);
  EXPECT_THAT(first->said, ElementsAre("a b"));
}

}  // namespace
}  // namespace voxanne::conversation
