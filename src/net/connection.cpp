#include "net/connection.h"

#include "base/unhandled.h"
#include "net/response_text.h"
#include "net/websocket_accept.h"

#include <boost/asio/ssl/error.hpp>

#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <cstring>

namespace voxanne::net {

namespace {

constexpr std::size_t initial_buffer = 4 * 1024;
constexpr std::size_t body_buffer = 64 * 1024;
constexpr std::size_t body_progress = 256 * 1024;   // has to arrive within each body_timeout
constexpr std::size_t body_pace = 2 * 1024 * 1024;  // of the largest one, on top of the first body_timeout
constexpr std::size_t small_body = 64 * 1024;       // has room that large ones cannot take
constexpr std::size_t max_lingering = 8 * 1024 * 1024;
constexpr milliseconds linger_time{2'000};

// The kernel would take megabytes for a reader that does not read, beyond any limit of ours.
using NotSentLowWater = asio::detail::socket_option::integer<IPPROTO_TCP, TCP_NOTSENT_LOWAT>;
constexpr int websocket_not_sent = 64 * 1024;

bool is_plain_http(const ErrorCode& failed) {
  return failed.category() == asio::error::get_ssl_category() &&
         ERR_GET_REASON(static_cast<unsigned long>(failed.value())) == SSL_R_HTTP_REQUEST;
}

Error overloaded() {
  return {Fault::unavailable, "server_busy", "too much is being uploaded at once; try again", seconds{1}};
}

}  // namespace

Connection::Connection(Shard& shard, Socket socket, Peer peer, Admission::Usage* usage)
    : shard_(shard),
      socket_(std::move(socket)),
      peer_(std::move(peer)),
      usage_(usage),
      parser_(shard.common.options.max_header),
      place_(shard.connections.insert(shard.connections.end(), this)) {}

Connection::~Connection() {
  release_body();
  shard_.connections.erase(place_);
}

void Connection::expire(SteadyTime now) {
  if (now < deadline_) return;
  deadline_ = SteadyTime::max();
  expired_ = true;
  ErrorCode ignored;
  raw().cancel(ignored);
}

void Connection::begin_drain() {
  if (idle_) expire(SteadyTime::max());
}

async::Task<std::optional<Upgraded>> Connection::serve() {
  if (shard_.common.options.tls && !co_await shake_hands()) co_return std::nullopt;
  while (!shard_.draining && co_await serve_one() == Next::request) {
  }
  co_return std::move(upgraded_);
}

async::Task<bool> Connection::shake_hands() {
  const auto context = shard_.common.options.tls->context();
  tls_ = std::make_unique<TlsStream>(std::move(socket_), *context);
  peer_.secure = true;
  allow(shard_.common.options.header_timeout);
  const auto [failed] = co_await tls_->async_handshake(TlsStream::server, as_result);
  deadline_ = SteadyTime::max();
  if (!failed) co_return true;
  if (is_plain_http(failed)) {
    // Whoever forgot the s is told so, in the language that they speak.
    socket_ = std::move(tls_->next_layer());
    tls_.reset();
    peer_.secure = false;
    co_await reject(400, malformed("plain_http_on_tls_port", "this port speaks TLS: use https:// or wss://"));
  }
  co_return false;
}

async::Task<Connection::Next> Connection::serve_one() {
  parser_.reset();
  head_.clear();
  release_body();
  if (begin_ == end_ && capacity_ > initial_buffer) {
    buffer_.reset();
    capacity_ = begin_ = end_ = 0;
  }

  if (!co_await read_header()) co_return Next::close;
  Request& request = parser_.request();
  request.ids = RequestIds::of(request.headers);
  if (parser_.state() == RequestParser::State::failed)
    co_return co_await reject(parser_.status(), parser_.error());
  request.peer = peer_;
  request.shard = shard_.index;
  request.received = std::chrono::steady_clock::now();
  shard_.common.requests.fetch_add(1, std::memory_order_relaxed);

  if (parser_.state() == RequestParser::State::body && !co_await read_body()) co_return Next::close;
  if (parser_.state() == RequestParser::State::failed)
    co_return co_await reject(parser_.status(), parser_.error());

  deadline_ = SteadyTime::max();  // the handler keeps its own
  std::optional<Response> response;
  try {
    response = co_await shard_.common.handler(request);
  } catch (const std::exception&) {
    if (async::is_cancellation(std::current_exception())) throw;
    log::unhandled("http.handler_failed", std::current_exception(),
                   {{"requestId", request.ids.request_id},
                    {"traceId", request.ids.trace.trace_id()},
                    {"path", request.path}});
  }
  if (!response)
    response = shard_.common.render(500, internal("internal_error", "the server failed to answer"), &request);
  co_return co_await respond(request, std::move(*response));
}

// False when there is nothing to answer: the peer left, or was idle too long.
async::Task<bool> Connection::read_header() {
  const auto& options = shard_.common.options;
  idle_ = true;
  allow(options.idle_timeout);
  for (;;) {
    feed();
    if (parser_.started() && idle_) {
      idle_ = false;
      allow(options.header_timeout);
    }
    if (parser_.state() != RequestParser::State::header) co_return true;
    if (!co_await read_some()) {
      if (expired_ && parser_.started() && !shard_.draining)
        co_await reject(408,
                        {Fault::timed_out, "header_timeout", "the request's header did not arrive in time"});
      co_return false;
    }
  }
}

async::Task<bool> Connection::read_body() {
  const auto& options = shard_.common.options;
  Request& request = parser_.request();
  const std::size_t limit =
      options.max_body_for ? options.max_body_for(request.method, request.path) : options.max_body;
  parser_.accept_body(limit);
  if (parser_.state() == RequestParser::State::failed) co_return true;
  if (parser_.expects_continue() && unread().empty() && !co_await write("HTTP/1.1 100 Continue\r\n\r\n", {}))
    co_return false;

  allow(options.body_timeout);
  const SteadyTime whole_by =
      deadline_ + options.body_timeout * static_cast<milliseconds::rep>(limit) / body_pace;
  for (std::size_t milestone = body_progress;;) {
    feed();
    const std::size_t size = request.body.size();
    if (!may_hold(size, limit)) {
      co_await reject(503, overloaded());
      co_return false;
    }
    if (parser_.state() != RequestParser::State::body) co_return true;
    if (size >= milestone) {
      milestone = size + body_progress;
      allow(options.body_timeout);
      deadline_ = std::min(deadline_, whole_by);
    }
    if (size > initial_buffer) reserve(body_buffer);
    if (!co_await read_some()) {
      if (expired_)
        co_await reject(408, {Fault::timed_out, "body_timeout", "the request's body did not arrive in time"});
      co_return false;
    }
  }
}

async::Task<Connection::Next> Connection::respond(const Request& request, Response response) {
  if (response.is_upgrade()) {
    if (request.websocket && unread().empty()) {
      co_await upgrade(request, std::move(response));
      co_return Next::close;
    }
    response = shard_.common.render(
        426, malformed("websocket_required", "this address speaks WebSocket (RFC 6455, version 13) only"),
        &request);
    response.headers.set("Upgrade", "websocket");
    response.headers.set("Sec-WebSocket-Version", "13");
  }
  const bool keep = parser_.state() == RequestParser::State::done && parser_.keep_alive() &&
                    !shard_.draining && !response.headers.has_token("Connection", "close");
  using Framing = ResponseFraming::Connection;
  const bool said = request.headers.has_token("Connection", "keep-alive");
  append_response_head(head_, response,
                       {.date = shard_.date(),
                        .common_headers = shard_.common.options.common_headers,
                        .connection = !keep  ? Framing::close
                                      : said ? Framing::keep_alive
                                             : Framing::implied});
  const bool bodiless = request.method == Method::head || response.status == 204 || response.status == 304;
  bool sent = false;
  if (bodiless)
    sent = co_await write(head_, {});
  else if (const auto* text = std::get_if<std::string>(&response.body))
    sent = co_await write(head_, *text);
  else if (const auto* shared = std::get_if<Response::Shared>(&response.body))
    sent = co_await write(head_, *shared ? std::string_view{**shared} : std::string_view{});
  else if (const auto* source = std::get_if<Source>(&response.body))
    sent = co_await write(head_, {}) && co_await write_source(*source, request.ids);
  if (sent && !keep) co_await linger();
  co_return sent&& keep ? Next::request : Next::close;
}

async::Task<Connection::Next> Connection::reject(int status, const Error& error) {
  Request& request = parser_.request();
  if (request.ids.request_id.empty()) request.ids = RequestIds::of(request.headers);  // not all of it came
  Response response = shard_.common.render(status, error, &request);
  response.headers.set("Connection", "close");
  if (status == 405) response.headers.set("Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
  if (error.retry_after) response.headers.set("Retry-After", std::to_string(error.retry_after->count()));
  expired_ = false;
  head_.clear();
  release_body();
  co_return co_await respond(request, std::move(response));
}

async::Task<> Connection::upgrade(const Request& request, Response response) {
  deadline_ = SteadyTime::max();  // the WebSocket keeps its own
  const auto& options = shard_.common.options;
  auto& limits = std::get<Upgrade>(response.body).limits;
  limits.max_queued = std::min(limits.max_queued, options.max_websocket_queue);
  limits.ping_interval = std::min(limits.ping_interval, options.websocket_ping);
  ErrorCode ignored;
  raw().set_option(NotSentLowWater{websocket_not_sent}, ignored);
  auto& queues = shard_.common.queues;
  auto impl =
      tls_ ? co_await accept_websocket(std::move(*tls_), request, response, options.common_headers, queues)
           : co_await accept_websocket(std::move(socket_), request, response, options.common_headers, queues);
  if (!impl) co_return;
  upgraded_ = Upgraded{
      .impl = std::move(impl), .upgrade = std::move(std::get<Upgrade>(response.body)), .path = request.path};
}

async::Task<bool> Connection::write(std::string_view head, std::string_view body) {
  allow(shard_.common.options.write_timeout);
  while (!head.empty() || !body.empty()) {
    const std::array<asio::const_buffer, 2> parts{asio::buffer(head), asio::buffer(body)};
    const auto [failed, written] = tls_ ? co_await tls_->async_write_some(parts, as_result)
                                        : co_await socket_.async_write_some(parts, as_result);
    if (failed) co_return false;
    const auto of_head = std::min(written, head.size());
    head.remove_prefix(of_head);
    body.remove_prefix(written - of_head);
    if (!head.empty() || !body.empty()) allow(shard_.common.options.write_timeout);
  }
  deadline_ = SteadyTime::max();
  co_return true;
}

async::Task<bool> Connection::write_source(const Source& source, const RequestIds& ids) {
  for (std::uint64_t done = 0; done < source.length;) {
    const auto piece = co_await source.next();
    if (!piece || piece->empty() || piece->size() > source.length - done) {
      log::error("http.source_failed", {{"requestId", ids.request_id},
                                        {"traceId", ids.trace.trace_id()},
                                        {"at", done},
                                        {"error", piece ? "wrong length" : piece.error().code}});
      co_return false;
    }
    if (!co_await write({}, *piece)) co_return false;
    done += piece->size();
  }
  co_return true;
}

async::Task<bool> Connection::read_some() {
  if (begin_ == end_) begin_ = end_ = 0;
  if (!buffer_) reserve(initial_buffer);
  if (end_ == capacity_) {
    if (begin_ > 0) {
      std::memmove(buffer_.get(), buffer_.get() + begin_, end_ - begin_);
      end_ -= begin_;
      begin_ = 0;
    } else if (capacity_ < std::max(body_buffer, shard_.common.options.max_header + initial_buffer)) {
      reserve(capacity_ * 2);
    } else {
      co_return false;  // one piece of framing larger than any limit
    }
  }
  const auto room = asio::buffer(buffer_.get() + end_, capacity_ - end_);
  const auto [failed, size] = tls_ ? co_await tls_->async_read_some(room, as_result)
                                   : co_await socket_.async_read_some(room, as_result);
  if (failed) co_return false;
  end_ += size;
  co_return true;
}

// Closing with unread input makes TCP reset, which can take the answer back from the peer.
async::Task<> Connection::linger() {
  allow(linger_time);
  // With TLS the peer has to be told inside as well, or it takes the end for a cut.
  if (tls_) {
    co_await tls_->async_shutdown(as_result);
    if (expired_) co_return;
  }
  ErrorCode failed;
  raw().shutdown(tcp::socket::shutdown_send, failed);
  if (tls_) co_return;
  for (std::size_t discarded = 0; !failed && discarded < max_lingering && !expired_;) {
    begin_ = end_ = 0;
    if (!co_await read_some()) co_return;
    discarded += end_;
  }
}

// Nobody has to say who they are before a body is read: so no subscriber has more than an eighth of the room
// (or one body), and an eighth is left to small ones, which nobody has to wait for.
bool Connection::may_hold(std::size_t body, std::size_t limit) {
  const std::size_t more = body - std::exchange(body_held_, body);
  const std::size_t all = shard_.common.body_bytes.fetch_add(more, std::memory_order_relaxed) + more;
  const std::size_t own = usage_ ? usage_->body_bytes.fetch_add(more, std::memory_order_relaxed) + more : 0;
  const std::size_t room = shard_.common.options.max_bodies;
  if (body <= small_body) return all <= room;
  return all <= room - room / 8 && own <= std::max(room / 8, limit);
}

// An idle or refused connection holds no body, however large its last one was.
void Connection::release_body() {
  std::string& body = parser_.request().body;
  body.clear();
  if (body.capacity() > body_buffer) body.shrink_to_fit();
  const std::size_t held = std::exchange(body_held_, 0);
  shard_.common.body_bytes.fetch_sub(held, std::memory_order_relaxed);
  if (usage_) usage_->body_bytes.fetch_sub(held, std::memory_order_relaxed);
}

void Connection::feed() {
  if (begin_ < end_) begin_ += parser_.feed(unread());
}

void Connection::reserve(std::size_t capacity) {
  if (capacity <= capacity_) return;
  auto larger = std::make_unique_for_overwrite<char[]>(capacity);
  if (begin_ < end_) std::memcpy(larger.get(), buffer_.get() + begin_, end_ - begin_);
  end_ -= begin_;
  begin_ = 0;
  buffer_ = std::move(larger);
  capacity_ = capacity;
}

}  // namespace voxanne::net
