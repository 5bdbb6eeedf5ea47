// Who hears and who speaks: language models, recognition in child processes, the ladders of a call.
// Nothing here holds up the start: until recognition is up, calls are guided by keys.
//
// Owner: the server, above the records.
#pragma once

#include "app/server/models.h"
#include "app/server/records.h"
#include "app/server/voices.h"
#include "speech/pocketsphinx/recognizer.h"

namespace voxanne::app {

struct Speech {
  Speech(Foundation& house, Records& kept) : foundation(house), records(kept) {}

  void start();
  void stop();

  Foundation& foundation;
  Records& records;
  std::optional<LanguageModels> models;
  std::shared_ptr<speech::pocketsphinx::PocketSphinxRecognizer> recognizer;  // null: cannot be started
  std::optional<Voices> voices;
};

}  // namespace voxanne::app
