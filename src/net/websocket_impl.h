// What stands behind a WebSocket: queues, back-pressure, heartbeat and close, independent of the
// stream below, which websocket_stream.h adds. It is driven by the completions of its operations, at
// most one that receives and one that sends, which keep it alive: a task for each would cost ten
// thousand idle listeners twice the memory. Private to net.
#pragma once

#include "async/task_group.h"
#include "net/stream.h"
#include "net/websocket.h"

#include <atomic>
#include <list>
#include <optional>

namespace voxanne::net {

// Bytes waiting in all WebSockets of a server together; any thread.
struct QueueBudget {
  explicit QueueBudget(std::size_t max) : limit(max) {}
  std::size_t limit;
  std::atomic<std::size_t> used{0};
};

struct WebSocket::Impl : std::enable_shared_from_this<WebSocket::Impl> {
  Impl(async::Executor executor, const WebSocketLimits& limits, std::shared_ptr<QueueBudget> budget);
  virtual ~Impl();

  // Once the stream is open: receives and keeps the heart beating.
  void run();
  // Told of news, from the loop and never within a call of its own, until it is replaced; null: nobody.
  void tell(WebSocketSession* session) { session_ = session; }
  // After the end, with no operation under way any more.
  bool left() const noexcept { return left_; }

  bool send(std::shared_ptr<const std::string> data, Kind kind);
  void close(std::uint16_t code, std::string_view reason);
  // The connection is over: drops the stream and wakes everybody. The first reason counts.
  void finish(Error why, bool at_once = false);
  async::Task<Result<Message>> read();
  std::optional<Result<Message>> try_read();
  async::Task<> drained();
  async::Task<> ended();

  struct Outgoing {
    std::shared_ptr<const std::string> data;
    Kind kind = Kind::text;
  };

  const WebSocketLimits limits;
  RequestIds ids{};
  std::optional<Error> end;
  std::uint16_t peer_code = 0;  // as received; 0: none
  std::uint16_t our_code = 0;   // as sent or about to be sent
  std::size_t queued = 0;       // bytes in `out_` and in the message being written

 protected:
  // Each begins one operation, never completes within the call, and tells received() or sent().
  virtual void start_receive() = 0;
  virtual void start_send(const Outgoing& message) = 0;
  virtual void start_ping() = 0;
  // Sends the close frame and waits for the peer's.
  virtual void start_close(std::uint16_t code, std::string_view reason) = 0;
  // Closes the stream's socket; idempotent. `at_once`: by RST, since the kernel would keep what a peer
  // that is gone has not read for many minutes more.
  virtual void drop(bool at_once) = 0;

  void received(Result<Message> message);
  void sent(const ErrorCode& failed);

  void heard() { unanswered_pings_ = 0; }
  // The stream is being shut down and waits for the peer: bounded by close_timeout from here.
  void begin_teardown();

 private:
  void receive_more();
  void send_more();
  void begin_send(Outgoing message);
  void arm_heartbeat();
  void beat();
  void leave();  // the last operation has ended after the connection
  void news();
  void discard_queue();
  void release(std::size_t bytes);

  std::shared_ptr<QueueBudget> budget_;
  WebSocketSession* session_ = nullptr;
  bool telling_ = false, left_ = false;
  std::list<Outgoing> out_;  // an empty deque holds half a kilobyte
  std::list<Message> in_;
  std::size_t unread_bytes_ = 0;
  std::string close_reason_;
  Outgoing sending_now_;
  bool receiving_ = false, sending_ = false;
  bool closing_ = false, close_sent_ = false, ping_due_ = false;
  int unanswered_pings_ = 0;
  SteadyTime next_ping_{}, close_deadline_ = SteadyTime::max();
  async::Event readable_, drained_, ended_;
  async::SteadyTimer heartbeat_;
};

}  // namespace voxanne::net
