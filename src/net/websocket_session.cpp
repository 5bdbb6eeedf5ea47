#include "net/websocket_session.h"

#include "base/unhandled.h"

namespace voxanne::net {

namespace {

// Among the shard's while it lives.
class Listed {
 public:
  Listed(Shard& shard, WebSocket& socket)
      : shard_(shard), place_(shard.websockets.insert(shard.websockets.end(), &socket)) {
    shard_.common.websockets.fetch_add(1, std::memory_order_relaxed);
  }
  ~Listed() {
    shard_.common.websockets.fetch_sub(1, std::memory_order_relaxed);
    shard_.websockets.erase(place_);
  }
  Listed(const Listed&) = delete;
  Listed& operator=(const Listed&) = delete;

 private:
  Shard& shard_;
  std::list<WebSocket*>::iterator place_;
};

}  // namespace

async::Task<> run_websocket(Shard& shard, Upgraded upgraded, [[maybe_unused]] Place place) {
  WebSocket socket{upgraded.impl};
  const Listed listed{shard, socket};
  upgraded.impl->run();
  if (shard.draining) socket.close(close_code::going_away, shutting_down);
  try {
    co_await upgraded.serve(socket);
    socket.close();
  } catch (const std::exception&) {
    if (async::is_cancellation(std::current_exception())) throw;
    log::unhandled("websocket.session_failed", std::current_exception(),
                   {{"requestId", upgraded.request_id}, {"path", upgraded.path}});
    socket.close(close_code::internal_error, "the server failed");
  }
  co_await socket.ended();
}

}  // namespace voxanne::net
