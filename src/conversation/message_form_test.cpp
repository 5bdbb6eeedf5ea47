#include "conversation/message_form.h"

#include <gmock/gmock.h>

namespace voxanne::conversation {
namespace {

using Outcome = MessageForm::Step::Outcome;
using testing::HasSubstr;

struct Form : testing::Test {
  MessageForm form{{}};
  MessageForm::Step step;

  void SetUp() override { begin(); }
  void begin(MessageForm::Way way = MessageForm::Way::speech, std::string caller = {},
             std::string reason = {}) {
    form = MessageForm{{.caller_number = std::move(caller)}};
    step = form.begin(way, std::move(reason), false);
  }
  std::string say(std::string text, double confidence = 0.9) {
    step = form.hear({.text = std::move(text), .confidence = confidence});
    return step.say;
  }
  std::string press(std::string keys) {
    step = form.hear({.kind = CallerInput::Kind::digits, .text = std::move(keys)});
    return step.say;
  }
  std::string mumble() {
    step = form.hear({.kind = CallerInput::Kind::not_understood, .start_ms = 61'000, .end_ms = 75'500});
    return step.say;
  }
};

TEST_F(Form, takes_name_number_and_reason_and_confirms) {
  EXPECT_THAT(step.say, HasSubstr("your name"));
  EXPECT_THAT(say("it's john smith"), HasSubstr("Thank you, John Smith. What number"));
  EXPECT_TRUE(form.expects_digits());
  EXPECT_THAT(say("oh seven seven double oh nine hundred one two three"),
              HasSubstr("That's oh seven seven oh oh, nine oh oh, one two three. Is that right?"));
  EXPECT_FALSE(form.expects_digits());
  EXPECT_THAT(say("yes"), HasSubstr("what is your message"));
  EXPECT_THAT(say("i need to move my appointment"),
              HasSubstr("a message from John Smith: I need to move my appointment. Shall I pass that on?"));
  say("yes please");
  EXPECT_EQ(step.outcome, Outcome::confirmed);
  EXPECT_EQ(form.message().caller_name, "John Smith");
  EXPECT_EQ(form.message().number, "07700900123");
  EXPECT_EQ(form.message().text, "I need to move my appointment");
  EXPECT_FALSE(form.message().urgent);
  EXPECT_FALSE(form.message().id.empty());
}

TEST_F(Form, a_number_in_parts_goes_on) {
  say("john");
  EXPECT_THAT(say("oh seven seven"), HasSubstr("so far. Please go on"));
  EXPECT_THAT(say("double oh nine hundred one two three"), HasSubstr("That's oh seven seven oh oh"));
  EXPECT_EQ(form.message().number, "07700900123");
}

TEST_F(Form, a_short_number_is_taken_when_it_is_all) {
  say("john");
  say("four five six");
  EXPECT_THAT(say("that's all"), HasSubstr("That's four five six."));
}

TEST_F(Form, a_number_is_corrected_whole_or_at_its_end) {
  say("john");
  say("oh seven seven double oh nine hundred one two three");
  EXPECT_THAT(say("no it ends in four five six"), HasSubstr("nine oh oh, four five six"));
  EXPECT_THAT(say("no it's oh two oh seven nine four six oh nine five eight"), HasSubstr("oh two oh"));
  EXPECT_THAT(say("no"), HasSubstr("once more"));
  EXPECT_TRUE(form.expects_digits());
  press("5551234");
  say("yes");
  EXPECT_EQ(form.message().number, "5551234");
}

TEST_F(Form, the_callers_own_number_is_offered) {
  begin(MessageForm::Way::speech, "+447700900123");
  EXPECT_THAT(say("john"), HasSubstr("ending in one two three?"));
  say("yes please");
  EXPECT_EQ(form.message().number, "+447700900123");
  begin(MessageForm::Way::speech, "+447700900123");
  say("john");
  EXPECT_THAT(say("no"), HasSubstr("What number"));
  EXPECT_THAT(say("the one i'm calling from"), HasSubstr("plus four four"));
}

TEST_F(Form, names_and_numbers_are_corrected_later) {
  say("john smith");
  say("oh seven seven double oh nine hundred one two three");
  EXPECT_THAT(say("sorry my name is jane smith"), HasSubstr("Thank you, Jane Smith. That's oh seven"));
  say("yes");
  say("please call about the bill");
  EXPECT_THAT(say("the number is wrong"), HasSubstr("What number"));
  say("five five five one two three four");
  EXPECT_THAT(say("yes"), HasSubstr("Jane Smith: Please call about the bill"));
  EXPECT_THAT(say("no"), HasSubstr("What should I change"));
  EXPECT_THAT(say("the message"), HasSubstr("what is your message"));
  EXPECT_THAT(say("it is about the crown"), HasSubstr("It is about the crown"));
  say("yes");
  EXPECT_EQ(step.outcome, Outcome::confirmed);
  EXPECT_EQ(form.message().number, "5551234");
}

TEST_F(Form, can_be_given_up_at_every_step) {
  const std::vector<std::string> steps = {"john smith", "oh seven seven double oh nine hundred one two three",
                                          "yes", "about my bill"};
  for (std::size_t given = 0; given <= steps.size(); ++given) {
    begin();
    for (std::size_t i = 0; i < given; ++i) say(steps[i]);
    say("never mind");
    EXPECT_EQ(step.outcome, Outcome::given_up) << given;
  }
}

TEST_F(Form, every_question_can_be_heard_again) {
  for (const auto* answer :
       {"john smith", "oh seven seven double oh nine hundred one two three", "yes", "about my bill"}) {
    const auto question = form.question();
    EXPECT_THAT(say("pardon"), testing::Eq(question));
    say(answer);
  }
}

TEST_F(Form, an_unsure_yes_confirms_nothing) {
  say("john");
  say("oh seven seven double oh nine hundred one two three");
  EXPECT_THAT(say("yes", 0.4), HasSubstr("yes or no"));
  EXPECT_THAT(say("yes", 0.4), HasSubstr("press 1"));
  press("1");
  say("about my bill");
  say("yes", 0.3);
  EXPECT_EQ(step.outcome, Outcome::going_on);
  press("1");
  EXPECT_EQ(step.outcome, Outcome::confirmed);
}

TEST_F(Form, a_caller_nobody_understands_still_leaves_a_message) {
  begin(MessageForm::Way::speech, "+447700900123");
  int steps = 0;
  while (step.outcome == Outcome::going_on && ++steps < 20) {
    if (form.question().find("Shall I pass") != std::string::npos ||
        form.question().find("Is that right") != std::string::npos)
      press("1");
    else
      mumble();
  }
  EXPECT_EQ(step.outcome, Outcome::confirmed);
  EXPECT_LT(steps, 12);
  EXPECT_EQ(form.message().number, "+447700900123");
  EXPECT_THAT(form.message().text, HasSubstr("recording"));
}

TEST_F(Form, on_the_keypads_way_the_message_is_spoken_after_a_tone) {
  begin(MessageForm::Way::keypad);
  EXPECT_TRUE(step.tone);
  EXPECT_TRUE(form.expects_voice());
  EXPECT_THAT(mumble(), HasSubstr("type the number"));
  EXPECT_THAT(press("07700900123"), HasSubstr("Press 1 if that is right"));
  press("1");
  EXPECT_EQ(step.outcome, Outcome::confirmed);
  EXPECT_EQ(form.message().text, "Voice message in the recording from 1:01 to 1:15.");
  EXPECT_EQ(form.message().number, "07700900123");
}

TEST_F(Form, a_voice_message_is_placed_in_the_recording) {
  form = MessageForm{{.caller_number = "", .recorded_since = [] { return milliseconds{5'000}; }}};
  form.begin(MessageForm::Way::keypad, "", false);
  mumble();
  EXPECT_EQ(form.message().text, "Voice message in the recording from 0:56 to 1:10.");
}

TEST_F(Form, where_nothing_is_recorded_no_voice_message_is_promised) {
  form = MessageForm{{.caller_number = "", .recorded_since = [] { return std::optional<milliseconds>{}; }}};
  step = form.begin(MessageForm::Way::keypad, "", false);
  EXPECT_FALSE(step.tone);
  EXPECT_THAT(step.say, testing::AllOf(HasSubstr("can't take down"), HasSubstr("type the number")));
  press("07700900123");
  press("1");
  EXPECT_EQ(step.outcome, Outcome::confirmed);
  EXPECT_EQ(form.message().number, "07700900123");
  EXPECT_THAT(form.message().text,
              testing::AllOf(HasSubstr("called back"), testing::Not(HasSubstr("recording"))));
}

TEST_F(Form, what_was_said_before_the_call_ended_is_worth_passing_on) {
  EXPECT_FALSE(form.unfinished());
  say("john smith");
  EXPECT_FALSE(form.unfinished()) << "nothing to pass on yet";
  say("oh seven seven double oh nine hundred one two three");
  say("yes");
  say("i need to move my appointment");
  const auto left = form.unfinished();
  ASSERT_TRUE(left);
  EXPECT_EQ(left->number, "07700900123");
  EXPECT_THAT(left->text, testing::StartsWith("I need to move my appointment (The call ended"));

  begin(MessageForm::Way::keypad, "+447700900456");
  EXPECT_FALSE(form.unfinished());
  mumble();
  ASSERT_TRUE(form.unfinished()) << "as on any answering machine";
  EXPECT_EQ(form.unfinished()->number, "+447700900456");
}

TEST_F(Form, a_question_is_no_name) {
  EXPECT_THAT(say("how much is it"), HasSubstr("didn't catch your name"));
  EXPECT_THAT(say("will smith"), HasSubstr("Thank you, Will Smith."));
}

TEST_F(Form, recognition_that_is_lost_in_the_middle_leaves_the_keys) {
  say("john smith");
  step = form.hear({.kind = CallerInput::Kind::deaf});
  EXPECT_THAT(step.say, HasSubstr("after the tone"));
  EXPECT_TRUE(step.tone);
  mumble();
  press("07700900123");
  press("1");
  EXPECT_EQ(step.outcome, Outcome::confirmed);
  EXPECT_EQ(form.message().caller_name, "John Smith");
}

TEST_F(Form, a_number_confirmed_by_keys_is_no_message_without_words) {
  say("john smith");
  say("oh seven seven double oh nine hundred one two three");
  step = form.hear({.kind = CallerInput::Kind::deaf});
  EXPECT_THAT(press("1"), HasSubstr("after the tone"));
  mumble();
  EXPECT_EQ(step.outcome, Outcome::confirmed);
  EXPECT_THAT(form.message().text, HasSubstr("recording"));
}

TEST_F(Form, urgency_is_noticed) {
  say("john");
  say("oh seven seven double oh nine hundred one two three");
  say("yes");
  say("it is urgent my crown fell out");
  EXPECT_TRUE(form.message().urgent);
}

// Whatever is said in whatever order, the form asks something or ends, and a message is only
// confirmed with something in it.
TEST_F(Form, any_order_of_inputs_is_answered) {
  const std::vector<std::string> inputs = {"yes",
                                           "no",
                                           "john smith",
                                           "oh seven seven double oh nine hundred one two three",
                                           "the number is wrong",
                                           "my name is jane",
                                           "",
                                           "pardon",
                                           "#",
                                           "1"};
  for (int sequence = 0; sequence < 20'000; ++sequence) {
    begin(sequence % 2 ? MessageForm::Way::keypad : MessageForm::Way::speech,
          sequence % 3 ? "" : "+447700900123");
    int code = sequence;
    for (int i = 0; i < 12 && step.outcome == Outcome::going_on; ++i) {
      const auto& input = inputs[static_cast<std::size_t>(code + i * 7) % inputs.size()];
      code = code * 31 % 100'003;
      if (input.empty())
        mumble();
      else if (input == "#" || input == "1")
        press(input);
      else
        say(input);
      if (step.outcome == Outcome::going_on) ASSERT_FALSE(step.say.empty());
      if (step.outcome == Outcome::confirmed) ASSERT_FALSE(form.message().text.empty());
    }
  }
}

}  // namespace
}  // namespace voxanne::conversation
