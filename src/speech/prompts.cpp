#include "speech/prompts.h"

#include "audio/g711.h"

namespace voxanne::speech {

class PromptSynthesizer::Stream final : public SpeechStream {
 public:
  explicit Stream(const Prompt* prompt) : prompt_(prompt) {}

  async::Task<Result<std::optional<SpeechChunk>>> next() override {
    if (prompt_ == nullptr)
      co_return unavailable("prompt_unknown", "no prompt was rendered beforehand for this sentence");
    if (given_) co_return std::nullopt;
    given_ = true;
    SpeechChunk chunk{std::vector<audio::Sample>(prompt_->mu_law.size()),
                      {prompt_->words.begin(), prompt_->words.end()}};
    const auto* const bytes = reinterpret_cast<const std::uint8_t*>(prompt_->mu_law.data());
    audio::g711_decode(audio::Law::mu, {bytes, prompt_->mu_law.size()}, chunk.samples);
    co_return chunk;
  }

 private:
  const Prompt* prompt_;
  bool given_ = false;
};

PromptSynthesizer::PromptSynthesizer(std::span<const Prompt> prompts) {
  for (const auto& prompt : prompts) prompts_[{prompt.text, prompt.rate}] = &prompt;
}

std::unique_ptr<SpeechStream> PromptSynthesizer::say(std::string text, const std::string&, int rate) {
  const auto found = prompts_.find({text, rate});
  return std::make_unique<Stream>(found == prompts_.end() ? nullptr : found->second);
}

}  // namespace voxanne::speech
