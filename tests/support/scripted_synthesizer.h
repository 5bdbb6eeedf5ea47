// A synthesizer that speaks a tone of 60 ms per character (silence for spaces), with exact word
// marks, so that a test can compute where the caller stopped hearing. Faults are scripted per
// say(), in order; without a script every say() succeeds.
//
//   ScriptedSynthesizer synthesizer{clock};
//   synthesizer.script = {{.first_audio = 900ms}, {.fail_after = 300ms}};
//
// One loop; the synthesizer outlives its streams.
#pragma once

#include "async/clock.h"
#include "speech/synthesizer.h"

#include <deque>
#include <optional>
#include <string>
#include <vector>

namespace voxanne::test {

struct ScriptedSpeech {
  milliseconds first_audio{15};  // from say()'s first next() to its first chunk
  milliseconds chunk_delay{0};   // before each further chunk
  // After this much audio was given: an error, or nothing ever again.
  std::optional<milliseconds> fail_after{}, hang_after{};
};

class ScriptedSynthesizer final : public speech::Synthesizer {
 public:
  static constexpr milliseconds per_character{60};
  static constexpr milliseconds chunk{240};

  explicit ScriptedSynthesizer(async::Clock& clock, std::string name = "scripted")
      : clock_(clock), name_(std::move(name)) {}

  std::string_view name() const override { return name_; }
  std::unique_ptr<speech::SpeechStream> say(std::string text, const std::string& voice, int rate) override;

  std::deque<ScriptedSpeech> script;
  ScriptedSpeech otherwise;  // when the script is empty

  std::vector<std::string> said;  // every text given to say()
  int streams_alive = 0;

 private:
  class Stream;
  async::Clock& clock_;
  std::string name_;
};

}  // namespace voxanne::test
