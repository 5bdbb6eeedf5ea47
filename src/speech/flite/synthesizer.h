// The embedded synthesizer: flite, on workers. Text is normalised ("£45" is said, not spelled), cut
// into pieces, and each piece rendered when the stream's reader asks for it; the first one is short.
// Rendered pieces are kept in a bounded cache shared by all calls.
//
//   FliteSynthesizer synthesizer{workers};
//   auto speech = synthesizer.say("Good morning. How can I help?", "slt", leg.rate());
//   while (auto chunk = (co_await speech->next()).value()) …
//
// Executor: say() from any shard; a stream belongs to its shard. The pool outlives the synthesizer,
// which outlives its streams. An unknown voice is the default one. Text beyond max_text_bytes is not
// said; text without anything sayable ends at once. Errors: malformed for a rate that is neither 8
// nor 16 kHz, internal when flite fails.
#pragma once

#include "async/worker_pool.h"
#include "speech/flite/render_cache.h"
#include "speech/synthesizer.h"

namespace voxanne::speech::flite {

inline constexpr std::size_t max_text_bytes = 8'000;

class FliteSynthesizer final : public Synthesizer {
 public:
  explicit FliteSynthesizer(async::WorkerPool& workers, std::size_t cache_bytes = 16u << 20);

  std::string_view name() const override { return "flite"; }
  std::unique_ptr<SpeechStream> say(std::string text, const std::string& voice, int rate) override;

  RenderCache::Figures cache_figures() const { return cache_.figures(); }

 private:
  class Stream;
  async::WorkerPool& workers_;
  RenderCache cache_;
};

}  // namespace voxanne::speech::flite
