#include "conversation/house_responder.h"

#include "async/task_group.h"
#include "conversation/phrases.h"
#include "support/virtual_clock.h"

#include <gmock/gmock.h>

namespace voxanne::conversation {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

struct House : testing::Test {
  async::Loop loop;
  test::VirtualClock clock{loop};
  async::TaskGroup tasks{loop.get_executor(), "house"};

  std::map<std::string, KnowledgeAnswer> knowledge = {
      {"what are your opening hours", {"We are open from nine to five.", "Hours", 0.8}},
      {"What are your opening hours?", {"We are open from nine to five.", "Hours", 0.8}},
      {"parking", {"There is a car park behind the house.", "Parking", 0.65}},
      {"What should I do in an emergency?",
       {"For dental emergencies call us before ten.", "Emergencies", 0.9}}};
  std::optional<Error> look_up_error, take_error;
  milliseconds look_up_delay{0}, take_delay{0};
  std::vector<TakenMessage> taken;
  std::vector<std::string> gaps;
  bool hung_up = false, tone = false;
  std::vector<ReplyPart> parts;

  HouseResponder house{
      clock,
      {.organization = "Harbour Dental",
       .goodbye = "Thank you for calling Harbour Dental. Goodbye.",
       .caller_number = "",
       .topics = {{"opening hours", "What are your opening hours?"}, {"parking", "parking"}}},
      {.look_up = [this](std::string question) { return look_up(std::move(question)); },
       .take_message = [this](TakenMessage message) { return take(std::move(message)); },
       .on_gap = [this](std::string question) { gaps.push_back(std::move(question)); }}};

  HouseResponder* talking_to = &house;

  ~House() override {
    tasks.cancel();
    clock.run_for(10s);
  }

  async::Task<Result<std::optional<KnowledgeAnswer>>> look_up(std::string question) {
    if (look_up_delay.count() > 0) co_await clock.sleep_for(look_up_delay);
    if (look_up_error) co_return *look_up_error;
    const auto found = knowledge.find(question);
    if (found == knowledge.end()) co_return std::nullopt;
    co_return found->second;
  }
  async::Task<Result<>> take(TakenMessage message) {
    if (take_delay.count() > 0) co_await clock.sleep_for(take_delay);
    if (take_error) co_return *take_error;
    taken.push_back(std::move(message));
    co_return Result<>{};
  }

