// The transcript of one's own call as the server hears it, from its live events: how a SIP caller
// sees what was understood.
//
//   LiveTranscript live{tasks, …};
//   co_await live.connect(url, token);    // before dialling, so that nothing is missed
//   …call…
//   co_await live.finish(deadline);       // until call.ended came
//
// One loop; `tasks` outlives it.
#pragma once

#include "app/caller/web_caller.h"
#include "async/deadline.h"
#include "async/task_group.h"

#include <memory>
#include <string>

namespace voxanne::app {

class LiveTranscript {
 public:
  // `caller`: the number that the call is made from, which no other call has.
  LiveTranscript(async::TaskGroup& tasks, async::Clock& clock, std::string caller, OnLine on_line);

  // `api`: http://HOST:PORT. Errors: those of connect_websocket; unavailable (not_subscribed).
  async::Task<Result<>> connect(std::string api, std::string token);
  async::Task<> finish(async::Deadline deadline);

 private:
  async::Task<> follow();
  void take(const std::string& text);

  async::TaskGroup& tasks_;
  async::Clock& clock_;
  std::string caller_;
  OnLine on_line_;
  std::unique_ptr<net::WebSocket> socket_;
  std::string call_id_;
  async::Event subscribed_, ended_;
};

}  // namespace voxanne::app
