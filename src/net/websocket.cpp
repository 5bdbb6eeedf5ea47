#include "net/websocket.h"

#include "net/websocket_impl.h"

#include <algorithm>

namespace voxanne::net {

namespace {

constexpr std::size_t max_close_reason = 123;  // RFC 6455 §5.5: 125 bytes with the code
constexpr int max_unanswered_pings = 2;

std::size_t utf8_cut(std::string_view text, std::size_t limit) {
  if (text.size() <= limit) return text.size();
  while (limit > 0 && (static_cast<unsigned char>(text[limit]) & 0xC0) == 0x80) --limit;
  return limit;
}

Error lost(std::string message) { return unavailable("websocket_lost", std::move(message)); }

}  // namespace

// One of the three tasks: however it ends, the connection ends with it, and the last one says so.
class WebSocket::Impl::Running {
 public:
  explicit Running(Impl& impl) : impl_(impl.shared_from_this()) {}
  ~Running() {
    impl_->finish(lost("the connection was dropped"));
    if (--impl_->running_ == 0) impl_->ended_.set();
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

 private:
  std::shared_ptr<Impl> impl_;
};

WebSocket::Impl::Impl(async::Executor executor, const WebSocketLimits& l, std::shared_ptr<QueueBudget> budget)
    : limits(l),
      budget_(std::move(budget)),
      readable_(executor),
      room_(executor),
      work_(executor),
      drained_(executor),
      ended_(executor),
      heartbeat_(executor) {}

WebSocket::Impl::~Impl() { release(queued); }

void WebSocket::Impl::run(async::TaskGroup& tasks) {
  running_ = 3;
  const auto start = [self = shared_from_this()](async::Task<> (Impl::*task)()) -> async::Task<> {
    return [](std::shared_ptr<Impl> impl, async::Task<> (Impl::*body)()) -> async::Task<> {
      const Running running{*impl};
      co_await ((*impl).*body)();
    }(self, task);
  };
  tasks.spawn(start(&Impl::run_reader));
  tasks.spawn(start(&Impl::run_writer));
  tasks.spawn(start(&Impl::run_heartbeat));
}

void WebSocket::Impl::release(std::size_t bytes) {
  queued -= bytes;
  if (budget_) budget_->used.fetch_sub(bytes, std::memory_order_relaxed);
  if (queued == 0) drained_.set();
}

bool WebSocket::Impl::send(std::shared_ptr<const std::string> data, Kind kind) {
  if (end || closing_ || !data) return false;
  const auto size = data->size();
  const bool over = queued > 0 && queued + size > limits.max_queued;
  const bool all_over = budget_ && budget_->used.load(std::memory_order_relaxed) + size > budget_->limit;
  if (over || all_over) {
    std::size_t waiting = 0;
    for (const auto& message : out_) waiting += message.data->size();
    out_.clear();
    release(waiting);
    close(close_code::try_again_later, "reading too slowly");
    return false;
  }
  queued += size;
  if (budget_) budget_->used.fetch_add(size, std::memory_order_relaxed);
  out_.push_back({std::move(data), kind});
  work_.set();
  return true;
}

void WebSocket::Impl::close(std::uint16_t code, std::string_view reason) {
  if (end || closing_) return;
  closing_ = true;
  our_code = code;
  close_reason_ = reason.substr(0, utf8_cut(reason, max_close_reason));
  begin_teardown();
  work_.set();
  room_.set();
}

void WebSocket::Impl::begin_teardown() {
  if (close_deadline_ != SteadyTime::max()) return;
  close_deadline_ = std::chrono::steady_clock::now() + limits.close_timeout;
  heartbeat_.cancel();  // re-armed for the deadline
}

void WebSocket::Impl::finish(Error why) {
  if (end) return;
  end = std::move(why);
  drop();
  readable_.set();
  work_.set();
  room_.set();
  drained_.set();
  heartbeat_.cancel();
}

async::Task<Result<Message>> WebSocket::Impl::read() {
  while (in_.empty()) {
    if (end) co_return *end;
    readable_.reset();
    co_await readable_.wait();
  }
  Message message = std::move(in_.front());
  in_.pop_front();
  unread_bytes_ -= message.data.size();
  room_.set();
  co_return message;
}

async::Task<> WebSocket::Impl::drained() {
  while (!end && queued > 0) {
    drained_.reset();
    co_await drained_.wait();
  }
}

async::Task<> WebSocket::Impl::ended() { co_await ended_.wait(); }

async::Task<> WebSocket::Impl::run_reader() {
  while (!end) {
    while (!closing_ && (in_.size() >= limits.max_unread || unread_bytes_ >= limits.max_message)) {
      room_.reset();
      co_await room_.wait();
    }
    if (end) co_return;
    auto message = co_await receive();
    if (!message) {
      finish(message.error());
      co_return;
    }
    heard();
    if (closing_) continue;  // RFC 6455 §1.4: what arrives between the two close frames is discarded
    unread_bytes_ += message->data.size();
    in_.push_back(std::move(*message));
    readable_.set();
  }
}

async::Task<> WebSocket::Impl::run_writer() {
  while (!end) {
    ErrorCode failed;
    if (ping_due_) {
      ping_due_ = false;
      failed = co_await transmit_ping();
    } else if (!out_.empty()) {
      const Outgoing message = std::move(out_.front());
      out_.pop_front();
      failed = co_await transmit(message);
      release(message.data->size());
    } else if (closing_) {
      failed = co_await transmit_close(our_code, close_reason_);
      if (!failed) finish({Fault::cancelled, "websocket_closed", "the connection was closed"});
    } else {
      work_.reset();
      co_await work_.wait();
    }
    if (failed) finish(lost("writing failed: " + failed.message()));
  }
}

async::Task<> WebSocket::Impl::run_heartbeat() {
  auto next_ping = std::chrono::steady_clock::now() + limits.ping_interval;
  while (!end) {
    heartbeat_.expires_at(std::min(next_ping, close_deadline_));
    co_await heartbeat_.async_wait(as_result);
    if (end) co_return;
    const auto now = std::chrono::steady_clock::now();
    if (now >= close_deadline_) {
      finish(closing_ || peer_code != 0
                 ? Error{Fault::cancelled, "websocket_closed", "closed; the peer did not confirm in time"}
                 : lost("the peer broke the protocol and did not leave in time"));
    } else if (now >= next_ping) {
      if (unanswered_pings_ >= max_unanswered_pings) {
        finish(lost("the peer answered no ping"));
        co_return;
      }
      ++unanswered_pings_;
      ping_due_ = true;
      work_.set();
      next_ping = now + limits.ping_interval;
    }
  }
}

WebSocket::WebSocket(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
WebSocket::~WebSocket() { abort(); }

async::Task<Result<Message>> WebSocket::read() { return impl_->read(); }
bool WebSocket::send(std::shared_ptr<const std::string> data, Kind kind) {
  return impl_->send(std::move(data), kind);
}
bool WebSocket::send(std::string data, Kind kind) {
  return impl_->send(std::make_shared<const std::string>(std::move(data)), kind);
}
void WebSocket::close(std::uint16_t code, std::string_view reason) { impl_->close(code, reason); }
void WebSocket::abort() {
  impl_->finish({Fault::cancelled, "websocket_closed", "the connection was aborted"});
}
async::Task<> WebSocket::drained() { return impl_->drained(); }
async::Task<> WebSocket::ended() { return impl_->ended(); }
bool WebSocket::open() const { return !impl_->end && impl_->our_code == 0; }
std::size_t WebSocket::queued_bytes() const { return impl_->queued; }
std::uint16_t WebSocket::closed_with() const {
  if (impl_->peer_code != 0) return impl_->peer_code;
  return impl_->our_code != 0 ? impl_->our_code : close_code::abnormal;
}

}  // namespace voxanne::net
