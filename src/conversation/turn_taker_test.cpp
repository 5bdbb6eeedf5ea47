#include "conversation/turn_taker.h"

#include <gtest/gtest.h>

namespace voxanne::conversation {
namespace {

using Assistant = TurnTaker::Assistant;
using Outcome = TurnTaker::Outcome;

// Feeds slots and notes when each action was answered for the first time.
struct Turns : testing::Test {
  TurnTaker turns{TurnTiming{}};
  CallTime now{0};
  std::optional<CallTime> begin, duck, unduck, barge_in, withdraw, discard, end;
  std::optional<CallerSpan> span;

  void note(const TurnTaker::Actions& a) {
    const auto first = [&](bool happened, std::optional<CallTime>& at) {
      if (happened && !at) at = now;
    };
    first(a.begin, begin);
    first(a.duck, duck);
    first(a.unduck, unduck);
    first(a.barge_in, barge_in);
    first(a.withdraw, withdraw);
    first(a.discard, discard);
    first(a.end_turn.has_value(), end);
    if (a.end_turn) span = a.end_turn;
  }
  void slots(milliseconds duration, bool speech) {
    for (const auto until = now + duration; now < until;) {
      now += 20ms;
      note(turns.frame(now, speech));
    }
  }
  void speech(milliseconds duration) { slots(duration, true); }
  void quiet(milliseconds duration) { slots(duration, false); }
  void words(std::string_view text) { note(turns.partial(now, text)); }
  // How much quiet ends a turn whose words so far are these.
  milliseconds pause_after(std::string_view text) {
    speech(400ms);
    words(text);
    const auto spoke_until = now;
    end.reset();
    quiet(5s);
    return *end - spoke_until;
  }
};

TEST_F(Turns, complete_answers_end_soon_and_open_ones_later) {
  EXPECT_EQ(pause_after("what are your opening hours"), 460ms) << "450 ms, at the next slot";
  EXPECT_EQ(pause_after("yes"), 460ms);
  EXPECT_EQ(pause_after("my name is"), 960ms);
  EXPECT_EQ(pause_after(""), 960ms) << "no words yet";
}

TEST_F(Turns, dictation_is_given_time_until_the_number_is_whole) {
  EXPECT_EQ(pause_after("oh seven seven double oh"), 1'700ms) << "also when no number was asked for";
  EXPECT_EQ(pause_after("at half past twenty two"), 460ms) << "two digits are no dictation";
  turns.await(TurnTaker::Awaiting::digits);
  EXPECT_EQ(pause_after("oh"), 1'700ms);
  EXPECT_EQ(pause_after("oh seven seven double oh nine hundred one two three"), 960ms);
  EXPECT_EQ(pause_after("i don't know it"), 460ms);
  EXPECT_EQ(pause_after("no thanks"), 460ms);
}

TEST_F(Turns, wordless_speech_with_its_own_pauses_decides_after_eight_hundred_ms) {
  turns.assistant(Assistant::speaking);
  for (int i = 0; i < 6; ++i) {
    speech(200ms);
    quiet(140ms);  // an unvoiced consonant and a short pause
  }
  ASSERT_TRUE(barge_in);
  EXPECT_LE(*barge_in, 900ms);
  EXPECT_GE(*barge_in, 800ms);
}

TEST_F(Turns, scattered_sounds_do_not_decide) {
  turns.assistant(Assistant::speaking);
  for (int i = 0; i < 6; ++i) {
    speech(100ms);
    quiet(240ms);
  }
  EXPECT_FALSE(barge_in);
}

TEST_F(Turns, a_dictated_number_with_pauses_is_one_turn) {
  turns.await(TurnTaker::Awaiting::digits);
  speech(800ms);
  words("oh seven seven");
  quiet(1'500ms);
  speech(800ms);
  words("oh seven seven double oh nine");
  quiet(1'500ms);
  speech(800ms);
  words("oh seven seven double oh nine hundred one two three");
  EXPECT_FALSE(end);
  quiet(1'000ms);
  ASSERT_TRUE(span);
  EXPECT_EQ(span->voiced, 2'400ms);
}

TEST_F(Turns, a_voice_message_ends_after_a_long_pause_or_at_the_hash_key) {
  turns.await(TurnTaker::Awaiting::message);
  EXPECT_EQ(pause_after("please call me back"), 3'000ms);
  speech(500ms);
  end.reset();
  note(turns.end_now(now));
  EXPECT_TRUE(end);
  end.reset();
  note(turns.end_now(now));
  EXPECT_FALSE(end) << "nothing was open";
}

TEST_F(Turns, the_span_tells_when_speech_was_and_not_when_it_was_noticed) {
  quiet(1s);
  note(turns.frame(now += 20ms, true, 80ms));
  speech(380ms);
  words("hello");
  quiet(1s);
  ASSERT_TRUE(span);
  EXPECT_EQ(span->start, 920ms) << "80 ms before the slot in which it was noticed";
  EXPECT_EQ(span->end, 1'400ms);
  EXPECT_EQ(span->voiced, 480ms);
  EXPECT_EQ(span->decided - span->end, 460ms);
  EXPECT_FALSE(span->over_assistant);
}

TEST_F(Turns, clicks_are_nothing) {
  for (int i = 0; i < 20; ++i) {
    speech(40ms);
    quiet(400ms);
  }
  EXPECT_FALSE(begin);
}

TEST_F(Turns, a_turn_without_an_end_is_ended) {
  speech(31s);
  EXPECT_EQ(*end, 30s);
  EXPECT_TRUE(turns.open()) << "what follows is the next turn";
}

TEST_F(Turns, the_assistant_ducks_at_150_ms) {
  turns.assistant(Assistant::speaking);
  speech(140ms);
  EXPECT_TRUE(begin);
  EXPECT_FALSE(duck);
  speech(20ms);
  EXPECT_TRUE(duck);
  EXPECT_FALSE(barge_in);
}

TEST_F(Turns, words_take_the_turn) {
  turns.assistant(Assistant::speaking);
  speech(160ms);
  words("wait please");
  EXPECT_EQ(barge_in, 160ms);
  EXPECT_EQ(turns.barge_in_cause(), "words");
}

TEST_F(Turns, words_alone_do_not) {
  turns.assistant(Assistant::speaking);
  speech(100ms);
  words("wait please");
  EXPECT_FALSE(barge_in) << "a recognizer finds words in a noise of 100 ms";
  speech(60ms);
  EXPECT_TRUE(barge_in) << "and then they do, without being said again";
}

TEST_F(Turns, words_that_may_still_change_do_not) {
  turns.assistant(Assistant::speaking);
  speech(300ms);
  note(turns.partial(now, "above", ""));
  note(turns.partial(now, "butler", ""));
  speech(200ms);
  EXPECT_FALSE(barge_in);
  note(turns.partial(now, "stop it now", "stop it"));
  EXPECT_EQ(barge_in, 500ms);
}

TEST_F(Turns, a_mere_beginning_takes_the_turn_only_with_longer_speech) {
  turns.assistant(Assistant::speaking);
  speech(300ms);
  note(turns.partial(now, "can i", "can"));
  EXPECT_FALSE(barge_in) << "any sound begins like that";
  speech(400ms);
  EXPECT_EQ(barge_in, 500ms);
}

TEST_F(Turns, a_lone_word_may_be_attention_misheard) {
  turns.assistant(Assistant::speaking);
  speech(380ms);
  note(turns.partial(now, "above", "above"));
  speech(100ms);
  quiet(2s);
  EXPECT_FALSE(barge_in) << "so short is uh-huh";
}

TEST_F(Turns, speech_takes_the_turn_at_800_ms) {
  turns.assistant(Assistant::speaking);
  speech(780ms);
  EXPECT_FALSE(barge_in);
  speech(20ms);
  EXPECT_EQ(barge_in, 800ms);
  EXPECT_EQ(turns.barge_in_cause(), "speech");
}

TEST_F(Turns, a_key_takes_the_turn_at_once) {
  turns.assistant(Assistant::speaking);
  note(turns.digit(now));
  EXPECT_TRUE(barge_in);
  EXPECT_EQ(turns.barge_in_cause(), "digit");
}

TEST_F(Turns, backchannels_and_short_sounds_duck_for_a_moment_only) {
  turns.assistant(Assistant::speaking);
  for (const auto* sound : {"mm-hmm", "uh-huh", "yes", "okay", "right", ""}) {
    speech(600ms);
    if (*sound) words(sound);
    quiet(280ms);
    EXPECT_FALSE(unduck) << sound;
    quiet(20ms);
    EXPECT_TRUE(unduck) << sound;
    quiet(2s);
    EXPECT_FALSE(barge_in) << sound;
    ASSERT_TRUE(span) << sound;
    EXPECT_EQ(turns.judge(*span, sound), *sound ? Outcome::backchannel : Outcome::nothing) << sound;
    duck.reset(), unduck.reset(), span.reset();
  }
}

TEST_F(Turns, words_that_come_late_still_take_the_turn) {
  turns.assistant(Assistant::speaking);
  speech(300ms);
  quiet(360ms);
  EXPECT_TRUE(unduck);
  words("stop please");
  EXPECT_TRUE(barge_in);
}

TEST_F(Turns, final_words_that_come_late_still_take_the_turn) {
  turns.assistant(Assistant::speaking);
  speech(300ms);
  quiet(1s);
  ASSERT_TRUE(span);
  EXPECT_TRUE(span->over_assistant);
  EXPECT_EQ(turns.judge(*span, "stop"), Outcome::barge_in);
}

TEST_F(Turns, short_sounds_apart_do_not_add_up) {
  turns.assistant(Assistant::speaking);
  for (int i = 0; i < 5; ++i) {
    speech(400ms);
    quiet(320ms);
  }
  EXPECT_FALSE(barge_in);
}

TEST_F(Turns, our_own_words_coming_back_do_not_stop_us) {
  turns.assistant(Assistant::speaking);
  turns.assistant_says("We are open from nine to five on weekdays.");
  speech(400ms);
  words("nine to five");
  EXPECT_FALSE(barge_in);
  quiet(2s);
  ASSERT_TRUE(span);
  EXPECT_EQ(turns.judge(*span, "nine to five"), Outcome::nothing);
  speech(400ms);
  words("nine to five on saturday");
  EXPECT_TRUE(barge_in) << "more than an echo";
}

TEST_F(Turns, yes_over_the_end_of_a_question_answers_it) {
  turns.assistant(Assistant::speaking);
  turns.assistant_says("Shall I take a message?");
  speech(300ms);
  words("yes");
  quiet(500ms);
  ASSERT_TRUE(span);
  EXPECT_EQ(turns.judge(*span, "yes"), Outcome::early_answer);
  turns.assistant(Assistant::quiet);
  EXPECT_EQ(turns.judge(*span, "yes"), Outcome::turn) << "it ended before the words were known";
}

TEST_F(Turns, attention_over_the_end_of_a_statement_is_no_turn) {
  turns.assistant(Assistant::speaking);
  turns.assistant_says("We are open.");
  speech(300ms);
  turns.assistant(Assistant::quiet);
  quiet(1s);
  ASSERT_TRUE(span);
  EXPECT_EQ(turns.judge(*span, "okay"), Outcome::backchannel);
  EXPECT_EQ(turns.judge(*span, "and on sunday"), Outcome::turn);
}

TEST_F(Turns, a_caller_who_goes_on_after_the_assistant_ended_has_the_turn) {
  turns.assistant(Assistant::speaking);
  speech(200ms);
  turns.assistant(Assistant::quiet);
  speech(600ms);
  quiet(1s);
  ASSERT_TRUE(span);
  EXPECT_FALSE(span->over_assistant);
  EXPECT_EQ(turns.judge(*span, ""), Outcome::unclear);
}

TEST_F(Turns, a_goodbye_is_stopped_by_words_but_not_by_farewells) {
  turns.assistant(Assistant::speaking);
  turns.closing(true);
  speech(900ms);
  words("thank you bye bye");
  EXPECT_FALSE(barge_in);
  quiet(1s);
  ASSERT_TRUE(span);
  EXPECT_EQ(turns.judge(*span, "thank you bye bye"), Outcome::backchannel);
  speech(300ms);
  words("oh wait one more thing");
  EXPECT_TRUE(barge_in);
}

TEST_F(Turns, a_caller_who_goes_on_withdraws_the_reply) {
  turns.assistant(Assistant::thinking);
  speech(140ms);
  EXPECT_FALSE(withdraw);
  speech(20ms);
  EXPECT_TRUE(withdraw);
  EXPECT_FALSE(duck);
  EXPECT_FALSE(barge_in);
}

TEST_F(Turns, long_speech_without_words_was_not_understood_and_a_cough_is_nothing) {
  EXPECT_EQ(turns.judge({.voiced = 400ms}, ""), Outcome::unclear);
  EXPECT_EQ(turns.judge({.voiced = 380ms}, ""), Outcome::nothing);
  EXPECT_EQ(turns.judge({.voiced = 2s, .over_assistant = true}, ""), Outcome::nothing);
}

TEST_F(Turns, a_key_during_speech_keeps_its_words_and_drops_a_noise) {
  speech(300ms);
  note(turns.digit(now));
  EXPECT_TRUE(discard);
  EXPECT_FALSE(end);
  speech(300ms);
  words("my number is");
  note(turns.digit(now));
  EXPECT_TRUE(end);
}

TEST_F(Turns, nothing_is_heard_on_hold) {
  speech(300ms);
  note(turns.hold(true));
  EXPECT_TRUE(discard);
  speech(5s);
  EXPECT_FALSE(end);
  note(turns.hold(false));
  quiet(2s);
  EXPECT_FALSE(end);
  begin.reset();
  speech(300ms);
  EXPECT_TRUE(begin);
}

// Over every sequence of short stretches: actions come in an order that makes sense.
TEST(TurnTakerProperty, every_sequence_of_sounds_is_opened_and_closed_in_turn) {
  const milliseconds stretches[] = {40ms, 160ms, 500ms, 900ms};
  for (int sequence = 0; sequence < 4 * 4 * 4 * 4 * 3 * 3; ++sequence) {
    TurnTaker turns{TurnTiming{}};
    int code = sequence;
    CallTime now{0};
    bool open = false, ducked = false;
    turns.assistant(static_cast<Assistant>(code % 3));
    code /= 3;
    const int change_at = code % 3;
    code /= 3;
    for (int part = 0; part < 6; ++part) {
      const bool speech = part % 2 == 0;
      const auto stretch = part < 4 ? stretches[code % 4] : 2'000ms;
      if (part < 4) code /= 4;
      if (part == change_at) turns.assistant(Assistant::speaking);
      for (const auto until = now + stretch; now < until;) {
        const auto a = turns.frame(now += 20ms, speech && part < 4);
        if (a.begin) {
          EXPECT_FALSE(open) << sequence;
          open = true;
        }
        if (a.duck) {
          EXPECT_FALSE(ducked) << sequence;
          ducked = true;
        }
        if (a.unduck) {
          EXPECT_TRUE(ducked) << sequence;
          ducked = false;
        }
        if (a.barge_in) ducked = false;
        if (a.end_turn) {
          EXPECT_TRUE(open) << sequence;
          EXPECT_LE(a.end_turn->start, a.end_turn->end) << sequence;
          EXPECT_LE(a.end_turn->voiced, a.end_turn->end - a.end_turn->start) << sequence;
          open = false;
        }
        EXPECT_EQ(turns.open(), open) << sequence;
      }
    }
    EXPECT_FALSE(open) << sequence << ": 4 s of quiet end every turn";
    EXPECT_FALSE(ducked) << sequence;
  }
}

}  // namespace
}  // namespace voxanne::conversation
