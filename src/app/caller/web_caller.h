// A caller over `WS /ws/web-call`: subscribes, starts, and runs a Script (or another Talker) in real time
// until the far end hangs up or it is done.
#pragma once

#include "app/caller/script.h"
#include "async/clock.h"
#include "base/result.h"
#include "net/websocket.h"
#include "telephony/leg.h"

#include <deque>
#include <functional>
#include <optional>
#include <string>

namespace voxanne::app {

// How a call of `voxanne call` ended. Lines of the transcript were told while it ran.
struct CallerOutcome {
  std::string call_id;            // as the server named it, where it did
  std::string ended;              // the server's reason; empty when we hung up
  milliseconds set_up{0};         // from dialling to the answer
  std::optional<Error> broken{};  // it did not end but broke off
  // Of what was heard. By WebSocket nothing is lost; `concealed` are the slots for which nothing had come
  // yet.
  telephony::MediaStats media{};
};

struct TranscriptLine {
  std::string speaker, text;
};
using OnLine = std::function<void(const TranscriptLine&)>;

// `url`: ws://host:port/ws/web-call?assistantId=…; `token` may be empty in development. The talker's
// rate must be 16 kHz. Errors: those of connect_websocket; unavailable (call_refused) with the close code
// and reason; timed_out (call_not_answered).
async::Task<Result<CallerOutcome>> call_over_web(async::Clock& clock, std::string url, std::string token,
                                                 Talker& talker, OnLine on_line,
                                                 milliseconds longest_ringing = seconds{30});

}  // namespace voxanne::app