  std::string hear(CallerInput input, milliseconds within = 10s) {
    const auto said = std::make_shared<std::string>();  // the task may outlive this call
    parts.clear();
    tone = false;
    tasks.spawn([](House& test, CallerInput in, std::shared_ptr<std::string> out) -> async::Task<> {
      const auto reply = test.talking_to->respond(in);
      for (;;) {
        auto part = co_await reply->next();
        if (!part || !*part) co_return;
        test.parts.push_back(**part);
        test.hung_up |= (*part)->kind == ReplyPart::Kind::hang_up;
        test.tone |= (*part)->kind == ReplyPart::Kind::tone;
        if (!out->empty() && !(*part)->text.empty()) *out += ' ';
        *out += (*part)->text;
      }
    }(*this, std::move(input), said));
    clock.run_for(within);
    return *said;
  }
  std::string say(std::string text, double confidence = 0.9) {
    return hear({.text = std::move(text), .confidence = confidence});
  }
  std::string press(std::string keys) {
    return hear({.kind = CallerInput::Kind::digits, .text = std::move(keys)});
  }
  std::string mumble() {
    return hear({.kind = CallerInput::Kind::not_understood, .start_ms = 5'000, .end_ms = 9'000});
  }
};

TEST_F(House, goodbye_in_the_middle_of_a_message_ends_the_call) {
  say("i would like to leave a message");
  EXPECT_THAT(say("goodbye"), HasSubstr("Goodbye."));
  EXPECT_TRUE(hung_up);
  EXPECT_TRUE(taken.empty()) << "nothing was said yet";
}

TEST_F(House, goodbye_before_the_last_yes_leaves_what_was_said) {
  say("i would like to leave a message");
  say("john smith");
  say("oh seven seven double oh nine hundred one two three");
  say("yes");
  say("i need to move my appointment");
  EXPECT_THAT(say("bye"), HasSubstr("message has been taken"));
  EXPECT_TRUE(hung_up);
  ASSERT_EQ(taken.size(), 1u);
  EXPECT_THAT(taken[0].text, HasSubstr("before the caller confirmed"));
  EXPECT_FALSE(house.unfinished());
}

TEST_F(House, danger_to_life_is_answered_in_the_middle_of_a_message) {
  say("i would like to leave a message");
  EXPECT_THAT(say("i can't breathe"),
              testing::AllOf(HasSubstr("emergency services"), HasSubstr("your name")));
  EXPECT_THAT(say("john smith"), HasSubstr("Thank you, John Smith."));
}

TEST_F(House, what_was_being_left_when_the_call_ended_is_there) {
  press("0");
  EXPECT_FALSE(house.unfinished());
  mumble();
  ASSERT_TRUE(house.unfinished());
  EXPECT_THAT(house.unfinished()->text, HasSubstr("0:05 to 0:09"));
}

TEST_F(House, answers_from_knowledge_with_its_source) {
  EXPECT_THAT(say("what are your opening hours"), HasSubstr("We are open from nine to five."));
  EXPECT_EQ(parts[0].source, "Hours");
  EXPECT_FALSE(house.in_dialogue());
}

TEST_F(House, admits_what_it_does_not_know_and_offers_a_message_about_it) {
  EXPECT_THAT(say("do you treat horses"), HasSubstr("Shall I take a message"));
  EXPECT_THAT(gaps, ElementsAre("do you treat horses"));
  EXPECT_THAT(say("yes please"), HasSubstr("your name"));
  say("john smith");
  say("oh seven seven double oh nine hundred one two three");
  EXPECT_THAT(say("yes"), HasSubstr("do you treat horses. Shall I pass that on?")) << "the reason is known";
  EXPECT_THAT(say("yes"), HasSubstr("Your message has been taken"));
  ASSERT_EQ(taken.size(), 1u);
  EXPECT_EQ(taken[0].text, "do you treat horses");
}

TEST_F(House, an_offer_that_is_declined_is_forgotten) {
  say("do you treat horses");
  EXPECT_THAT(say("no thanks"), HasSubstr("anything else"));
  EXPECT_THAT(say("no"), HasSubstr("Goodbye"));
  EXPECT_TRUE(hung_up);
}

TEST_F(House, an_offer_can_be_answered_with_another_question) {
  say("do you treat horses");
  EXPECT_THAT(say("what are your opening hours"), HasSubstr("nine to five"));
}

TEST_F(House, says_what_it_can_do) {
  EXPECT_THAT(say("what can you do"), testing::AllOf(HasSubstr("assistant of Harbour Dental"),
                                                     HasSubstr("opening hours or parking")));
}

TEST_F(House, says_it_again) {
  const auto answer = say("what are your opening hours");
  EXPECT_EQ(say("pardon"), answer);
  EXPECT_EQ(say("can you repeat that"), answer);
}

TEST_F(House, says_goodbye_when_it_is_sure_that_it_was_meant) {
  EXPECT_THAT(say("goodbye", 0.4), HasSubstr("want to end the call"));
  EXPECT_FALSE(hung_up);
  EXPECT_THAT(say("yes"), HasSubstr("Goodbye"));
  EXPECT_TRUE(hung_up);
}

TEST_F(House, asks_again_and_then_offers_the_keypad) {
  EXPECT_THAT(mumble(), testing::AnyOf(HasSubstr("again"), HasSubstr("once more")));
  EXPECT_THAT(mumble(), HasSubstr("Press 1 for opening hours, 2 for parking, 3 to leave a message"));
  EXPECT_TRUE(house.in_dialogue());
  EXPECT_THAT(press("1"), HasSubstr("nine to five"));
  EXPECT_THAT(press("9"), HasSubstr("nothing on that key"));
  EXPECT_THAT(press("*"), HasSubstr("Press 1 for"));
}

TEST_F(House, understanding_in_between_counts_anew) {
  mumble();
  say("what are your opening hours");
  EXPECT_THAT(mumble(), Not(HasSubstr("Press 1")));
}

TEST_F(House, unsure_words_are_answered_only_by_a_strong_answer) {
  EXPECT_THAT(say("what are your opening hours", 0.4), HasSubstr("nine to five"));
  EXPECT_THAT(say("parking", 0.4), Not(HasSubstr("car park")));
  EXPECT_THAT(say("parking", 0.9), HasSubstr("car park"));
  EXPECT_THAT(say("do you treat horses", 0.4), Not(HasSubstr("message")));
  EXPECT_TRUE(gaps.empty()) << "words that may be wrong are no gap in the knowledge";
  EXPECT_THAT(say("what are your opening hours", 0.1), HasSubstr("Press 1")) << "not believed at all";
}

TEST_F(House, somebody_who_wants_a_person_is_called_back) {
  EXPECT_THAT(say("can i speak to someone"), HasSubstr("calls you back. May I have your name"));
  EXPECT_TRUE(house.in_dialogue());
}

TEST_F(House, emergencies_are_answered_from_knowledge_first) {
  const auto answer = say("it's an emergency my tooth was knocked out");
  EXPECT_THAT(answer, HasSubstr("call us before ten. Shall I take an urgent message"));
  say("yes");
  say("john");
  say("oh seven seven double oh nine hundred one two three");
  say("yes");
  say("yes");
  ASSERT_EQ(taken.size(), 1u);
  EXPECT_TRUE(taken[0].urgent);
  EXPECT_THAT(say("he can't breathe"), testing::StartsWith("If somebody's life may be in danger"));
}

TEST_F(House, knowledge_that_is_away_is_no_gap) {
  look_up_error = unavailable("database_unavailable", "away");
  EXPECT_THAT(say("do you treat horses"), HasSubstr("can't look that up just now. Shall I take a message"));
  look_up_error.reset();
  look_up_delay = 1h;
  EXPECT_THAT(say("do you treat horses"), HasSubstr("can't look that up just now"));
  EXPECT_TRUE(gaps.empty());
}

struct HouseMessage : House {
  void SetUp() override {
    say("i'd like to leave a message");
    say("john smith");
    EXPECT_TRUE(house.expects_digits());
    say("oh seven seven double oh nine hundred one two three");
    say("yes");
    say("please move my appointment");
  }
};

TEST_F(HouseMessage, is_taken_only_when_confirmed_and_told_only_when_kept) {
  EXPECT_TRUE(taken.empty());
  take_delay = 3s;
  const auto told = hear({.text = "yes", .confidence = 0.9}, 2s);
  EXPECT_EQ(told, "") << "not before it is kept";
  clock.run_for(2s);
  EXPECT_THAT(parts.at(0).text, HasSubstr("Your message has been taken"));
  EXPECT_EQ(taken.size(), 1u);
  EXPECT_EQ(taken[0].text, "Please move my appointment");
  EXPECT_FALSE(house.in_dialogue());
}

TEST_F(HouseMessage, that_cannot_be_kept_is_said_so_and_tried_again) {
  take_error = unavailable("database_unavailable", "away");
  EXPECT_THAT(say("yes"), HasSubstr("couldn't save your message"));
  EXPECT_THAT(say("what are your opening hours"), testing::StartsWith("We are open"));
  take_error.reset();
  EXPECT_THAT(say("what are your opening hours"),
              testing::StartsWith("Good news: your message is saved now. We are open"));
  EXPECT_EQ(taken.size(), 1u);
  EXPECT_THAT(say("thanks"), Not(HasSubstr("saved")));
}

TEST_F(HouseMessage, that_was_never_kept_is_admitted_at_the_goodbye) {
  take_error = unavailable("database_unavailable", "away");
  say("yes");
  EXPECT_THAT(say("goodbye"), HasSubstr("could not be saved"));
}

TEST_F(HouseMessage, is_kept_once_though_the_caller_speaks_over_the_confirmation) {
  take_delay = 1s;
  hear({.text = "yes", .confidence = 0.9}, 500ms);
  tasks.cancel_current();  // barge-in
  clock.run_for(2s);
  ASSERT_EQ(taken.size(), 1u) << "keeping is not cancelled";
  house.interrupted("");
  EXPECT_THAT(say("yes please"), HasSubstr("Your message has been taken"));
  EXPECT_EQ(taken.size(), 1u);
}

TEST_F(House, an_interruption_before_anything_was_heard_takes_the_turn_back) {
  say("i'd like to leave a message");
  say("john");
  house.interrupted("");
  say("john smith");
  say("oh seven seven double oh nine hundred one two three");
  say("yes");
  EXPECT_THAT(say("please call me back about the bill"), HasSubstr("from John Smith"));
}

TEST_F(House, the_deaf_house_takes_a_voice_message_by_keys) {
  EXPECT_THAT(hear({.kind = CallerInput::Kind::deaf}), HasSubstr("your keypad works. Press 1"));
  press("3");
  EXPECT_TRUE(tone);
  EXPECT_TRUE(house.expects_message());
  mumble();
  EXPECT_TRUE(house.expects_digits());
  press("07700900123");
  EXPECT_TRUE(house.takes_number());
  EXPECT_THAT(press("07700900124"), HasSubstr("one two four")) << "in place of a yes";
  EXPECT_THAT(press("1"), HasSubstr("has been taken"));
  ASSERT_EQ(taken.size(), 1u);
  EXPECT_EQ(taken[0].text, "Voice message in the recording from 0:05 to 0:09.");
}

TEST_F(House, all_that_guides_by_keys_can_be_kept_as_audio) {
  const auto kept = HouseResponder::fixed_sentences({.organization = "",
                                                     .goodbye = "Bye.",
                                                     .caller_number = "",
                                                     .topics = {{"opening hours", ""}, {"parking", ""}}});
  const auto check = [&](const std::string& said) {
    for (const auto& sentence : sentences_of(said))
      if (!sentence.starts_with("That's oh") && !sentence.starts_with("We are open"))
        EXPECT_THAT(kept, testing::Contains(sentence));
  };
  check(hear({.kind = CallerInput::Kind::deaf}));
  check(press("1"));
  check(press("9"));
  check(press("3"));
  check(press("#"));
  check(mumble());
  check(mumble());
  check(press("07700900123"));
  check(press("7"));
  check(press("2"));
  check(press("07700900123"));
  check(press("1"));
  EXPECT_EQ(taken.size(), 1u);
}

TEST_F(House, a_caller_whose_number_is_no_number_is_asked_for_one) {
  for (const auto* number : {"anonymous", "sipp", "", "42", "+44x"}) {
    HouseResponder other{clock,
                         {.organization = "", .caller_number = number, .topics = {}},
                         {.look_up = [this](std::string q) { return look_up(std::move(q)); },
                          .take_message = [this](TakenMessage m) { return take(std::move(m)); }}};
    talking_to = &other;
    say("leave a message");
    EXPECT_THAT(say("john"), HasSubstr("What number")) << number;
  }
}

TEST_F(House, a_speaker_in_the_menu_who_is_understood_again_is_answered) {
  mumble();
  mumble();
  EXPECT_THAT(say("what are your opening hours"), HasSubstr("nine to five"));
  EXPECT_FALSE(house.in_dialogue());
}

}  // namespace
}  // namespace voxanne::conversation
