// What stands behind a WebSocket: queues, back-pressure, heartbeat and close, independent of the
// stream below, which websocket_stream.h adds. Three tasks share it and keep it alive: reader,
// writer and heartbeat. Private to net.
#pragma once

#include "async/task_group.h"
#include "net/stream.h"
#include "net/websocket.h"

#include <atomic>
#include <deque>
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

  // Starts the three tasks; the group outlives them.
  void run(async::TaskGroup& tasks);

  bool send(std::shared_ptr<const std::string> data, Kind kind);
  void close(std::uint16_t code, std::string_view reason);
  // The connection is over: drops the stream and wakes everybody. The first reason counts.
  void finish(Error why);
  async::Task<Result<Message>> read();
  async::Task<> drained();
  async::Task<> ended();

  struct Outgoing {
    std::shared_ptr<const std::string> data;
    Kind kind;
  };

  const WebSocketLimits limits;
  std::optional<Error> end;
  std::uint16_t peer_code = 0;  // as received; 0: none
  std::uint16_t our_code = 0;   // as sent or about to be sent
  std::size_t queued = 0;       // bytes in `out_` and in the message being written

 protected:
  virtual async::Task<Result<Message>> receive() = 0;
  virtual async::Task<ErrorCode> transmit(const Outgoing& message) = 0;
  virtual async::Task<ErrorCode> transmit_ping() = 0;
  // Sends the close frame and waits for the peer's.
  virtual async::Task<ErrorCode> transmit_close(std::uint16_t code, std::string reason) = 0;
  virtual void drop() = 0;  // closes the stream's socket; idempotent

  void heard() { unanswered_pings_ = 0; }
  // The stream is being shut down and waits for the peer: bounded by close_timeout from here.
  void begin_teardown();

 private:
  class Running;
  async::Task<> run_reader();
  async::Task<> run_writer();
  async::Task<> run_heartbeat();
  void release(std::size_t bytes);

  std::shared_ptr<QueueBudget> budget_;
  std::deque<Outgoing> out_;
  std::deque<Message> in_;
  std::size_t unread_bytes_ = 0;
  std::string close_reason_;
  bool closing_ = false, ping_due_ = false;
  int unanswered_pings_ = 0, running_ = 0;
  SteadyTime close_deadline_ = SteadyTime::max();
  async::Event readable_, room_, work_, drained_, ended_;
  async::SteadyTimer heartbeat_;
};

}  // namespace voxanne::net
