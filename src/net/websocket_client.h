// The client's end of a WebSocket, for `voxanne call --to ws://…`, providers and tests.
//
//   auto socket = co_await net::connect_websocket(tasks, "ws://127.0.0.1:3001/ws/live-calls", {});
//   if (!socket) …; (*socket)->send(R"({"type":"subscribe"})");
//
// `tasks` runs the connection's reader and writer and belongs to the caller: dropping the socket
// ends them promptly. Errors: malformed (bad_url), unavailable (connect_failed), timed_out
// (connect_timed_out), forbidden (websocket_refused: the message holds the HTTP status).
#pragma once

#include "async/task_group.h"
#include "net/websocket.h"

#include <memory>
#include <string>
#include <vector>

namespace voxanne::net {

struct WebSocketClientOptions {
  std::vector<std::pair<std::string, std::string>> headers{};  // Authorization, Origin, …
  std::string subprotocol{};
  WebSocketLimits limits{};
  milliseconds connect_timeout{10'000};  // resolve, connect and handshake together
};

async::Task<Result<std::unique_ptr<WebSocket>>> connect_websocket(async::TaskGroup& tasks, std::string url,
                                                                  WebSocketClientOptions options);

}  // namespace voxanne::net
