// Sweeps: a fault at every await, a hang-up at every slot. Whatever happens, the caller hears
// something within a bounded time, the call ends with a verdict, and nothing is left running.
#include "conversation/house_responder.h"
#include "support/call_scene.h"
#include "support/faults.h"

#include <gmock/gmock.h>

namespace voxanne::conversation {
namespace {

using test::CallScene;
using test::Faults;

// A caller who asks, interrupts, leaves a message and says goodbye, served by the house.
struct HouseCall {
  CallScene scene;
  std::vector<TakenMessage> taken;
  Faults faults;
  std::shared_ptr<HouseResponder> house;
  int keeping = 0;
  milliseconds keeping_takes{20};

  explicit HouseCall(Faults::Plan plan = {}) : faults(scene.clock, plan) {
    scene.options.assistant.idle_prompt_after = 5s;
    house = std::make_shared<HouseResponder>(
        scene.clock,
        HouseOptions{.organization = "Harbour Dental",
                     .goodbye = "Goodbye.",
                     .caller_number = "",
                     .topics = {{"hours", "hours"}}},
        HouseWorld{.look_up = [this](std::string) { return faults.answer(look_up()); },
                   .take_message =
                       [this](TakenMessage message) { return faults.answer(take(std::move(message))); }});
    scene.responders = {{house}};

    says(1s, 1s, "what are your opening hours");
    says(4'500ms, 1s, "no wait i want to leave a message");  // over the answer
    says(10s, 1s, "john smith");
    says(18s, 3s, "oh seven seven double oh nine hundred one two three");
    says(30s, 500ms, "yes");
    says(36s, 1s, "please call me back about the bill");
    says(46s, 500ms, "yes");
    says(56s, 500ms, "no");
  }
  void says(milliseconds at, milliseconds lasting, const std::string& text) {
    scene.caller_says(at, lasting, {.text = text, .partials = {{lasting / 2 + 300ms, text}}});
  }
  async::Task<Result<std::optional<KnowledgeAnswer>>> look_up() {
    co_await scene.clock.sleep_for(10ms);
    co_return KnowledgeAnswer{"We are open from nine to five on weekdays.", "Hours", 0.9};
  }
  async::Task<Result<>> take(TakenMessage message) {
    ++keeping;
    co_await scene.clock.sleep_for(keeping_takes);
    taken.push_back(std::move(message));
    co_return Result<>{};
  }
};

TEST(HouseCallTest, goes_from_greeting_to_goodbye_with_its_message_taken) {
  HouseCall call;
  call.scene.start();
  ASSERT_TRUE(call.scene.run_to_end(90s));
  EXPECT_EQ(call.scene.verdict->reason, "assistant-ended-call")
      << testing::PrintToString(call.scene.transcript());
  EXPECT_THAT(call.scene.responder->inputs, testing::IsEmpty());
  ASSERT_EQ(call.taken.size(), 1u) << testing::PrintToString(call.scene.transcript());
  EXPECT_EQ(call.taken[0].caller_name, "John Smith");
  EXPECT_EQ(call.taken[0].number, "07700900123");
  EXPECT_EQ(call.taken[0].text, "Please call me back about the bill");
}

struct Sweep {
  const char* name;
  Faults::How how;
  bool for_good;
  bool fallback;  // a healthy rung below
};
void PrintTo(const Sweep& sweep, std::ostream* out) { *out << sweep.name; }

class FaultSweep : public testing::TestWithParam<Sweep> {
 protected:
  static void arm(HouseCall& call) {
    auto& scene = call.scene;
    auto recognizer = std::make_shared<test::FaultyRecognizer>(call.faults, scene.recognizer);
    auto synthesizer = std::make_shared<test::FaultySynthesizer>(call.faults, scene.synthesizer);
    auto responder = std::make_shared<test::FaultyResponder>(call.faults, call.house);
    const auto breaker = [] { return std::make_shared<async::CircuitBreaker>(); };
    if (GetParam().fallback) {
      scene.recognizers = {{recognizer, breaker()}, {scene.recognizer}};
      scene.synthesizers = {{synthesizer, breaker()}, {scene.synthesizer}};
      scene.responders = {{responder, breaker()}, {call.house}};
    } else {
      scene.recognizers = {{recognizer}};
      scene.synthesizers = {{synthesizer}};
      scene.responders = {{responder}};
    }
  }
};

TEST_P(FaultSweep, at_every_await_leaves_a_caller_who_hears_something_and_a_verdict) {
  const auto awaits = [] {
    HouseCall call;
    arm(call);
    call.scene.start();
    call.scene.run_to_end(90s);
    return call.faults.awaits();
  }();
  ASSERT_GT(awaits, 50);
  // What fails for good fails at every later await, too: every third beginning will do.
  for (int n = 1; n <= awaits; n += GetParam().for_good ? 3 : 1) {
    HouseCall call{{.at = n, .how = GetParam().how, .for_good = GetParam().for_good}};
    arm(call);
    auto& scene = call.scene;
    scene.start();
    ASSERT_TRUE(scene.run_to_end(240s)) << n;
    EXPECT_LE(scene.longest_silence(0s, scene.ended_at), 8s)
        << n << testing::PrintToString(scene.transcript());
    EXPECT_FALSE(scene.verdict->reason.empty()) << n;
    EXPECT_LE(call.taken.size(), 1u) << n << ": no message is kept twice";
    scene.end();
    EXPECT_EQ(scene.recognizer->streams_alive + scene.synthesizer->streams_alive, 0) << n;
    if (testing::Test::HasFailure()) break;
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, FaultSweep,
    testing::Values(Sweep{"fails_once", Faults::How::fails, false, true},
                    Sweep{"hangs_once", Faults::How::hangs, false, true},
                    Sweep{"throws_once", Faults::How::throws, false, true},
                    Sweep{"fails_for_good", Faults::How::fails, true, true},
                    Sweep{"hangs_for_good", Faults::How::hangs, true, true},
                    Sweep{"fails_once_without_fallback", Faults::How::fails, false, false},
                    Sweep{"hangs_once_without_fallback", Faults::How::hangs, false, false},
                    Sweep{"fails_for_good_without_fallback", Faults::How::fails, true, false},
                    Sweep{"hangs_for_good_without_fallback", Faults::How::hangs, true, false}),
    [](const auto& info) { return std::string{info.param.name}; });

TEST(HangUpSweep, at_every_slot_ends_everything) {
  for (milliseconds when{0}; when < 20s; when += 20ms) {
    HouseCall call;
    auto& scene = call.scene;
    scene.start();
    scene.run_until(when);
    scene.hang_up();
    const bool ended = scene.run_to_end(when + 200ms);
    ASSERT_TRUE(ended) << when.count();
    ASSERT_EQ(scene.verdict->reason, "customer-ended-call") << when.count();
    // A leg that is a few slots late is served with silence.
    const auto from = scene.now + 40ms;
    scene.run_until(scene.now + 100ms);
    ASSERT_EQ(scene.loudest(from, scene.now), 0) << when.count();
    scene.end();
    ASSERT_EQ(scene.recognizer->streams_alive + scene.synthesizer->streams_alive, 0) << when.count();
  }
}

TEST(HangUpSweep, while_a_message_is_kept_does_not_lose_it) {
  HouseCall call;
  call.keeping_takes = 200ms;
  auto& scene = call.scene;
  scene.start();
  while (call.keeping == 0 && scene.now < 60s) scene.run_until(scene.now + 20ms);
  ASSERT_EQ(call.keeping, 1);
  ASSERT_TRUE(call.taken.empty()) << "it is still being kept";
  scene.hang_up();
  scene.run_to_end(scene.now + 1s);
  EXPECT_EQ(scene.verdict->reason, "customer-ended-call");
  EXPECT_EQ(call.taken.size(), 1u);
}

// A call in which nobody understands words: the caller has chosen to leave a message by key, and it is their
// turn to speak.
struct DeafCall : HouseCall {
  DeafCall() {
    scene.recognizers = {};
    scene.options.assistant.idle_prompt_after = 20s;
    scene.caller_presses(70s, "2");
    scene.start();
    scene.run_until(70s + 200ms);
    EXPECT_TRUE(house->expects_message());
    run_until_quiet(8s);
  }
  void run_until_quiet(milliseconds at_least) {
    const auto asked = scene.now;
    while (scene.is_audible(scene.now - 20ms) || scene.now < asked + at_least)
      scene.run_until(scene.now + 20ms);
  }
  void number_and_yes() {
    scene.caller_presses(scene.now + 1s, "07700900123#");
    scene.caller_presses(scene.now + 13s, "1");
    scene.run_until(scene.now + 19s);
  }
};

TEST(LossOfHearing, guides_by_keys_to_a_message) {
  DeafCall deaf;
  const auto begins = deaf.scene.now;
  deaf.scene.caller_sounds(begins, 4s);
  deaf.scene.caller_presses(begins + 4'500ms, "#");
  deaf.scene.run_until(begins + 11s);
  deaf.number_and_yes();
  ASSERT_EQ(deaf.taken.size(), 1u) << testing::PrintToString(deaf.scene.transcript());
  EXPECT_EQ(deaf.taken[0].number, "07700900123");
  EXPECT_THAT(deaf.taken[0].text, testing::HasSubstr("Voice message in the recording from 1:"));
}

// Callers are told to end a message with hash, and to some it comes when a pause has ended it already: at
// whatever moment of the thanks for it.
TEST(LossOfHearing, the_hash_of_a_message_that_a_pause_has_ended_loses_nothing) {
  for (milliseconds late{0}; late <= 3s; late += 100ms) {
    SCOPED_TRACE(late.count());
    DeafCall deaf;
    auto& scene = deaf.scene;
    scene.caller_sounds(scene.now, 4s);
    scene.run_until(scene.now + 4s);
    while (!scene.is_audible(scene.now - 20ms)) scene.run_until(scene.now + 20ms);
    scene.run_until(scene.now + late);
    scene.conversation->on_digit('#');
    deaf.run_until_quiet(4s);
    deaf.number_and_yes();
    ASSERT_EQ(deaf.taken.size(), 1u) << testing::PrintToString(scene.transcript());
    EXPECT_EQ(deaf.taken[0].number, "07700900123");
  }
}

TEST(LossOfHearing, a_message_that_goes_on_after_a_pause_is_kept_from_its_beginning) {
  DeafCall deaf;
  auto& scene = deaf.scene;
  const auto begins = scene.now;
  scene.caller_sounds(begins, 4s);
  scene.run_until(begins + 4s);
  // Until it is being thanked for, and not a word of that is heard yet.
  while (deaf.house->expects_message() && scene.now < begins + 12s) scene.run_until(scene.now + 20ms);
  scene.caller_sounds(scene.now, 2s);
  scene.run_until(scene.now + 2s);
  deaf.run_until_quiet(8s);
  deaf.number_and_yes();
  ASSERT_EQ(deaf.taken.size(), 1u) << testing::PrintToString(scene.transcript());
  const auto from = std::chrono::floor<seconds>(begins).count();
  char clock[16];
  std::snprintf(clock, sizeof clock, "%d:%02d", int(from / 60), int(from % 60));
  EXPECT_THAT(deaf.taken[0].text, testing::HasSubstr(std::string{"from "} + clock));
}

TEST(LossOfHearing, in_the_middle_of_a_call_is_told_and_so_is_its_return) {
  CallScene scene;
  auto house = std::make_shared<HouseResponder>(
      scene.clock, HouseOptions{.organization = "", .caller_number = "", .topics = {}},
      HouseWorld{.look_up = [](std::string) -> async::Task<Result<std::optional<KnowledgeAnswer>>> {
                   co_return std::nullopt;
                 },
                 .take_message = [](TakenMessage) -> async::Task<Result<>> { co_return Result<>{}; }});
  scene.responders = {{house}};
  scene.caller_says(1s, 1s, {.text = "lost", .ending = test::ScriptedUtterance::Ending::fails});
  scene.at(1s, [&] { scene.recognizer->open_error = unavailable("recognition_saturated", "full"); });
  scene.at(8s, [&] { scene.recognizer->open_error.reset(); });
  scene.start();
  scene.run_until(7s);
  EXPECT_TRUE(scene.event("deaf"));
  EXPECT_THAT(scene.partials.back(), testing::HasSubstr("keypad works. Press 1 to leave a message"));
  scene.run_until(14s);
  EXPECT_TRUE(scene.event("hears_again"));
}

TEST(LastResort, a_call_that_nobody_can_voice_ends_as_a_fault) {
  CallScene scene;
  scene.synthesizers = {};
  scene.start();
  ASSERT_TRUE(scene.run_to_end(120s));
  EXPECT_EQ(scene.verdict->reason, "pipeline-error-synthesizer");
  EXPECT_EQ(scene.verdict->fault, domain::FaultParty::provider);
  EXPECT_EQ(scene.verdict->status, domain::CallStatus::failed);
  EXPECT_TRUE(scene.first_audible(0s)) << "a tone";
}

TEST(LastResort, a_call_that_nobody_can_answer_ends_as_a_fault) {
  CallScene scene;
  for (int i = 0; i < 3; ++i) {
    scene.responder->script.push_back({.fail_before = 0});
    scene.caller_says(1s + i * 12s, 1s, {.text = "when are you open"});
  }
  scene.start();
  ASSERT_TRUE(scene.run_to_end(120s));
  EXPECT_EQ(scene.verdict->reason, "pipeline-error-responder");
}

}  // namespace
}  // namespace voxanne::conversation
