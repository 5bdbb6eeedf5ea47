#include "conversation/responder_ladder.h"

#include "async/task_group.h"
#include "support/scripted_responder.h"
#include "support/virtual_clock.h"

#include <gmock/gmock.h>

namespace voxanne::conversation {
namespace {

using test::ScriptedResponder;
using testing::ElementsAre;

struct LadderTest : testing::Test, ConversationObserver {
  async::Loop loop;
  test::VirtualClock clock{loop};
  std::shared_ptr<ScriptedResponder> model = std::make_shared<ScriptedResponder>(clock, "model"),
                                     house = std::make_shared<ScriptedResponder>(clock, "house");
  std::shared_ptr<async::CircuitBreaker> breaker = std::make_shared<async::CircuitBreaker>();
  ResponderLadder ladder{clock, {}, {{model, breaker}, {house}}, *this};
  std::vector<std::string> said, failed;
  bool complete = false;
  async::TaskGroup tasks{loop.get_executor(), "test"};

  void TearDown() override {
    tasks.cancel();
    clock.run_for(1s);
  }
  void hear(CallerInput input, milliseconds within = 60s) {
    said.clear();
    complete = false;
    tasks.spawn([](LadderTest& t, CallerInput in) -> async::Task<> {
      const auto reply = t.ladder.respond(in);
      for (;;) {
        auto part = co_await reply->next();
        if (!part || !*part) break;
        t.said.push_back((*part)->text);
      }
      t.complete = true;
    }(*this, std::move(input)));
    clock.run_for(within);
  }
  void on_turn(domain::Turn) override {}
  void on_partial(domain::Speaker, std::string_view) override {}
  void on_event(std::string_view, EventDetails details) override {
    failed.push_back(std::get<std::string>(details[1].second) + ":" +
                     std::get<std::string>(details[2].second));
  }
  void on_clear_playout() override {}
};

TEST_F(LadderTest, the_first_rung_answers) {
  model->script = {{.parts = {{.text = "One."}, {.text = "Two."}}}};
  hear({.text = "hello"});
  EXPECT_THAT(said, ElementsAre("One.", "Two."));
  EXPECT_TRUE(house->inputs.empty());
}

TEST_F(LadderTest, one_that_fails_or_hangs_or_is_mute_is_replaced_inside_the_turn) {
  for (const auto& script : {test::ScriptedReply{.fail_before = 0}, test::ScriptedReply{.hang_before = 0},
                             test::ScriptedReply{}}) {
    breaker->success();
    model->script = {script};
    house->script = {{.parts = {{.text = "From the house."}}}};
    const auto began = clock.now();
    hear({.text = "hello"}, 4s);
    EXPECT_THAT(said, ElementsAre("From the house."));
    EXPECT_TRUE(complete);
    EXPECT_LE(clock.now() - began, 4s);
    EXPECT_EQ(house->inputs.back().text, "hello");
  }
  EXPECT_THAT(failed, ElementsAre("model:responder_gone", "model:deadline_passed", "model:empty_reply"));
}

TEST_F(LadderTest, one_that_fails_after_it_began_to_speak_is_put_again) {
  model->script = {{.parts = {{.text = "We open"}}, .fail_before = 1}};
  house->script = {{.parts = {{.text = "We open at nine."}}}};
  hear({.text = "hello"});
  EXPECT_THAT(said, ElementsAre("We open", "Sorry, let me put that again.", "We open at nine."));
}

TEST_F(LadderTest, one_that_failed_three_times_is_left_alone_for_a_while) {
  for (int i = 0; i < 3; ++i) {
    model->script.push_back({.fail_before = 0});
    hear({.text = "hello"}, 100ms);
  }
  hear({.text = "hello"}, 100ms);
  EXPECT_EQ(model->inputs.size(), 3u);
  clock.run_for(3s);
  hear({.text = "hello"}, 100ms);
  EXPECT_EQ(model->inputs.size(), 4u) << "tried again";
  EXPECT_EQ(breaker->state(), async::CircuitBreaker::State::closed);
}

TEST_F(LadderTest, what_was_not_understood_goes_to_the_house) {
  hear({.kind = CallerInput::Kind::not_understood});
  hear({.kind = CallerInput::Kind::deaf});
  EXPECT_TRUE(model->inputs.empty());
  EXPECT_EQ(house->inputs.size(), 2u);
}

TEST_F(LadderTest, a_dialogue_is_kept_by_who_leads_it) {
  model->script = {{.fail_before = 0}};
  hear({.text = "i'd like to leave a message"});
  house->dialogue = true;
  hear({.text = "john smith"});
  EXPECT_EQ(house->inputs.back().text, "john smith");
  house->dialogue = false;
  hear({.text = "when are you open"});
  EXPECT_EQ(model->inputs.back().text, "when are you open");
}

TEST_F(LadderTest, when_nobody_answers_it_apologizes_and_counts) {
  model->script = {{.fail_before = 0}, {.hang_before = 0}};
  house->script = {{.fail_before = 0}, {.hang_before = 0}};
  for (int i = 1; i <= 2; ++i) {
    hear({.text = "hello"});
    ASSERT_EQ(said.size(), 1u);
    EXPECT_THAT(said[0], testing::HasSubstr("something went wrong"));
    EXPECT_TRUE(complete);
    EXPECT_EQ(ladder.failures(), i);
  }
  hear({.text = "hello"});
  EXPECT_EQ(ladder.failures(), 0);
}

TEST_F(LadderTest, a_trial_that_was_cut_short_lets_another_one_try) {
  for (int i = 0; i < 3; ++i) {
    model->script.push_back({.fail_before = 0});
    hear({.text = "hello"}, 100ms);
  }
  clock.run_for(3s);
  model->script = {{.parts = {{.text = "Slow."}}, .thinking = 2s}};
  hear({.text = "hello"}, 100ms);  // half open: the trial
  tasks.cancel_current();
  clock.settle();
  hear({.text = "hello"}, 100ms);
  EXPECT_EQ(model->inputs.size(), 5u);
  EXPECT_THAT(said, ElementsAre("Certainly."));
}

TEST_F(LadderTest, the_rung_that_spoke_is_told_what_was_heard) {
  hear({.text = "hello"});
  ladder.interrupted("We op");
  EXPECT_THAT(model->heard, ElementsAre("We op"));
  EXPECT_TRUE(house->heard.empty());
}

}  // namespace
}  // namespace voxanne::conversation
