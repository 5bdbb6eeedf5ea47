// Conversations with recorded voices and noises, through the real voice detector: turn taking as a
// caller would feel it.
#include "support/call_scene.h"
#include "support/sound/sound.h"

#include <gmock/gmock.h>

namespace voxanne::conversation {
namespace {

using test::CallScene;

// 24 s of speech without a pause.
const std::string monologue(400, 'a');

// The assistant speaks from the start; the caller's sound begins at 3 s.
void talk(CallScene& scene) {
  scene.options.voice_detector = default_voice_detector();
  scene.options.assistant.greeting = monologue;
  scene.start();
}

// Prompts of one voice that last a second at least, from where they get loud.
std::vector<test::Samples> voices() {
  std::vector<test::Samples> found;
  for (const auto* name : {"vm-intro", "conf-getpin", "vm-theperson", "conf-invalid", "agent-loginok",
                           "ss-noservice", "tt-allbusy", "pbx-invalid", "vm-login", "conf-onlyperson"}) {
    auto samples = test::speech(name);
    std::size_t begin = 0;
    while (begin + 160 < samples.size() && test::level_db({samples.data() + begin, 160}) < -35) begin += 160;
    samples.erase(samples.begin(), samples.begin() + static_cast<std::ptrdiff_t>(begin));
    found.push_back(std::move(samples));
  }
  return found;
}

TEST(RecordedVoices, stop_the_assistant_in_time) {
  std::vector<milliseconds> by_speech, by_words, ducked;
  for (const auto& voice : voices()) {
    for (const bool words : {false, true}) {
      CallScene scene;
      talk(scene);
      // A recognizer that knows a word 400 ms after it began; 400 ms of what it hears are lead-in.
      if (words) scene.recognizer->script = {{.text = "i have a question", .partials = {{800ms, "i have"}}}};
      scene.caller_plays(3s, voice);
      scene.run_until(5s);
      const auto* barge_in = scene.event("barge_in");
      ASSERT_TRUE(barge_in) << voice.size() / 8 << " ms";
      (words ? by_words : by_speech).push_back(barge_in->at - 3s);
      EXPECT_EQ(scene.loudest(barge_in->at + 40ms, barge_in->at + 400ms), 0) << "silent within 200 ms";
      for (auto t = 3s + 0ms; !words && t < barge_in->at; t += 20ms)
        if (scene.loudest(t, t + 20ms) < 1'500) {
          ducked.push_back(t - 3s);
          break;
        }
    }
  }
  for (auto* times : {&by_speech, &by_words, &ducked}) std::ranges::sort(*times);
  EXPECT_LT(by_words[by_words.size() * 95 / 100], 700ms) << testing::PrintToString(by_words);
  EXPECT_LE(by_speech.back(), 1'300ms) << testing::PrintToString(by_speech);
  EXPECT_LE(ducked.back(), 400ms) << testing::PrintToString(ducked);
}

TEST(RecordedNoise, neither_ducks_nor_stops_the_assistant) {
  using test::operator+;
  const auto noises = {test::white_noise(8'000, 10'000, -40), test::pink_noise(8'000, 10'000, -35),
                       test::hum(8'000, 10'000, -30)};
  for (const auto& noise : noises) {
    CallScene scene;
    talk(scene);
    scene.caller_plays(3s, noise);
    scene.run_until(13s);
    EXPECT_FALSE(scene.event("barge_in"));
    for (auto t = 3s + 0ms; t < 13s; t += 20ms) ASSERT_GT(scene.loudest(t, t + 20ms), 5'000) << t.count();
  }
}

// Speaks with a recorded voice, whatever the text.
struct RecordedSynthesizer final : speech::Synthesizer {
  explicit RecordedSynthesizer(test::Samples s) : samples(std::move(s)) {}
  struct Stream final : speech::SpeechStream {
    explicit Stream(const test::Samples& s) : samples(s) {}
    async::Task<Result<std::optional<speech::SpeechChunk>>> next() override {
      if (std::exchange(given, true)) co_return std::nullopt;
      co_return speech::SpeechChunk{samples, {}};
    }
    const test::Samples& samples;
    bool given = false;
  };
  std::string_view name() const override { return "recorded"; }
  std::unique_ptr<speech::SpeechStream> say(std::string, const std::string&, int) override {
    return std::make_unique<Stream>(samples);
  }
  test::Samples samples;
};

TEST(RecordedVoices, through_an_echo_the_assistant_goes_on_speaking) {
  for (const auto* name : {"vm-intro", "ss-noservice", "pbx-invalid"})
    for (const auto delay : {80ms, 180ms, 330ms}) {
      CallScene scene;
      scene.options.voice_detector = default_voice_detector();
      scene.options.assistant.greeting = "Hello";
      const auto voice = test::speech(name);
      scene.synthesizers = {{std::make_shared<RecordedSynthesizer>(voice)}};
      scene.echo = 0.25;
      scene.echo_delay = delay;
      scene.start();
      scene.run_until(milliseconds{voice.size() / 8} + 1s);
      EXPECT_FALSE(scene.event("barge_in")) << name << delay.count();
      ASSERT_FALSE(scene.turns.empty());
      EXPECT_FALSE(scene.turns[0].interrupted) << name << delay.count();
    }
}

TEST(RecordedVoices, through_an_echo_the_caller_is_still_heard) {
  CallScene scene;
  scene.options.voice_detector = default_voice_detector();
  scene.options.assistant.greeting = "Hello";
  scene.synthesizers = {{std::make_shared<RecordedSynthesizer>(test::speech("dir-intro"))}};
  scene.echo = 0.25;
  scene.start();
  scene.caller_plays(5s, test::speech("conf-onlyperson"));
  scene.run_until(8s);
  ASSERT_TRUE(scene.event("barge_in"));
  EXPECT_GE(scene.event("barge_in")->at, 5s);
  EXPECT_LE(scene.event("barge_in")->at, 6'800ms);
}

TEST(RecordedVoices, that_end_are_answered_soon) {
  for (const auto& voice : voices()) {
    CallScene scene;
    scene.options.voice_detector = default_voice_detector();
    const auto speech_ends = 2s + milliseconds{voice.size() / 8};
    scene.recognizer->script = {
        {.text = "what are your opening hours", .partials = {{500ms, "what are your opening hours"}}}};
    for (int i = 0; i < 5; ++i) scene.recognizer->script.push_back({.text = "and on saturday"});
    scene.start();
    scene.caller_plays(2s, voice);
    scene.run_until(speech_ends + 3s);
    ASSERT_GE(scene.turns.size(), 3u);
    const auto& answer = scene.turns.back();
    EXPECT_EQ(answer.speaker, domain::Speaker::assistant);
    EXPECT_LE(milliseconds{answer.start_ms}, speech_ends + 1'200ms);
  }
}

}  // namespace
}  // namespace voxanne::conversation
