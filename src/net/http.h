// HTTP/1.1 requests and responses as values: what handlers see. Nothing of the transport's library
// shows through; net/server.h carries them over sockets.
//
//   net::Handler handler = [](net::Request& request) -> async::Task<net::Response> {
//     co_return net::Response::json(200, R"({"ok":true})");
//   };
//
// Values: no thread or lifecycle of their own.
#pragma once

#include "async/task_group.h"
#include "base/result.h"
#include "base/time.h"
#include "base/trace.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace voxanne::net {

class WebSocket;
class WebSocketSession;

enum class Method : std::uint8_t { get, head, post, put, patch, del, options, other };
std::string_view to_string(Method method);   // "GET"; "OTHER" for what the server refuses with 405
Method parse_method(std::string_view name);  // case-sensitive (RFC 9110 §9.1)

bool equal_ignoring_case(std::string_view a, std::string_view b);  // ASCII

// Header fields in order of arrival; names compare without case. One block of text, so that a
// request's headers cost two allocations, reused with the connection.
class Headers {
 public:
  struct Field {
    std::string_view name, value;
  };

  // Throws std::invalid_argument on a name that is no token or a value with CR, LF or NUL: the
  // seam where a response could be split.
  void add(std::string_view name, std::string_view value);
  // Replaces every field of that name.
  void set(std::string_view name, std::string_view value);
  void remove(std::string_view name);
  void clear();

  // The first field's value; empty (nullopt for find) when there is none.
  std::string_view get(std::string_view name) const;
  std::optional<std::string_view> find(std::string_view name) const;
  bool has(std::string_view name) const { return find(name).has_value(); }
  std::size_t count(std::string_view name) const;
  // True when a comma-separated list in any field of that name holds `token` (without case).
  bool has_token(std::string_view name, std::string_view token) const;

  std::size_t size() const noexcept { return slots_.size(); }
  Field operator[](std::size_t index) const;

 private:
  struct Slot {
    std::uint32_t name, name_size, value, value_size;
  };
  std::string text_;
  std::vector<Slot> slots_;
};

// How long an answer's Retry-After asks to wait, as seconds or as a date (RFC 9110 §10.2.3): rounded up, none
// for a date that has passed, at most a day.
std::optional<seconds> retry_after(const Headers& headers, UtcTime now);

// Query parameters, decoded (application/x-www-form-urlencoded: "+" is a space), in order.
class Query {
 public:
  // False on a broken escape, a NUL or more than 256 parameters.
  bool parse(std::string_view text);
  const std::string* find(std::string_view name) const;  // the first of that name
  std::string_view get(std::string_view name, std::string_view otherwise = {}) const;
  const std::vector<std::pair<std::string, std::string>>& all() const noexcept { return all_; }
  void clear() { all_.clear(); }

 private:
  std::vector<std::pair<std::string, std::string>> all_;
};

// Decodes %XX. False on a broken escape or a NUL.
bool percent_decode(std::string_view text, std::string& out);

struct Peer {
  std::string address;  // of the socket, never of a forwarding header; IPv4-mapped ones as IPv4
  std::uint16_t port = 0;
  bool loopback = false;
  bool secure = false;  // over TLS, to this server itself
};

// By what a request is found in the log, and whoever continues it by theirs.
struct RequestIds {
  std::string request_id;  // the caller's X-Request-Id where it is sane (is_sane_id), else a new one: req_…
  Trace trace;             // the caller's, continued; else a new one

  static RequestIds of(const Headers& headers);
};

struct Request {
  Method method = Method::get;
  std::string target;  // as it was sent, origin form: "/api/calls/call_1?limit=5"
  std::string path;    // before "?", still percent-encoded: a router splits before it decodes
  Query query;
  Headers headers;
  std::string body;
  Peer peer;
  unsigned shard = 0;      // which web shard runs this: index of per-shard state
  bool websocket = false;  // a well-formed WebSocket handshake (RFC 6455 §4.2.1)
  SteadyTime received{};   // when the header was complete
  RequestIds ids{};
};

// A body that is made while it is sent: exactly `length` bytes, in pieces that are never empty. An
// error, or a piece too much, breaks the connection, since the length is already promised.
struct Source {
  std::uint64_t length = 0;
  std::function<async::Task<Result<std::string>>()> next;
};

// The connection becomes a WebSocket when the request asked for one (else 426), on its shard. `serve` may
// use the socket until it returns; then the socket is closed politely (1000, or the code that close() was
// given) and freed. `attach` instead, where ten thousand may only wait, makes what lives as long as the
// socket and is told of its news, without a task; tasks that it starts in the group are cancelled when the
// server stops, and hold it weakly. Limits: net/websocket.h.
struct WebSocketLimits {
  std::size_t max_message = 64 * 1024;   // bytes of a message in; over: close 1009
  std::size_t max_queued = 1024 * 1024;  // bytes waiting to go out; over: close 1013 and drop
  std::size_t max_unread = 64;           // messages in, not yet read: then the peer has to wait
  milliseconds ping_interval{20'000};    // and reaped when two in a row are not answered
  milliseconds close_timeout{5'000};     // for the peer's part of the closing handshake
};
struct Upgrade {
  std::function<async::Task<>(WebSocket&)> serve{};
  std::function<std::shared_ptr<WebSocketSession>(WebSocket&, async::TaskGroup&)> attach{};
  WebSocketLimits limits{};
  std::string subprotocol{};  // one of those asked for, or empty
};

struct Response {
  using Shared = std::shared_ptr<const std::string>;  // constant, not copied per response
  using Body = std::variant<std::string, Shared, Source, Upgrade>;

  int status = 200;
  Headers headers;
  Body body;

  static Response json(int status, std::string text);
  static Response text(int status, std::string text);
  static Response empty(int status = 204);
  static Response upgrade(Upgrade upgrade);
  bool is_upgrade() const noexcept { return std::holds_alternative<Upgrade>(body); }
  std::uint64_t body_size() const;
};

std::string_view reason_phrase(int status);

// Runs on the request's shard and must be safe to call on all of them. The request outlives the
// task. An exception becomes a 500 by Options::render_error.
using Handler = std::function<async::Task<Response>(Request&)>;

}  // namespace voxanne::net
