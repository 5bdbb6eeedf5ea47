// Many calls at a time over SIP or WebSocket, each a LoadTalker's, and what became of them. They come one
// after another and all stay until the last has talked for its time. They say that they are test calls, so
// that the server counts them apart.
//
// place_load() blocks until the last has ended; it makes the loops that it needs, one a core.
#pragma once

#include "app/caller/load_talker.h"
#include "telephony/leg.h"
#include "telephony/sip/options.h"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace voxanne::app {

struct LoadClips {
  std::shared_ptr<const Script::Clip> narrowband, wideband;
};

struct LoadPlan {
  std::string to;  // sip:… or ws://…
  std::string token{};
  int calls = 1;
  double per_second = 20;
  milliseconds together{20'000};  // how long all of them talk at a time
  LoadClips clips{};
  // How to set up SIP, where `to` is.
  std::function<Result<telephony::sip::Options>()> sip{};
};

struct LoadTally {
  int placed = 0, answered = 0;
  int broken = 0;  // answered, but over before their time
  std::map<std::string, int> refused;
  int unanswered = 0;  // questions that brought no sound in time
  std::vector<double> set_up_ms, answer_ms, jitter_ms;
  telephony::MediaStats media;  // summed
  double talked_seconds = 0;
};

LoadTally place_load(const LoadPlan& plan);

}  // namespace voxanne::app
