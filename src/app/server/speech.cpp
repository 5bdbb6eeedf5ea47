#include "app/server/speech.h"

#include "base/log.h"
#include "store/demo.h"

namespace voxanne::app {

void Speech::start() {
  const async::Executor house = foundation.house.executor();
  const Config& config = foundation.config;
  models.emplace(house, foundation.clock, *records.store, foundation.workers, config.data_dir / "models");
  models->start();
  if (foundation.development()) models->refresh(OrgId{std::string{store::demo::organization_id}});
  recognizer = std::make_shared<speech::pocketsphinx::PocketSphinxRecognizer>(
      foundation.clock,
      speech::pocketsphinx::RecognizerOptions{
          .command = {foundation.program, "speech-worker", "--fd", "3", "--general-callers",
                      std::to_string(config.speech_general_callers)},
          .models = models->directory(),
          .fallback_org = LanguageModels::general,
          .workers = config.speech_workers > 0 ? unsigned(config.speech_workers) : foundation.cores,
          .most_callers = unsigned(config.speech_callers)});
  if (auto running = recognizer->start(); running.has_error()) {
    log::error("recognition.absent", {{"code", running.error().code}, {"error", running.error().message}});
    recognizer.reset();
  }
  voices.emplace(foundation.clock, foundation.voicing, recognizer,
                 [this](const OrgId& org) { return models->topics_of(org); });
}

void Speech::stop() {
  if (models) async::run_on(foundation.house.executor(), models->stop());
  if (recognizer) recognizer->stop();
}

}  // namespace voxanne::app
