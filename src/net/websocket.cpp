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

WebSocket::Impl::Impl(async::Executor executor, const WebSocketLimits& l, std::shared_ptr<QueueBudget> budget)
    : limits(l),
      budget_(std::move(budget)),
      readable_(executor),
      drained_(executor),
      ended_(executor),
      heartbeat_(executor) {}

WebSocket::Impl::~Impl() { release(queued); }

void WebSocket::Impl::run() {
  next_ping_ = std::chrono::steady_clock::now() + limits.ping_interval;
  arm_heartbeat();
  receive_more();
}

void WebSocket::Impl::release(std::size_t bytes) {
  queued -= bytes;
  if (budget_) budget_->used.fetch_sub(bytes, std::memory_order_relaxed);
  if (queued == 0 && !drained_.is_set()) drained_.set();
}

void WebSocket::Impl::news() {
  if (!session_ || telling_) return;
  telling_ = true;
  async::asio::post(heartbeat_.get_executor(), [self = shared_from_this()] {
    self->telling_ = false;
    if (self->session_) self->session_->on_news();
  });
}

bool WebSocket::Impl::send(std::shared_ptr<const std::string> data, Kind kind) {
  if (end || closing_ || !data) return false;
  const auto size = data->size();
  // Who has read everything gets its message, however far behind the others are.
  const bool over = queued + size > limits.max_queued;
  const bool all_over = budget_ && budget_->used.load(std::memory_order_relaxed) + size > budget_->limit;
  if (queued > 0 && (over || all_over)) {
    discard_queue();
    close(close_code::try_again_later, "reading too slowly");
    return false;
  }
  queued += size;
  if (budget_) budget_->used.fetch_add(size, std::memory_order_relaxed);
  Outgoing message{std::move(data), kind};
  if (!sending_ && !ping_due_ && out_.empty()) {
    begin_send(std::move(message));
  } else {
    out_.push_back(std::move(message));
    send_more();
  }
  return true;
}

void WebSocket::Impl::discard_queue() {
  std::size_t waiting = 0;
  for (const auto& message : out_) waiting += message.data->size();
  out_.clear();
  release(waiting);
}

void WebSocket::Impl::close(std::uint16_t code, std::string_view reason) {
  if (end || closing_) return;
  closing_ = true;
  our_code = code;
  close_reason_ = reason.substr(0, utf8_cut(reason, max_close_reason));
  begin_teardown();
  send_more();
  receive_more();
}

void WebSocket::Impl::begin_teardown() {
  if (close_deadline_ != SteadyTime::max()) return;
  close_deadline_ = std::chrono::steady_clock::now() + limits.close_timeout;
  heartbeat_.cancel();  // re-armed for the deadline
}

void WebSocket::Impl::finish(Error why, bool at_once) {
  if (end) return;
  end = std::move(why);
  drop(at_once);
  discard_queue();  // nobody will be sent it, and who waits for room would wait for ever
  readable_.set();
  drained_.set();
  news();
  heartbeat_.cancel();
  leave();
}

void WebSocket::Impl::leave() {
  if (!end || receiving_ || sending_) return;
  left_ = true;
  ended_.set();
  news();
}

async::Task<Result<Message>> WebSocket::Impl::read() {
  for (;;) {
    if (auto message = try_read()) co_return std::move(*message);
    readable_.reset();
    co_await readable_.wait();
  }
}

std::optional<Result<Message>> WebSocket::Impl::try_read() {
  if (in_.empty()) return end ? std::optional<Result<Message>>{*end} : std::nullopt;
  Message message = std::move(in_.front());
  in_.pop_front();
  unread_bytes_ -= message.data.size();
  receive_more();
  return message;
}

async::Task<> WebSocket::Impl::drained() {
  while (!end && queued > 0) {
    drained_.reset();
    co_await drained_.wait();
  }
}

async::Task<> WebSocket::Impl::ended() { co_await ended_.wait(); }

void WebSocket::Impl::receive_more() {
  if (receiving_ || end) return;
  // Without room the peer waits; closing needs none, since nothing is kept any more.
  if (!closing_ && (in_.size() >= limits.max_unread || unread_bytes_ >= limits.max_message)) return;
  receiving_ = true;
  start_receive();
}

void WebSocket::Impl::received(Result<Message> message) {
  receiving_ = false;
  if (end) return leave();
  if (!message) return finish(message.error());
  heard();
  // RFC 6455 §1.4: what arrives between the two close frames is discarded.
  if (!closing_) {
    unread_bytes_ += message->data.size();
    in_.push_back(std::move(*message));
    readable_.set();
    news();
  }
  receive_more();
}

void WebSocket::Impl::send_more() {
  if (sending_ || end) return;
  if (ping_due_) {
    ping_due_ = false;
    sending_ = true;
    start_ping();
  } else if (!out_.empty()) {
    Outgoing next = std::move(out_.front());
    out_.pop_front();
    begin_send(std::move(next));
  } else if (closing_) {
    close_sent_ = sending_ = true;
    start_close(our_code, close_reason_);
  }
}

void WebSocket::Impl::begin_send(Outgoing message) {
  sending_now_ = std::move(message);
  sending_ = true;
  start_send(sending_now_);
}

void WebSocket::Impl::sent(const ErrorCode& failed) {
  sending_ = false;
  if (const auto data = std::move(sending_now_.data)) release(data->size());
  if (end) return leave();
  if (failed) return finish(lost("writing failed: " + failed.message()));
  if (close_sent_) return finish({Fault::cancelled, "websocket_closed", "the connection was closed"});
  send_more();
  // Told here and not by a post, which an event for thousands would pay for each of them.
  if (queued == 0 && session_) session_->on_news();
}

void WebSocket::Impl::arm_heartbeat() {
  heartbeat_.expires_at(std::min(next_ping_, close_deadline_));
  heartbeat_.async_wait([weak = weak_from_this()](const ErrorCode&) {
    if (const auto self = weak.lock()) self->beat();
  });
}

void WebSocket::Impl::beat() {
  if (end) return;
  const auto now = std::chrono::steady_clock::now();
  if (now >= close_deadline_) {
    const bool polite = closing_ || peer_code != 0;
    return finish(
        polite ? Error{Fault::cancelled, "websocket_closed", "closed; the peer did not confirm in time"}
               : lost("the peer broke the protocol and did not leave in time"),
        true);
  }
  if (now >= next_ping_) {
    if (unanswered_pings_ >= max_unanswered_pings) return finish(lost("the peer answered no ping"), true);
    ++unanswered_pings_;
    ping_due_ = true;
    next_ping_ = now + limits.ping_interval;
    send_more();
  }
  arm_heartbeat();
}

WebSocket::WebSocket(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
WebSocket::~WebSocket() { abort(); }

async::Task<Result<Message>> WebSocket::read() { return impl_->read(); }
std::optional<Result<Message>> WebSocket::try_read() { return impl_->try_read(); }
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
const RequestIds& WebSocket::request_ids() const { return impl_->ids; }

}  // namespace voxanne::net
