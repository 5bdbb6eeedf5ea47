// The last rung of speaking: a fixed set of sentences rendered beforehand and kept as audio, which
// need neither a worker nor a provider when they are said.
//
//   PromptSynthesizer prompts;
//   co_await prompts.prepare(flite, {"Please leave a message.", …}, "slt");   // at start
//
// Executor: prepare() once, on any one loop, before the first say(); say() from any shard. Errors:
// unavailable (`prompt_unknown`) for every other text and for what could not be rendered.
#pragma once

#include "speech/synthesizer.h"

#include <map>

namespace voxanne::speech {

class PromptSynthesizer final : public Synthesizer {
 public:
  // Renders each sentence at both rates of the house. Those that fail are left out, and counted.
  struct Prepared {
    std::size_t ready = 0, failed = 0;
  };
  async::Task<Prepared> prepare(Synthesizer& with, std::vector<std::string> sentences, std::string voice);

  std::string_view name() const override { return "prompts"; }
  std::unique_ptr<SpeechStream> say(std::string text, const std::string& voice, int rate) override;

 private:
  using Key = std::pair<std::string, int>;
  std::map<Key, std::shared_ptr<const SpeechChunk>> prompts_;
};

}  // namespace voxanne::speech
