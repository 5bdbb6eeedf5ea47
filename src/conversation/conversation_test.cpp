// Whole calls on a virtual clock: what the caller hears, when, and what is kept of it.
#include "support/call_scene.h"

#include <gmock/gmock.h>

namespace voxanne::conversation {
namespace {

using test::CallScene;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;
using testing::UnorderedElementsAre;

// 60 ms a character: "Hello." lasts 360 ms, this one 3 s.
const std::string long_answer = "We are open from nine to five on every weekday now";

struct ConversationTest : testing::Test {
  CallScene scene;
};

TEST_F(ConversationTest, greets_at_once) {
  scene.start();
  scene.run_until(2s);
  EXPECT_LE(*scene.first_audible(0s), 40ms);
  EXPECT_THAT(scene.transcript(), ElementsAre("assistant: Hello."));
  EXPECT_EQ(scene.recognizer->last_org, "demo");
}

TEST_F(ConversationTest, answers_and_says_where_the_time_went) {
  scene.caller_says(1s, 1s, {.text = "when are you open", .partials = {{800ms, "when are you open"}}});
  scene.responder->script = {
      {.parts = {{.text = "We open at nine.", .source = "Hours"}, {.text = "And close at five."}},
       .thinking = 200ms}};
  scene.start();
  scene.run_until(8s);
  EXPECT_THAT(scene.transcript(), ElementsAre("assistant: Hello.", "caller: when are you open",
                                              "assistant: We open at nine. And close at five."));
  const auto& caller = scene.turns[1];
  EXPECT_EQ(caller.start_ms, 1'000);
  EXPECT_EQ(caller.end_ms, 2'000);
  EXPECT_EQ(caller.confidence, 0.9);
  const auto& answer = scene.turns[2];
  EXPECT_EQ(answer.source, "Hours");
  EXPECT_FALSE(answer.interrupted);
  EXPECT_EQ(answer.latency.endpointing_ms, 460);
  EXPECT_EQ(answer.latency.recognition_ms, 50);
  EXPECT_EQ(answer.latency.thinking_ms, 200);
  EXPECT_LE(*answer.latency.first_audio_ms, 15 + 20);
  const auto heard = *scene.first_audible(2s);
  EXPECT_EQ(answer.start_ms, heard.count());
  EXPECT_LE(heard, 2s + 460ms + 50ms + 200ms + 15ms + 40ms) << "nothing is lost between the steps";
  EXPECT_EQ(scene.responder->inputs[0].text, "when are you open");
}

TEST_F(ConversationTest, the_first_syllable_reaches_the_recognizer) {
  scene.caller_says(2s, 400ms, {.text = "hello"});
  scene.start();
  scene.run_until(2s + 60ms);
  EXPECT_GE(scene.recognizer->frames_written, 10) << "from before speech was noticed";
}

// Barge-in. The reply begins at about 2.5 s and lasts 3 s.
struct BargeInTest : ConversationTest {
  void SetUp() override {
    scene.caller_says(1s, 1s, {.text = "when are you open", .partials = {{800ms, "when are you open"}}});
    scene.responder->script = {{.parts = {{.text = long_answer}}}};
  }
  milliseconds silent_from(milliseconds from) {
    auto t = from;
    while (t < scene.now && scene.is_audible(t)) t += 20ms;
    return t;
  }
};

TEST_F(BargeInTest, ducks_decides_on_words_and_is_silent_at_once) {
  scene.caller_says(4s, 1500ms, {.text = "no i mean on saturday", .partials = {{700ms, "no i mean"}}});
  scene.start();
  scene.run_until(10s);
  EXPECT_GT(scene.loudest(4s, 4s + 100ms), 5'000);
  EXPECT_LT(scene.loudest(4s + 200ms, 4s + 300ms), 1'500) << "ducked by at least 12 dB after 150 ms";
  EXPECT_GT(scene.loudest(4s + 200ms, 4s + 300ms), 500) << "but not silent yet";
  const auto* barge_in = scene.event("barge_in");
  ASSERT_TRUE(barge_in);
  EXPECT_LE(barge_in->at, 4s + 700ms);
  EXPECT_EQ(barge_in->details[0].second, EventValue{"words"});
  EXPECT_LE(silent_from(barge_in->at), barge_in->at + 40ms);
  EXPECT_EQ(scene.clears, 1);
  EXPECT_THAT(scene.responder->inputs.back().text, "no i mean on saturday");
}

TEST_F(BargeInTest, decides_on_800_ms_of_speech_without_words) {
  scene.caller_says(4s, 1500ms, {.text = "saturday"});
  scene.start();
  scene.run_until(4s + 780ms);
  EXPECT_FALSE(scene.event("barge_in"));
  scene.run_until(4s + 820ms);
  ASSERT_TRUE(scene.event("barge_in"));
  EXPECT_EQ(scene.event("barge_in")->details[0].second, EventValue{"speech"});
}

TEST_F(BargeInTest, decides_on_a_key_at_once) {
  scene.caller_presses(4s, "2");
  scene.start();
  scene.run_until(6s);
  ASSERT_TRUE(scene.event("barge_in"));
  EXPECT_EQ(scene.event("barge_in")->at, 4s);
  EXPECT_THAT(scene.event("barge_in")->details,
              UnorderedElementsAre(Pair("cause", EventValue{"digit"}), Pair("atMs", EventValue{4'000})))
      << "a key takes no time to decide on";
  EXPECT_EQ(scene.responder->inputs.back().kind, CallerInput::Kind::digits);
  EXPECT_EQ(scene.responder->inputs.back().text, "2");
}

TEST_F(BargeInTest, the_transcript_ends_at_the_word_last_heard) {
  for (const auto delay : {0ms, 200ms, 600ms}) {
    CallScene call;
    call.playout_delay = delay;
    call.caller_says(1s, 1s, {.text = "when are you open", .partials = {{800ms, "when are you open"}}});
    call.responder->script = {{.parts = {{.text = long_answer}}}};
    call.caller_presses(5s, "1");
    call.start();
    call.run_until(6s);
    ASSERT_GE(call.turns.size(), 3u);
    const auto& answer = call.turns[2];
    const auto begin = milliseconds{answer.start_ms};
    // A word is heard when its last sample left a playout delay ago.
    const auto characters = static_cast<std::size_t>((5s - delay - begin) / 60ms);
    const auto end = long_answer.find_last_of(' ', characters);
    EXPECT_EQ(answer.text, long_answer.substr(0, end)) << delay.count();
    EXPECT_TRUE(answer.interrupted);
    EXPECT_THAT(call.responder->heard, ElementsAre(answer.text));
  }
}

TEST_F(BargeInTest, a_backchannel_does_not_stop_the_assistant) {
  scene.caller_says(4s, 500ms, {.text = "mm-hmm", .partials = {{300ms, "mm-hmm"}}});
  scene.start();
  scene.run_until(10s);
  EXPECT_FALSE(scene.event("barge_in"));
  EXPECT_TRUE(scene.event("backchannel"));
  EXPECT_LT(scene.loudest(4s + 200ms, 4s + 500ms), 1'500);
  EXPECT_GT(scene.loudest(4s + 900ms, 5s + 300ms), 5'000) << "full level again";
  EXPECT_THAT(scene.transcript(),
              testing::UnorderedElementsAre("assistant: Hello.", "caller: when are you open",
                                            "caller: mm-hmm", "assistant: " + long_answer));
  EXPECT_EQ(scene.responder->inputs.size(), 1u);
}

TEST_F(BargeInTest, doubtful_final_words_do_not_stop_the_assistant) {
  scene.caller_says(4s, 500ms, {.text = "emma mitchell", .confidence = 0.45});
  scene.start();
  scene.run_until(10s);
  EXPECT_FALSE(scene.event("barge_in"));
  EXPECT_TRUE(scene.event("backchannel"));
  EXPECT_EQ(scene.responder->inputs.size(), 1u);
}

TEST_F(BargeInTest, a_cough_does_not_stop_the_assistant) {
  scene.caller_sounds(4s, 400ms);
  scene.start();
  scene.run_until(10s);
  EXPECT_FALSE(scene.event("barge_in"));
  EXPECT_EQ(scene.turns.back().text, long_answer);
  EXPECT_EQ(scene.responder->inputs.size(), 1u);
}

TEST_F(BargeInTest, yes_over_the_end_of_a_question_is_its_answer) {
  scene.responder->script = {{.parts = {{.text = "Shall I take a message for the dentist?"}}}};
  scene.start();
  scene.run_until(2600ms);
  const auto ends = *scene.first_audible(2s) + 39 * 60ms;
  scene.caller_says(ends - 400ms, 300ms, {.text = "yes", .partials = {{200ms, "yes"}}});
  scene.run_until(8s);
  EXPECT_FALSE(scene.event("barge_in"));
  ASSERT_EQ(scene.responder->inputs.size(), 2u);
  EXPECT_EQ(scene.responder->inputs[1].text, "yes");
}

TEST_F(BargeInTest, a_caller_who_goes_on_before_the_reply_is_heard_gets_one_answer) {
  scene.responder->script = {{.parts = {{.text = "Every day."}}, .thinking = 900ms}};
  scene.caller_says(2'700ms, 800ms, {.text = "on saturday", .partials = {{500ms, "on saturday"}}});
  scene.start();
  scene.run_until(8s);
  EXPECT_TRUE(scene.event("reply_withdrawn"));
  ASSERT_EQ(scene.responder->inputs.size(), 2u);
  EXPECT_EQ(scene.responder->inputs[1].text, "when are you open on saturday");
  EXPECT_THAT(scene.responder->heard, ElementsAre(""));
  EXPECT_THAT(scene.transcript(), ElementsAre("assistant: Hello.", "caller: when are you open",
                                              "caller: on saturday", "assistant: Certainly."));
}

TEST_F(BargeInTest, a_reply_withdrawn_for_a_noise_is_given_after_all) {
  scene.responder->script = {{.parts = {{.text = "Never heard."}}, .thinking = 900ms},
                             {.parts = {{.text = long_answer}}}};
  scene.caller_sounds(2'700ms, 300ms);
  scene.start();
  scene.run_until(9s);
  ASSERT_EQ(scene.responder->inputs.size(), 2u);
  EXPECT_EQ(scene.responder->inputs[1].text, "when are you open");
  EXPECT_EQ(scene.turns.back().text, long_answer);
}

TEST_F(ConversationTest, keys_whose_reply_was_withdrawn_are_not_lost) {
  scene.responder->script = {{.parts = {{.text = "Never heard."}}, .thinking = 900ms},
                             {.parts = {{.text = "Number two."}}},
                             {.parts = {{.text = "Yes."}}}};
  scene.caller_presses(2s, "2");
  scene.caller_says(2'100ms, 500ms, {.text = "saturday", .partials = {{300ms, "saturday"}}});
  scene.start();
  scene.run_until(9s);
  EXPECT_TRUE(scene.event("reply_withdrawn"));
  ASSERT_EQ(scene.responder->inputs.size(), 3u);
  EXPECT_EQ(scene.responder->inputs[1].kind, CallerInput::Kind::digits);
  EXPECT_EQ(scene.responder->inputs[1].text, "2");
  EXPECT_EQ(scene.responder->inputs[2].text, "saturday");
  EXPECT_EQ(scene.responder->heard.front(), "") << "what it had made of them is taken back";
  EXPECT_THAT(scene.transcript(), testing::Contains("assistant: Number two."));
}

TEST_F(ConversationTest, what_was_said_is_not_lost_to_a_key_that_follows) {
  scene.responder->script = {{.parts = {{.text = "Never heard."}}, .thinking = 900ms},
                             {.parts = {{.text = "We open at nine."}}},
                             {.parts = {{.text = "Number two."}}}};
  scene.caller_says(1s, 1s, {.text = "when are you open", .partials = {{800ms, "when are you open"}}});
  scene.start();
  while (scene.responder->inputs.empty() && scene.now < 6s) scene.run_until(scene.now + 20ms);
  scene.conversation->on_digit('2');
  scene.run_until(12s);
  ASSERT_EQ(scene.responder->inputs.size(), 3u);
  EXPECT_EQ(scene.responder->inputs[1].text, "when are you open");
  EXPECT_EQ(scene.responder->inputs[2].text, "2");
  EXPECT_THAT(scene.transcript(), testing::Contains("assistant: We open at nine."));
}

TEST_F(ConversationTest, keys_that_are_asked_for_answer_in_place_of_words) {
  scene.responder->script = {{.parts = {{.text = "Never heard."}}, .thinking = 900ms},
                             {.parts = {{.text = "Thank you."}}}};
  scene.responder->digits = true;
  scene.caller_says(1s, 1s, {.text = "wait a moment", .partials = {{800ms, "wait a moment"}}});
  scene.start();
  while (scene.responder->inputs.empty() && scene.now < 9s) scene.run_until(scene.now + 20ms);
  for (const char key : std::string_view{"077#"}) scene.conversation->on_digit(key);
  scene.run_until(scene.now + 5s);
  ASSERT_EQ(scene.responder->inputs.size(), 2u);
  EXPECT_EQ(scene.responder->inputs[1].text, "077");
}

TEST_F(ConversationTest, a_filler_is_no_answer_when_the_time_to_it_is_counted) {
  scene.caller_says(1s, 1s, {.text = "when are you open", .partials = {{800ms, "when are you open"}}});
  scene.responder->script = {{.parts = {{.text = "At nine."}}, .thinking = 4s}};
  scene.synthesizer->otherwise.first_audio = 400ms;
  scene.start();
  scene.run_until(12s);
  ASSERT_TRUE(scene.event("filler"));
  EXPECT_THAT(scene.turns.back().text, testing::EndsWith("At nine."));
  EXPECT_NEAR(scene.turns.back().latency.first_audio_ms.value_or(-1), 400, 60);
}

TEST_F(ConversationTest, a_noise_makes_no_later_answer_late) {
  scene.caller_says(2s, 200ms, {.text = ""});
  scene.caller_says(12s, 1s, {.text = "when are you open", .partials = {{800ms, "when are you open"}}});
  scene.options.assistant.idle_prompt_after = 30s;
  scene.responder->script = {{.parts = {{.text = "At nine."}}}};
  scene.start();
  scene.run_until(16s);
  EXPECT_FALSE(scene.event("filler"));
  EXPECT_EQ(scene.turns.back().text, "At nine.");
}

TEST_F(ConversationTest, attention_to_an_idle_prompt_is_a_sign_of_life) {
  scene.start();
  while (scene.count("idle_prompt") < 2 && scene.now < 60s) scene.run_until(scene.now + 20ms);
  scene.caller_says(scene.now + 300ms, 400ms, {.text = "okay", .partials = {{300ms, "okay"}}});
  scene.run_until(scene.now + 12s);
  EXPECT_FALSE(scene.event("silence_timed_out"));
  EXPECT_EQ(scene.count("idle_prompt"), 3) << "asked anew";
}

TEST_F(ConversationTest, a_dictated_number_with_pauses_is_one_turn) {
  scene.responder->digits = true;
  scene.caller_sounds(1s, 1s);
  scene.caller_sounds(3'200ms, 1s);
  scene.caller_says(5'400ms, 1s,
                    {.text = "oh seven seven double oh nine hundred one two three",
                     .partials = {{800ms, "oh seven seven"}, {3'800ms, "oh seven seven double oh nine"}}});
  scene.responder->script = {{.parts = {{.text = "And your number?"}}}};
  scene.start();
  scene.run_until(500ms);
  scene.conversation->on_digit('1');  // the reply to it asks for the number
  scene.run_until(12s);
  ASSERT_GE(scene.responder->inputs.size(), 1u);
  int numbers = 0;
  for (const auto& input : scene.responder->inputs) numbers += input.kind == CallerInput::Kind::speech;
  EXPECT_EQ(numbers, 1);
}

TEST_F(ConversationTest, a_number_typed_in_place_of_a_yes_is_one_answer) {
  scene.responder->number = true;
  scene.start();
  scene.run_until(2s);
  for (const char key : std::string_view{"07700900123"}) {
    scene.conversation->on_digit(key);
    scene.run_until(scene.now + 400ms);
  }
  scene.run_until(scene.now + 3s);
  scene.conversation->on_digit('#');  // its pause was longer than ours
  scene.run_until(scene.now + 1s);
  scene.conversation->on_digit('1');
  scene.run_until(scene.now + 2s);
  std::vector<std::string> keys;
  for (const auto& input : scene.responder->inputs) keys.push_back(input.text);
  EXPECT_THAT(keys, ElementsAre("07700900123", "1"));
}

TEST_F(ConversationTest, silence_is_asked_about_twice_then_ends_the_call) {
  scene.start();
  ASSERT_TRUE(scene.run_to_end(60s));
  EXPECT_EQ(scene.verdict->reason, "silence-timed-out");
  EXPECT_THAT(scene.transcript(), ElementsAre("assistant: Hello.", "assistant: Are you still there?",
                                              HasSubstr("still here"), HasSubstr("hang up now")));
  EXPECT_THAT(scene.turns.back().text, testing::EndsWith("Bye."));
  EXPECT_NEAR(scene.turns[1].start_ms - scene.turns[0].end_ms, 7'000, 60);
  EXPECT_NEAR(scene.turns[2].start_ms - scene.turns[1].end_ms, 7'000, 60);
}

TEST_F(ConversationTest, a_caller_who_speaks_into_the_goodbye_for_silence_is_served) {
  scene.start();
  while (scene.count("silence_timed_out") == 0 && scene.now < 60s) scene.run_until(scene.now + 20ms);
  scene.caller_says(scene.now + 500ms, 1s,
                    {.text = "sorry i was away", .partials = {{500ms, "sorry i was"}}});
  scene.run_until(scene.now + 6s);
  EXPECT_FALSE(scene.verdict);
  EXPECT_EQ(scene.responder->inputs.back().text, "sorry i was away");
}

TEST_F(ConversationTest, the_assistant_hangs_up_after_its_goodbye_and_farewells_do_not_stop_it) {
  scene.caller_says(1s, 600ms, {.text = "that's all thanks", .partials = {{400ms, "that's all thanks"}}});
  scene.responder->script = {
      {.parts = {{.text = "Thank you for calling. Goodbye."}, {.kind = ReplyPart::Kind::hang_up}}}};
  scene.caller_says(2'500ms, 1s, {.text = "thank you bye bye", .partials = {{700ms, "thank you bye"}}});
  scene.start();
  ASSERT_TRUE(scene.run_to_end(10s));
  EXPECT_EQ(scene.verdict->reason, "assistant-ended-call");
  EXPECT_THAT(scene.transcript(), testing::Contains("assistant: Thank you for calling. Goodbye."));
  EXPECT_FALSE(scene.event("barge_in"));
}

TEST_F(ConversationTest, one_more_thing_stops_the_goodbye) {
  scene.caller_says(1s, 600ms, {.text = "goodbye", .partials = {{400ms, "goodbye"}}});
  scene.responder->script = {
      {.parts = {{.text = "Thank you for calling. Goodbye."}, {.kind = ReplyPart::Kind::hang_up}}}};
  scene.caller_says(3s, 1s, {.text = "oh wait one more thing", .partials = {{400ms, "oh wait"}}});
  scene.start();
  scene.run_until(8s);
  EXPECT_FALSE(scene.verdict);
  EXPECT_EQ(scene.responder->inputs.back().text, "oh wait one more thing");
}

TEST_F(ConversationTest, time_runs_out_with_a_warning_and_a_goodbye) {
  scene.options.assistant.max_duration = 60s;
  scene.options.assistant.idle_prompt_after = 60s;
  scene.start();
  ASSERT_TRUE(scene.run_to_end(80s));
  EXPECT_EQ(scene.verdict->reason, "exceeded-max-duration");
  EXPECT_THAT(scene.transcript(),
              ElementsAre("assistant: Hello.", HasSubstr("about a minute"), HasSubstr("run out of time")));
  EXPECT_NEAR(scene.turns[1].start_ms, 54'000, 60);
  EXPECT_NEAR(scene.turns[2].start_ms, 60'000, 60);
}

TEST_F(ConversationTest, time_runs_out_in_the_middle_of_a_sentence) {
  scene.options.assistant.max_duration = 4s;
  scene.caller_says(1s, 1s, {.text = "when are you open", .partials = {{800ms, "when are you open"}}});
  scene.responder->script = {{.parts = {{.text = long_answer}}}};
  scene.start();
  ASSERT_TRUE(scene.run_to_end(20s));
  EXPECT_EQ(scene.verdict->reason, "exceeded-max-duration");
  EXPECT_TRUE(scene.turns[2].interrupted);
  EXPECT_THAT(scene.turns[3].text, HasSubstr("run out of time"));
}

TEST_F(ConversationTest, time_that_runs_out_on_hold_ends_the_call_at_once) {
  scene.options.assistant.max_duration = 10s;
  scene.at(2s, [&] { scene.conversation->on_hold(true); });
  scene.start();
  ASSERT_TRUE(scene.run_to_end(12s));
  EXPECT_EQ(scene.verdict->reason, "exceeded-max-duration");
}

TEST_F(BargeInTest, hold_in_mid_sentence_goes_on_at_the_word) {
  scene.at(4s, [&] { scene.conversation->on_hold(true); });
  scene.caller_sounds(5s, 5s);  // music on hold
  scene.at(30s, [&] { scene.conversation->on_hold(false); });
  scene.start();
  scene.run_until(36s);
  EXPECT_EQ(scene.loudest(4s + 60ms, 30s), 0);
  EXPECT_LE(*scene.first_audible(10s), 30s + 80ms);
  EXPECT_EQ(scene.turns.back().text, long_answer);
  EXPECT_FALSE(scene.turns.back().interrupted);
  EXPECT_FALSE(scene.event("idle_prompt")) << "hold is no silence";
  EXPECT_EQ(scene.responder->inputs.size(), 1u);
}

TEST_F(ConversationTest, keys_during_speech_are_heard) {
  scene.caller_says(1s, 2s, {.text = "i would like", .partials = {{800ms, "i would like"}}});
  scene.caller_presses(2s, "3");
  scene.start();
  scene.run_until(6s);
  bool pressed = false;
  for (const auto& input : scene.responder->inputs) pressed |= input.text == "3";
  EXPECT_TRUE(pressed);
}

TEST_F(ConversationTest, fills_the_time_while_a_reply_is_slow) {
  scene.caller_says(1s, 1s, {.text = "when are you open", .partials = {{800ms, "when are you open"}}});
  scene.responder->script = {{.parts = {{.text = "At nine."}}, .thinking = 2'500ms}};
  scene.start();
  scene.run_until(10s);
  EXPECT_EQ(scene.turns.back().text, "One moment please. At nine.");
  EXPECT_LE(scene.longest_silence(2s, 6s), 460ms + 50ms + 1'200ms + 40ms + 500ms);
}

TEST_F(ConversationTest, fills_the_time_while_recognition_is_slow) {
  scene.caller_says(
      1s, 1s, {.text = "when are you open", .delay = 1'400ms, .partials = {{800ms, "when are you open"}}});
  scene.start();
  scene.run_until(10s);
  EXPECT_THAT(scene.transcript(), ElementsAre("assistant: Hello.", "caller: when are you open",
                                              "assistant: One moment please.", "assistant: Certainly."));
}

TEST_F(BargeInTest, what_the_assistant_is_told_to_say_follows_what_it_says) {
  scene.at(4s, [&] { scene.conversation->say("The dentist will be with you shortly."); });
  scene.start();
  scene.run_until(9s);
  EXPECT_THAT(scene.transcript(),
              ElementsAre("assistant: Hello.", "caller: when are you open", "assistant: " + long_answer,
                          "assistant: The dentist will be with you shortly."));
}

TEST_F(ConversationTest, words_without_confidence_are_not_understood) {
  scene.caller_says(1s, 1s, {.text = "plausible nonsense", .confidence = 0.1});
  scene.start();
  scene.run_until(6s);
  ASSERT_EQ(scene.responder->inputs.size(), 1u);
  EXPECT_EQ(scene.responder->inputs[0].kind, CallerInput::Kind::not_understood);
  EXPECT_EQ(scene.responder->inputs[0].start_ms, 1'000);
}

TEST_F(ConversationTest, levels_never_jump) {
  scene.options.rate = audio::narrowband;
  scene.caller_says(1s, 1s, {.text = "when are you open", .partials = {{800ms, "when are you open"}}});
  scene.responder->script = {{.parts = {{.text = "Weareopeneverydayfromninetofiveandonweekendsfromten"}}}};
  scene.caller_sounds(3s, 300ms);  // ducks and comes back
  scene.at(4s, [&] { scene.conversation->on_hold(true); });
  scene.at(4'510ms, [&] { scene.conversation->on_hold(false); });
  scene.caller_sounds(5s, 900ms);  // stops it
  scene.start();
  scene.run_until(10s);
  ASSERT_TRUE(scene.event("barge_in"));
  // 6000 · 2π · 440 / 8000: what the tone itself moves between two samples, and a ramp's share.
  EXPECT_LE(scene.largest_step(), 2'074 + 200);
}

TEST_F(ConversationTest, wideband_calls_are_spoken_at_their_rate) {
  scene.options.rate = audio::wideband;
  scene.start();
  scene.run_until(1s);
  EXPECT_EQ(scene.recognizer->last_rate, 16'000);
  EXPECT_NEAR(static_cast<double>(std::ranges::count_if(scene.said, [](int s) { return s != 0; })), 360 * 16,
              40 * 16);
}

TEST_F(ConversationTest, half_duplex_times_hold_over_many_interruptions) {
  // p95 of onset to decision over callers whose words become known after 250 to 800 ms.
  std::vector<milliseconds> took;
  for (auto known = 250ms; known <= 800ms; known += 25ms) {
    CallScene call;
    call.responder->script = {{.parts = {{.text = long_answer + long_answer}}}};
    call.caller_says(1s, 1s, {.text = "when are you open", .partials = {{800ms, "when are you open"}}});
    // The recognizer hears 400 ms of lead-in first.
    call.caller_says(4s, 2s, {.text = "wait please", .partials = {{known + 340ms, "wait"}}});
    call.start();
    call.run_until(7s);
    ASSERT_TRUE(call.event("barge_in"));
    took.push_back(call.event("barge_in")->at - 4s);
  }
  std::ranges::sort(took);
  EXPECT_LE(took.back(), 800ms + 20ms);
  EXPECT_LT(took[took.size() / 2], 600ms);
}

}  // namespace
}  // namespace voxanne::conversation
