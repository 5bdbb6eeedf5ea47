#include "conversation/listener.h"

#include "async/task_group.h"
#include "support/scripted_recognizer.h"
#include "support/virtual_clock.h"

#include <gmock/gmock.h>

namespace voxanne::conversation {
namespace {

using Ending = test::ScriptedUtterance::Ending;
using test::ScriptedRecognizer;
using testing::ElementsAre;

struct ListenerTest : testing::Test, ListenerEvents, ConversationObserver {
  async::Loop loop;
  test::VirtualClock clock{loop};
  std::shared_ptr<ScriptedRecognizer> first =
                                          std::make_shared<ScriptedRecognizer>(clock, loop.get_executor()),
                                      last = std::make_shared<ScriptedRecognizer>(clock, loop.get_executor());
  std::vector<std::string> heard;
  std::vector<double> confidences;
  int failures = 0;
  async::TaskGroup tasks{loop.get_executor(), "test"};
  std::unique_ptr<Listener> listener;

  void listen(Ladder<speech::Recognizer> ladder) {
    listener = std::make_unique<Listener>(
        loop.get_executor(), clock, ListenerOptions{.org = "demo"},
        [](const audio::Frame&) { return Voiced{}; }, std::move(ladder), *this, *this);
    tasks.spawn(listener->run());
    clock.settle();
  }
  void TearDown() override {
    tasks.cancel();
    clock.run_for(1s);
    EXPECT_TRUE(tasks.empty());
    listener.reset();
    EXPECT_EQ(first->streams_alive + last->streams_alive, 0);
  }
  void run(milliseconds duration) {
    for (const auto end = clock.now() + duration; clock.now() < end;) {
      listener->hear({});
      listener->tick();
      clock.run_for(20ms);
    }
  }
  void speak(milliseconds duration) {
    listener->begin();
    run(duration);
    listener->finish();
  }

