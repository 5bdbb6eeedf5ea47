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

void begin(Shard& shard, WebSocket::Impl& impl, WebSocket& socket) {
  impl.run();
  if (shard.draining) socket.close(close_code::going_away, shutting_down);
}

void fail(WebSocket& socket, std::string_view path) {
  const RequestIds& ids = socket.request_ids();
  log::unhandled("websocket.session_failed", std::current_exception(),
                 {{"requestId", ids.request_id}, {"traceId", ids.trace.trace_id()}, {"path", path}});
  socket.close(close_code::internal_error, "the server failed");
}

async::Task<> serve(Shard& shard, Upgraded upgraded, [[maybe_unused]] Place place) {
  WebSocket socket{upgraded.impl};
  const Listed listed{shard, socket};
  begin(shard, *upgraded.impl, socket);
  try {
    co_await upgraded.upgrade.serve(socket);
    socket.close();
  } catch (const std::exception&) {
    if (async::is_cancellation(std::current_exception())) throw;
    fail(socket, upgraded.path);
  }
  co_await socket.ended();
}

// A connection with a session instead of a task.
class Attached final : public WebSocketSession {
 public:
  Attached(Shard& shard, Upgraded upgraded, Place place)
      : shard_(shard),
        place_(std::move(place)),
        impl_(std::move(upgraded.impl)),
        socket_(impl_),
        listed_(shard, socket_),
        path_(std::move(upgraded.path)) {}
  ~Attached() override { impl_->tell(nullptr); }

  void begin(const decltype(Upgrade::attach)& attach) {
    impl_->tell(this);
    net::begin(shard_, *impl_, socket_);
    guarded([&] { session_ = attach(socket_, shard_.tasks); });
  }

  void on_news() override {
    if (impl_->left()) return static_cast<void>(shard_.attached.erase(this));
    guarded([&] {
      if (session_) session_->on_news();
    });
  }

 private:
  template <class F>
  void guarded(F work) {
    try {
      work();
    } catch (const std::exception&) {
      fail(socket_, path_);
    }
  }

  Shard& shard_;
  Place place_;
  std::shared_ptr<WebSocket::Impl> impl_;
  WebSocket socket_;
  Listed listed_;
  std::string path_;
  std::shared_ptr<WebSocketSession> session_;
};

}  // namespace

void run_websocket(Shard& shard, Upgraded upgraded, Place place) {
  const auto attach = std::move(upgraded.upgrade.attach);
  if (!attach) return shard.tasks.spawn(serve(shard, std::move(upgraded), std::move(place)));
  auto made = std::make_unique<Attached>(shard, std::move(upgraded), std::move(place));
  Attached& attached = *made;
  shard.attached.emplace(&attached, std::move(made));
  attached.begin(attach);
}

}  // namespace voxanne::net
