#include "support/scripted_synthesizer.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace voxanne::test {

class ScriptedSynthesizer::Stream final : public speech::SpeechStream {
 public:
  Stream(ScriptedSynthesizer& owner, ScriptedSpeech behaviour, std::string text, int rate)
      : owner_(owner), behaviour_(behaviour), text_(std::move(text)), rate_(rate) {
    ++owner_.streams_alive;
  }
  ~Stream() override { --owner_.streams_alive; }

  async::Task<Result<std::optional<speech::SpeechChunk>>> next() override {
    const auto delay = position_ == 0 ? behaviour_.first_audio : behaviour_.chunk_delay;
    if (delay.count() > 0) co_await owner_.clock_.sleep_for(delay);
    if (reached(behaviour_.hang_after)) co_await owner_.clock_.sleep_until(SteadyTime::max());
    if (reached(behaviour_.fail_after))
      co_return unavailable("synthesizer_gone", "the scripted synthesizer failed");

    const std::size_t total = text_.size() * samples_in(per_character);
    if (position_ >= total) co_return std::nullopt;
    std::size_t end = std::min(total, position_ + samples_in(chunk));
    for (const auto& limit : {behaviour_.hang_after, behaviour_.fail_after})
      if (limit) end = std::min(end, samples_in(*limit));
    co_return speak_until(end);
  }

 private:
  std::size_t samples_in(milliseconds duration) const {
    return static_cast<std::size_t>(duration.count()) * static_cast<std::size_t>(rate_) / 1000;
  }
  bool reached(const std::optional<milliseconds>& limit) const {
    return limit && position_ >= samples_in(*limit);
  }

  speech::SpeechChunk speak_until(std::size_t end) {
    speech::SpeechChunk spoken;
    const std::size_t per_char = samples_in(per_character);
    for (; position_ < end; ++position_) {
      const std::size_t character = position_ / per_char;
      const double tone = std::sin(2 * std::numbers::pi * 440 * static_cast<double>(position_) / rate_);
      spoken.samples.push_back(text_[character] == ' ' ? audio::Sample{0}
                                                       : static_cast<audio::Sample>(6000 * tone));
      const bool ends_word =
          text_[character] != ' ' && (character + 1 == text_.size() || text_[character + 1] == ' ');
      if (ends_word && position_ + 1 == (character + 1) * per_char)
        spoken.words.push_back({character + 1, position_ + 1});
    }
    return spoken;
  }

  ScriptedSynthesizer& owner_;
  ScriptedSpeech behaviour_;
  std::string text_;
  int rate_;
  std::size_t position_ = 0;  // samples given so far
};

std::unique_ptr<speech::SpeechStream> ScriptedSynthesizer::say(std::string text, const std::string&,
                                                               int rate) {
  said.push_back(text);
  ScriptedSpeech behaviour = otherwise;
  if (!script.empty()) {
    behaviour = script.front();
    script.pop_front();
  }
  return std::make_unique<Stream>(*this, behaviour, std::move(text), rate);
}

}  // namespace voxanne::test