  void on_words(const speech::Hypothesis& partial) override { heard.push_back("words:" + partial.text); }
  void on_final(const speech::Hypothesis& final) override {
    heard.push_back("final:" + final.text);
    confidences.push_back(final.confidence);
  }
  void on_hearing(bool hears) override { heard.push_back(hears ? "hears" : "deaf"); }
  void on_turn(domain::Turn) override {}
  void on_partial(domain::Speaker, std::string_view) override {}
  void on_event(std::string_view, EventDetails) override { ++failures; }
  void on_clear_playout() override {}
};

TEST_F(ListenerTest, the_recognizer_hears_400_ms_from_before_the_onset) {
  first->script = {{.text = "hello", .partials = {{600ms, "hel"}}}};
  listen({{first}});
  run(2s);
  EXPECT_EQ(first->frames_written, 0) << "nothing while nobody speaks";
  speak(500ms);
  run(200ms);
  EXPECT_EQ(first->frames_written, 20 + 25);
  EXPECT_THAT(heard, ElementsAre("words:hel", "final:hello"));
}

TEST_F(ListenerTest, what_was_nothing_is_forgotten) {
  first->script = {{.text = "hello"}};
  listen({{first}});
  listener->begin();
  run(200ms);
  listener->abandon();
  run(200ms);
  EXPECT_EQ(first->abandoned, 1);
  speak(200ms);
  run(200ms);
  EXPECT_THAT(heard, ElementsAre("final:hello"));
}

TEST_F(ListenerTest, the_next_rung_hears_the_utterance_that_the_first_one_lost) {
  for (const auto ending : {Ending::fails, Ending::hangs}) {
    heard.clear();
    first->script = {{.ending = ending}};
    last->script = {{.text = "my name is john"}};
    last->frames_written = 0;
    tasks.cancel_current();
    clock.settle();
    listen({{first}, {last}});
    run(1s);
    speak(1s);
    run(2s);
    EXPECT_THAT(heard, ElementsAre("final:my name is john"));
    EXPECT_EQ(last->frames_written, 20 + 50) << "all of it, lead-in included";
  }
}

TEST_F(ListenerTest, a_recognizer_lost_in_mid_utterance_is_replaced_before_its_end) {
  first->script = {{.ending = Ending::fails}, {.text = "unused"}};
  last->script = {{.text = "second"}};
  listen({{first}, {last}});
  speak(200ms);  // lost
  listener->begin();
  run(300ms);
  listener->finish();
  run(1s);
  ASSERT_EQ(heard.size(), 2u);
  EXPECT_EQ(heard[0], "final:second") << "the first utterance, heard by the second rung";
}

TEST_F(ListenerTest, without_any_recognizer_it_is_deaf_and_answers_at_once) {
  listen({});
  EXPECT_TRUE(listener->deaf());
  speak(500ms);
  EXPECT_THAT(heard, ElementsAre("deaf", "final:"));
}

TEST_F(ListenerTest, hears_again_when_a_recognizer_is_back) {
  first->open_error = unavailable("recognition_saturated", "full");
  first->script = {{.text = "hello"}};
  listen({{first}});
  EXPECT_TRUE(listener->deaf());
  first->open_error.reset();
  run(6s);
  EXPECT_FALSE(listener->deaf());
  speak(300ms);
  run(1s);
  EXPECT_THAT(heard, ElementsAre("deaf", "hears", "final:hello"));
}

TEST_F(ListenerTest, one_that_takes_too_long_to_open_is_passed_over) {
  first->open_delay = 1h;
  last->script = {{.text = "hello"}};
  listen({{first}, {last}});
  speak(300ms);
  run(2s);
  EXPECT_THAT(heard, ElementsAre("final:hello")) << "heard though nobody listened yet when it was said";
}

TEST_F(ListenerTest, when_the_final_never_comes_the_partial_must_do) {
  for (int i = 0; i < 9; ++i)
    first->script.push_back({.ending = Ending::hangs, .partials = {{100ms, "call me"}}});
  listen({{first}});
  speak(500ms);
  const auto asked = clock.now();
  while (heard.empty() || heard.back().starts_with("words") || heard.back() == "deaf") {
    run(20ms);
    ASSERT_LT(clock.now() - asked, 5s) << "bounded";
  }
  EXPECT_EQ(heard.back(), "final:call me");
  EXPECT_LT(confidences.back(), 0.5) << "likely, not sure";
  EXPECT_GE(failures, 1);
}

TEST_F(ListenerTest, the_only_one_is_waited_for_longer) {
  first->script = {{.text = "hello", .delay = 2'500ms}};
  listen({{first}});
  speak(300ms);
  run(3s);
  EXPECT_THAT(heard, ElementsAre("final:hello"));
  EXPECT_EQ(first->streams_opened, 1) << "hearing it again would only take longer";
}

TEST_F(ListenerTest, a_trial_lets_others_in_before_its_caller_has_spoken) {
  const auto breaker = std::make_shared<async::CircuitBreaker>();
  breaker->failure(clock.now(), 5s);
  clock.run_for(6s);
  listen({{first, breaker}});
  run(1s);
  EXPECT_TRUE(breaker->allow(clock.now()));
}

TEST_F(ListenerTest, one_that_is_full_is_no_failure_for_others) {
  const auto breaker = std::make_shared<async::CircuitBreaker>();
  Error full = unavailable(std::string{speech::saturated}, "no room");
  full.retry_after = seconds{10};
  first->open_error = full;
  listen({{first, breaker}});
  run(1s);
  EXPECT_THAT(heard, ElementsAre("deaf"));
  EXPECT_TRUE(breaker->allow(clock.now()));
}

TEST_F(ListenerTest, one_that_dies_whenever_it_is_opened_is_not_hammered) {
  struct Dying final : speech::Recognizer {
    struct Stream final : speech::RecognizerStream {
      void write(const audio::Frame&) override {}
      void finish_utterance() override {}
      void abandon_utterance() override {}
      async::Task<Result<speech::Hypothesis>> next() override { co_return unavailable("gone", "gone"); }
    };
    int opened = 0;
    std::string_view name() const override { return "dying"; }
    async::Task<Result<std::unique_ptr<speech::RecognizerStream>>> open(std::string, int) override {
      ++opened;
      co_return std::make_unique<Stream>();
    }
  };
  auto dying = std::make_shared<Dying>();
  listen({{dying}});
  run(30s);
  EXPECT_TRUE(listener->deaf());
  EXPECT_LE(dying->opened, 7);
}

TEST_F(ListenerTest, finals_without_a_question_are_not_passed_on) {
  first->script = {{.text = "first", .delay = 300ms}, {.text = "second", .delay = 10ms}};
  listen({{first}});
  speak(300ms);
  speak(300ms);  // begins before the first one's final
  run(1s);
  EXPECT_THAT(heard, ElementsAre("final:first", "final:second"));
}

}  // namespace
}  // namespace voxanne::conversation
