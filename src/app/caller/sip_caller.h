// A caller over SIP: dials a URI, runs a Script (or another Talker) once answered, hangs up when it is done.
#pragma once

#include "app/caller/web_caller.h"
#include "media/shard.h"
#include "telephony/leg.h"

namespace voxanne::app {

// Runs on `shard`. The script's clips are at 8 kHz and are resampled when the far end chooses
// wideband: `make_talker` is given the leg's rate. Errors: of dial(); unavailable (call_refused)
// with how the far end refused.
struct SipCall {
  CallerOutcome outcome;
  std::unique_ptr<Talker> talker;  // what was heard and said
};
using MakeTalker = std::function<std::unique_ptr<Talker>(int rate)>;

async::Task<Result<SipCall>> call_over_sip(async::Clock& clock, media::Shard& shard,
                                           telephony::Dialer& dialer, telephony::DialRequest request,
                                           MakeTalker make_talker);

}  // namespace voxanne::app
