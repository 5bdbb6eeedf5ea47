// What the commands that call somebody share: `call`, `demo`, `loadtest`.
#pragma once

#include "app/caller/script.h"
#include "async/task.h"
#include "base/result.h"
#include "speech/synthesizer.h"
#include "telephony/sip/options.h"

#include <string>
#include <vector>

namespace voxanne::app {

// SIP for calling that URI from a free port of ours. `codec`: the only one offered, as codec_names() has it;
// empty: all. Errors: malformed (a bad URI), unavailable (unknown_host, unreachable_host).
Result<telephony::sip::Options> caller_options(const std::string& uri, const std::string& codec);
std::vector<std::string> codec_names();

// One sentence, in a man's voice at 16 kHz.
async::Task<Result<Script::Clip>> speak(speech::Synthesizer& synthesizer, std::string text);

}  // namespace voxanne::app
