// One HTTP connection from its first byte to its last: read a request, answer it, again, in order.
// An upgrade ends it: the WebSocket goes on without what the request took. Private to net.
#pragma once

#include "net/request_parser.h"
#include "net/shard.h"
#include "net/tls_identity.h"
#include "net/tls_stream.h"
#include "net/websocket_session.h"

#include <array>
#include <memory>

namespace voxanne::net {

class Connection {
 public:
  // `usage`: the peer's subscriber's, which outlives this; null for an address of many clients.
  Connection(Shard& shard, Socket socket, Peer peer, Admission::Usage* usage);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // The WebSocket that it has become, if it has.
  async::Task<std::optional<Upgraded>> serve();

  // By the shard: ends what waits longer than it may.
  void expire(SteadyTime now);
  // The server stops: an idle connection ends now, a busy one after its answer.
  void begin_drain();

 private:
  enum class Next { request, close };

  async::Task<bool> shake_hands();  // TLS; false when it came to nothing
  Socket& raw() { return tls_ ? tls_->next_layer() : socket_; }

  async::Task<Next> serve_one();
  async::Task<bool> read_header();
  async::Task<bool> read_body();
  async::Task<Next> respond(const Request& request, Response response);
  async::Task<Next> reject(int status, const Error& error);
  async::Task<> upgrade(const Request& request, Response response);
  async::Task<bool> write(std::string_view head, std::string_view body);
  async::Task<bool> write_source(const Source& source, const RequestIds& ids);
  async::Task<bool> read_some();  // false at the end, on failure and past the deadline
  async::Task<> linger();
  void feed();
  bool may_hold(std::size_t body, std::size_t limit);  // takes it from what bodies may take together
  void release_body();
  void reserve(std::size_t capacity);
  void allow(milliseconds time) { deadline_ = std::chrono::steady_clock::now() + time; }
  std::string_view unread() const { return {buffer_.get() + begin_, end_ - begin_}; }

  Shard& shard_;
  Socket socket_;  // moved from once there is TLS on it
  std::unique_ptr<TlsStream> tls_;
  Peer peer_;
  Admission::Usage* usage_;
  RequestParser parser_;
  std::unique_ptr<char[]> buffer_;
  std::size_t capacity_ = 0, begin_ = 0, end_ = 0;
  std::string head_;
  SteadyTime deadline_ = SteadyTime::max();
  bool expired_ = false;
  bool idle_ = true;  // between requests
  std::size_t body_held_ = 0;
  std::optional<Upgraded> upgraded_;
  std::list<Connection*>::iterator place_;
};

}  // namespace voxanne::net
