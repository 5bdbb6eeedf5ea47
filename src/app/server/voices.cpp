#include "app/server/voices.h"

#include "app/prompts/prompts.h"
#include "conversation/house_responder.h"
#include "conversation/menu_topics.h"

#include <algorithm>

namespace voxanne::app {

Voices::Voices(async::Clock& clock, async::WorkerPool& synthesis,
               std::shared_ptr<speech::Recognizer> recognizer, TopicsOf topics_of)
    : clock_(clock),
      topics_of_(std::move(topics_of)),
      recognizer_(std::move(recognizer)),
      flite_(std::make_shared<speech::flite::FliteSynthesizer>(synthesis)),
      prompts_(std::make_shared<speech::PromptSynthesizer>(house_prompts())) {}

Voices::~Voices() = default;

async::Task<Result<std::vector<audio::Sample>>> Voices::render(std::string text, std::string voice,
                                                               int rate) {
  std::vector<audio::Sample> out;
  const auto stream = flite_->say(std::move(text), voice, rate);
  for (;;) {
    auto chunk = co_await stream->next();
    if (chunk.has_error()) co_return chunk.error();
    if (!*chunk) co_return out;
    out.insert(out.end(), (*chunk)->samples.begin(), (*chunk)->samples.end());
  }
}

Voices::Breaker Voices::breaker_of(const media::Shard& shard) {
  const std::lock_guard lock{mutex_};
  auto& breaker = breakers_[&shard];
  if (!breaker) breaker = std::make_shared<async::CircuitBreaker>();
  return breaker;
}

int Voices::open_breakers() const {
  const std::lock_guard lock{mutex_};
  return int(std::ranges::count_if(breakers_, [](const auto& entry) {
    return entry.second->state() != async::CircuitBreaker::State::closed;
  }));
}

conversation::Providers Voices::providers_for(const media::Shard& shard, const calls::Subject& subject,
                                              calls::Hands hands) {
  conversation::Providers providers;
  if (recognizer_) providers.recognizers.push_back({.provider = recognizer_, .breaker = breaker_of(shard)});
  providers.synthesizers.push_back({.provider = flite_});
  providers.synthesizers.push_back({.provider = prompts_});
  conversation::HouseOptions house{.organization = subject.organization.name,
                                   .goodbye = subject.assistant.goodbye,
                                   .caller_number = subject.call.customer.number,
                                   .topics = conversation::menu_topics(topics_of_(subject.organization.id))};
  providers.responders.push_back(
      {.provider = std::make_shared<conversation::HouseResponder>(
           clock_, std::move(house),
           conversation::HouseWorld{.look_up = std::move(hands.look_up),
                                    .take_message = std::move(hands.take_message),
                                    .on_gap = std::move(hands.on_gap),
                                    .recorded_since = std::move(hands.recorded_since)})});
  return providers;
}

}  // namespace voxanne::app
