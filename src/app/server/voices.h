// The ladders of a call: who hears, who speaks, who answers. Shared providers are made once; the
// breakers belong to a shard, so that what one call learned serves the next.
//
//   hearing    PocketSphinx in child processes → (nobody: guided by keys)
//   speaking   flite on workers → sentences kept as audio
//   answering  the house responder
//
// Owner: the server. providers_for() on the call's shard.
#pragma once

#include "app/config.h"
#include "async/mutex.h"
#include "async/worker_pool.h"
#include "calls/services.h"
#include "speech/flite/synthesizer.h"
#include "speech/prompts.h"

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

namespace voxanne::app {

class Voices {
 public:
  // What an organization's menu is about, by headings; on the call's shard, so it must not block.
  using TopicsOf = std::function<std::vector<std::string>(const OrgId&)>;

  Voices(async::Clock& clock, async::WorkerPool& synthesis, std::shared_ptr<speech::Recognizer> recognizer,
         TopicsOf topics_of);
  ~Voices();

  // PCM at 8 kHz of one sentence, for the synthetic callee.
  async::Task<Result<std::vector<audio::Sample>>> render(std::string text, std::string voice, int rate);

  conversation::Providers providers_for(const media::Shard& shard, const calls::Subject& subject,
                                        calls::Hands hands);

  // On how many shards calls go past the recognizer just now; any thread.
  int open_breakers() const;

 private:
  using Breaker = std::shared_ptr<async::CircuitBreaker>;
  Breaker breaker_of(const media::Shard& shard);

  async::Clock& clock_;
  TopicsOf topics_of_;
  std::shared_ptr<speech::Recognizer> recognizer_;
  mutable async::Mutex mutex_;  // for the map; a breaker itself is its shard's
  std::unordered_map<const media::Shard*, Breaker> breakers_;
  std::shared_ptr<speech::flite::FliteSynthesizer> flite_;
  std::shared_ptr<speech::PromptSynthesizer> prompts_;
};

}  // namespace voxanne::app
