#include "speech/prompts.h"

#include "base/log.h"

namespace voxanne::speech {
namespace {

async::Task<Result<SpeechChunk>> render_whole(Synthesizer& with, const std::string& sentence,
                                              const std::string& voice, int rate) {
  SpeechChunk whole;
  const auto speech = with.say(sentence, voice, rate);
  for (;;) {
    auto chunk = co_await speech->next();
    if (!chunk) co_return chunk.error();
    if (!chunk->has_value()) co_return whole;
    const auto& part = **chunk;
    whole.samples.insert(whole.samples.end(), part.samples.begin(), part.samples.end());
    whole.words.insert(whole.words.end(), part.words.begin(), part.words.end());
  }
}

class PromptStream final : public SpeechStream {
 public:
  explicit PromptStream(std::shared_ptr<const SpeechChunk> prompt) : prompt_(std::move(prompt)) {}

  async::Task<Result<std::optional<SpeechChunk>>> next() override {
    if (!prompt_)
      co_return unavailable("prompt_unknown", "no prompt was rendered beforehand for this sentence");
    if (given_) co_return std::nullopt;
    given_ = true;
    co_return *prompt_;
  }

 private:
  std::shared_ptr<const SpeechChunk> prompt_;
  bool given_ = false;
};

}  // namespace

async::Task<PromptSynthesizer::Prepared> PromptSynthesizer::prepare(Synthesizer& with,
                                                                    std::vector<std::string> sentences,
                                                                    std::string voice) {
  Prepared prepared;
  for (const auto& sentence : sentences) {
    bool whole = true;
    for (const int rate : {audio::narrowband, audio::wideband}) {
      auto rendered = co_await render_whole(with, sentence, voice, rate);
      if (rendered) {
        prompts_[{sentence, rate}] = std::make_shared<const SpeechChunk>(std::move(*rendered));
      } else {
        whole = false;
        log::warning("speech.prompt_failed", {{"rate", rate}, {"error", rendered.error().code}});
      }
    }
    ++(whole ? prepared.ready : prepared.failed);
  }
  co_return prepared;
}

std::unique_ptr<SpeechStream> PromptSynthesizer::say(std::string text, const std::string&, int rate) {
  const auto found = prompts_.find({std::move(text), rate});
  return std::make_unique<PromptStream>(found == prompts_.end() ? nullptr : found->second);
}

}  // namespace voxanne::speech
