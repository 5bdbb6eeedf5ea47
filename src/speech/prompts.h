// The last rung of speaking: a fixed set of sentences rendered beforehand and kept as audio, which
// need neither a worker nor a provider when they are said.
//
//   PromptSynthesizer prompts{house_prompts()};   // made when the program is built: app/prompts
//   auto speech = prompts.say("Please leave a message.", "", leg.rate());
//
// Kept as µ-law at both rates of the house: what a telephone line would make of them anyway.
// Executor: say() from any shard. The audio outlives the synthesizer, which outlives its streams.
// Errors: unavailable (`prompt_unknown`) for every other text.
#pragma once

#include "speech/synthesizer.h"

#include <map>
#include <span>

namespace voxanne::speech {

struct Prompt {
  std::string_view text;
  int rate = 0;
  std::string_view mu_law;  // a byte a sample
  std::span<const SpokenWord> words;
};

class PromptSynthesizer final : public Synthesizer {
 public:
  explicit PromptSynthesizer(std::span<const Prompt> prompts);

  std::string_view name() const override { return "prompts"; }
  std::unique_ptr<SpeechStream> say(std::string text, const std::string& voice, int rate) override;

 private:
  class Stream;
  using Key = std::pair<std::string_view, int>;
  std::map<Key, const Prompt*> prompts_;
};

}  // namespace voxanne::speech
