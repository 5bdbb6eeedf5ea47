// One WebSocket connection (RFC 6455), server's or client's end. A reader and a writer task of its
// own keep the protocol alive (pings, close handshake, back-pressure) whether or not anybody reads,
// so read() may be cancelled or bounded by a deadline without harm.
//
//   async::Task<> serve(net::WebSocket& socket) {
//     while (auto message = co_await socket.read()) socket.send(answer(message->data));
//   }                                            // returning closes politely
//
// Never leaks: a peer that answers no ping is reaped, one that does not read is dropped with 1013
// once more than max_queued bytes wait for it, bad frames are closed with 1002, bad UTF-8 with
// 1007, oversized messages with 1009.
//
// Owner: the connection (server) or whoever connected (client). Executor: the loop it was made on;
// from elsewhere, asio::post.
#pragma once

#include "async/event.h"
#include "net/http.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace voxanne::net {

enum class Kind : std::uint8_t { text, binary };

struct Message {
  Kind kind = Kind::text;
  std::string data;
};

// Close codes (RFC 6455 §7.4.1 and the IANA registry).
namespace close_code {
inline constexpr std::uint16_t normal = 1000, going_away = 1001, protocol_error = 1002,
                               unsupported_data = 1003, none = 1005, abnormal = 1006, invalid_payload = 1007,
                               policy = 1008, too_big = 1009, internal_error = 1011, try_again_later = 1013;
}

class WebSocket {
 public:
  struct Impl;
  explicit WebSocket(std::shared_ptr<Impl> impl);
  ~WebSocket();  // drops the connection unless it is closed already
  WebSocket(const WebSocket&) = delete;
  WebSocket& operator=(const WebSocket&) = delete;

  // The next whole message. When there will be none: Fault::cancelled (websocket_closed) after a
  // closing handshake by either side, unavailable (websocket_lost) without one, malformed
  // (websocket_protocol) or too_large (message_too_large) for what the peer did wrong. Messages
  // that arrived before the end are delivered first. One reader at a time.
  async::Task<Result<Message>> read();

  // The next message, or why there will be none, if that is known now.
  std::optional<Result<Message>> try_read();

  // Queues a message; the payload is shared, not copied, so that one serves many subscribers.
  // False when closed or over the limit (the connection is then being closed with 1013).
  bool send(std::shared_ptr<const std::string> data, Kind kind = Kind::text);
  bool send(std::string data, Kind kind = Kind::text);

  // Until everything queued so far has been written or the connection has ended: flow control for
  // a long replay. Several tasks may wait.
  async::Task<> drained();

  // What is queued goes out first, then the close frame; `reason` is cut at 123 bytes. Idempotent.
  void close(std::uint16_t code = close_code::normal, std::string_view reason = {});
  // At once and without a word.
  void abort();
  // Until the connection has ended, either way.
  async::Task<> ended();

  bool open() const;
  std::size_t queued_bytes() const;
  // After the end: the code that the peer sent, else ours, else 1006.
  std::uint16_t closed_with() const;
  // Of the request that it was; empty at the client's end.
  const RequestIds& request_ids() const;

 private:
  std::shared_ptr<Impl> impl_;
};

// What is attached to a connection instead of a task that serves it (Upgrade::attach). The server keeps it
// until the connection has ended.
class WebSocketSession {
 public:
  virtual ~WebSocketSession() = default;
  // There is a message to read, everything queued has been written, or the connection has ended; several
  // of them may be told at once, and what is found may be none. Never within a call of the socket's.
  virtual void on_news() = 0;
};

}  // namespace voxanne::net
