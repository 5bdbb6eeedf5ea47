// `WS /ws/live-calls`: an organization's events to one listener, from where it left off.
//
//   listener                              hub
//   {"type":"subscribe","token","since"?,"epoch"?}  →   within 5 s, else close 1008
//                                         ←   {"type":"subscribed","orgId","epoch","seq"}
//                                         ←   {"type":"resync","epoch","seq"}   when `since` cannot be
//                                         honoured ←   events, first those missed
//   {"type":"ping"}                       →   {"type":"pong"}
//
// A later `subscribe` shows a fresh token (of the same organization) before the old one expires,
// and moves the position when it names a `since`; otherwise nothing is missed or repeated.
// Close codes: 1008 no, bad or expired token, a message that cannot be read, or more than 20 a second; 1003
// binary; 1013 a reader over Bus::Options::max_behind back that does not read, or stays so for ten seconds;
// too much asked by the organization; or the server cannot check tokens now.
//
// What attach() answers lives on the socket's loop for as long as the socket does. It has no task of its
// own but while a token is looked at: ten thousand listeners wait at a time. The hub outlives the
// connections; one serves all web shards.
#pragma once

#include "async/clock.h"
#include "async/task_group.h"
#include "base/result.h"
#include "events/bus.h"
#include "net/websocket.h"

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace voxanne::events {

// Whose events, and until when.
struct Listener {
  OrgId org;
  // For how long the listener may stay before it is asked again, or why not at all. Empty: for good (the
  // development convenience). Runs on the connection's loop, and is given up when it takes too long, which
  // ends nothing; events go on meanwhile.
  std::function<async::Task<Result<milliseconds>>()> may_stay{};
};

// Who shows this token; an empty one stands for none. Runs on the connection's loop.
using CheckToken = std::function<async::Task<Result<Listener>>(std::string token)>;

class LiveHub {
 public:
  LiveHub(Bus& bus, async::Clock& clock) : bus_(bus), clock_(clock) {}

  // `listener`: known already from the upgrade's Authorization; it is subscribed at once. `tasks`: for what
  // asks about tokens (net::Upgrade::attach).
  std::shared_ptr<net::WebSocketSession> attach(net::WebSocket& socket, async::TaskGroup& tasks,
                                                CheckToken check, std::optional<Listener> listener = {},
                                                std::optional<Since> since = {});

  std::size_t listeners() const noexcept { return listeners_; }  // any thread

 private:
  class Session;

  Bus& bus_;
  async::Clock& clock_;
  std::atomic<std::size_t> listeners_ = 0;
};

}  // namespace voxanne::events
