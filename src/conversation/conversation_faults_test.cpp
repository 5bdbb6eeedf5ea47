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
    co_await scene.clock.sleep_for(20ms);
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
  auto& scene = call.scene;
  scene.start();
  while (call.taken.empty() && scene.now < 60s) {
    // Until the moment in which keeping has begun: the call is then in its confirmation.
    scene.run_until(scene.now + 20ms);
    if (scene.now >= 46s + 500ms + 480ms + 50ms) break;
  }
  scene.hang_up();
  scene.run_to_end(scene.now + 1s);
  EXPECT_EQ(scene.verdict->reason, "customer-ended-call");
  EXPECT_EQ(call.taken.size(), 1u);
}

TEST(LossOfHearing, guides_by_keys_to_a_message) {
  HouseCall call;
  auto& scene = call.scene;
  scene.recognizers = {};
  scene.options.assistant.idle_prompt_after = 20s;
  scene.start();
  scene.run_until(1s);
  scene.end();

  HouseCall deaf;
  deaf.scene.recognizers = {};
  deaf.scene.options.assistant.idle_prompt_after = 20s;
  // Nobody understands the words of HouseCall's caller; this one uses the keys.
  deaf.scene.caller_presses(70s, "2");
  deaf.scene.start();
  deaf.scene.run_until(70s + 200ms);
  ASSERT_TRUE(deaf.house->expects_message());
  const auto asked = deaf.scene.now;
  while (deaf.scene.is_audible(deaf.scene.now - 20ms) || deaf.scene.now < asked + 8s)
    deaf.scene.run_until(deaf.scene.now + 20ms);
  const auto begins = deaf.scene.now;
  deaf.scene.caller_sounds(begins, 4s);
  deaf.scene.caller_presses(begins + 4'500ms, "#");
  deaf.scene.caller_presses(begins + 12s, "07700900123#");
  deaf.scene.caller_presses(begins + 24s, "1");
  deaf.scene.run_until(begins + 30s);
  ASSERT_EQ(deaf.taken.size(), 1u) << testing::PrintToString(deaf.scene.transcript());
  EXPECT_EQ(deaf.taken[0].number, "07700900123");
  EXPECT_THAT(deaf.taken[0].text, testing::HasSubstr("Voice message in the recording from 1:"));
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
