// Beast's WebSocket stream below WebSocket::Impl, over any byte stream (a socket, TLS on one).
// Private to net; included only where a connection is made.
#pragma once

#include "net/tls_stream.h"
#include "net/websocket_impl.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/stream_traits.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <boost/beast/websocket/teardown.hpp>

#include <algorithm>
#include <functional>

namespace voxanne::net {

// A socket that says when Beast begins to tear it down, which it does by waiting for the peer's FIN
// without any bound of its own.
struct Wire : Socket {
  explicit Wire(Socket socket) : Socket(std::move(socket)) {}
  std::function<void()> on_teardown;
};

struct TlsWire : TlsStream {
  explicit TlsWire(TlsStream stream) : TlsStream(std::move(stream)) {}
  std::function<void()> on_teardown;
};

template <class Handler>
void async_teardown(boost::beast::role_type role, Wire& wire, Handler&& handler) {
  if (wire.on_teardown) wire.on_teardown();
  boost::beast::websocket::async_teardown(role, static_cast<Socket&>(wire), std::forward<Handler>(handler));
}

template <class Handler>
void async_teardown(boost::beast::role_type role, TlsWire& wire, Handler&& handler) {
  if (wire.on_teardown) wire.on_teardown();
  boost::beast::async_teardown(role, static_cast<TlsStream&>(wire), std::forward<Handler>(handler));
}

template <class Layer>
class WebSocketStream final : public WebSocket::Impl {
 public:
  using Stream = boost::beast::websocket::stream<Layer, false>;  // no permessage-deflate

  WebSocketStream(Layer layer, const WebSocketLimits& l, std::shared_ptr<QueueBudget> budget)
      : Impl(layer.get_executor(), l, std::move(budget)), stream_(std::move(layer)) {
    stream_.read_message_max(l.max_message);
    stream_.auto_fragment(false);
    stream_.set_option(boost::beast::websocket::stream_base::timeout{
        .handshake_timeout = l.close_timeout,  // of opening; closing is bounded by on_teardown
        .idle_timeout = boost::beast::websocket::stream_base::none(),
        .keep_alive_pings = false});
    stream_.control_callback([this](auto kind, auto) {
      this->heard();
      if (kind == boost::beast::websocket::frame_type::close) note_peer_code();
    });
    stream_.next_layer().on_teardown = [this] { this->begin_teardown(); };
  }

  Stream& stream() noexcept { return stream_; }

 private:
  auto self() { return std::static_pointer_cast<WebSocketStream>(this->shared_from_this()); }
  auto tell_sent() {
    return [self = self()](const ErrorCode& failed, std::size_t = 0) { self->sent(failed); };
  }

  void start_receive() override {
    incoming_.clear();
    buffer_.emplace(incoming_);
    receive_part(expected_);
  }

  // Of the message at most `size` bytes: what is made ready for more is held by every idle connection.
  void receive_part(std::size_t size) {
    stream_.async_read_some(*buffer_, size, [self = self()](const ErrorCode& failed, std::size_t) {
      if (failed) return self->received(self->error_of(failed));
      if (!self->stream_.is_message_done()) return self->receive_part(large_part);
      self->expected_ = std::clamp(self->incoming_.size(), small_part, large_part);
      Message message{self->stream_.got_text() ? Kind::text : Kind::binary, std::move(self->incoming_)};
      self->received(std::move(message));
    });
  }

  void start_send(const Outgoing& message) override {
    stream_.binary(message.kind == Kind::binary);
    stream_.async_write(asio::buffer(*message.data), tell_sent());
  }

  void start_ping() override { stream_.async_ping({}, tell_sent()); }

  void start_close(std::uint16_t code, std::string_view reason) override {
    const boost::beast::websocket::close_reason words{
        static_cast<boost::beast::websocket::close_code>(code),
        boost::beast::string_view{reason.data(), reason.size()}};
    stream_.async_close(words, tell_sent());
  }

  void drop(bool at_once) override {
    ErrorCode ignored;
    if (at_once)
      boost::beast::get_lowest_layer(stream_).set_option(asio::socket_base::linger{true, 0}, ignored);
    boost::beast::get_lowest_layer(stream_).close(ignored);
  }

  void note_peer_code() {
    peer_code = stream_.reason().code;
    if (peer_code == 0) peer_code = close_code::none;
  }

  // Beast has answered a protocol violation with its close frame by the time it reports one.
  Error error_of(const ErrorCode& failed) {
    namespace websocket = boost::beast::websocket;
    if (failed == websocket::error::closed) {
      note_peer_code();
      return {Fault::cancelled, "websocket_closed", "the peer closed the connection"};
    }
    if (failed == websocket::error::message_too_big || failed == websocket::error::buffer_overflow) {
      our_code = close_code::too_big;
      return {Fault::too_large, "message_too_large",
              "a message may have " + std::to_string(limits.max_message) + " bytes"};
    }
    if (failed == websocket::error::bad_frame_payload || failed == websocket::condition::protocol_violation) {
      our_code = failed == websocket::error::bad_frame_payload ? close_code::invalid_payload
                                                               : close_code::protocol_error;
      return malformed("websocket_protocol", "the peer broke the protocol: " + failed.message());
    }
    return unavailable("websocket_lost", "the connection broke: " + failed.message());
  }

  static constexpr std::size_t small_part = 128, large_part = 4 * 1024;

  Stream stream_;
  std::string incoming_;
  std::size_t expected_ = small_part;  // bytes of the next message: as many as the last one had
  std::optional<asio::dynamic_string_buffer<char, std::char_traits<char>, std::allocator<char>>> buffer_;
};

}  // namespace voxanne::net
