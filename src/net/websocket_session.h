// A WebSocket of the server from its handshake to its end. Private to net.
#pragma once

#include "net/shard.h"
#include "net/websocket_impl.h"

#include <memory>
#include <string>

namespace voxanne::net {

// What a connection has become.
struct Upgraded {
  std::shared_ptr<WebSocket::Impl> impl;
  Upgrade upgrade;
  std::string path;
};

// Serves it on its shard until it has ended.
void run_websocket(Shard& shard, Upgraded upgraded, Place place);

}  // namespace voxanne::net
