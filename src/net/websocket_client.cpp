#include "net/websocket_client.h"

#include "async/deadline.h"
#include "net/network.h"
#include "net/url.h"
#include "net/websocket_stream.h"

#include <boost/asio/connect.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/websocket/rfc6455.hpp>

namespace voxanne::net {

namespace {

namespace http = boost::beast::http;
namespace websocket = boost::beast::websocket;
using Resolver = asio::ip::basic_resolver<tcp, async::Executor>;
using Impl = std::shared_ptr<WebSocket::Impl>;

// The handshake of RFC 6455 on a layer that is connected.
template <class Layer>
async::Task<Result<Impl>> shake_hands(Layer layer, const Url& url, const WebSocketClientOptions& options) {
  auto impl = std::make_shared<WebSocketStream<Layer>>(std::move(layer), options.limits, nullptr);
  impl->stream().set_option(websocket::stream_base::decorator([&options](websocket::request_type& request) {
    for (const auto& [name, value] : options.headers) request.set(name, value);
    if (!options.subprotocol.empty()) request.set(http::field::sec_websocket_protocol, options.subprotocol);
  }));
  websocket::response_type response;
  const auto [refused] =
      co_await impl->stream().async_handshake(response, url.authority(), url.target(), as_result);
  impl->stream().set_option(websocket::stream_base::decorator([](websocket::request_type&) {}));
  if (refused == websocket::error::upgrade_declined)
    co_return Error{Fault::forbidden, "websocket_refused",
                    "the server answered " + std::to_string(response.result_int()) + " " + response.body()};
  if (refused) co_return unavailable("connect_failed", "the handshake failed: " + refused.message());
  co_return Impl{std::move(impl)};
}

// Who is there must show a certificate for the URL's host that this machine trusts (SSL_CERT_FILE adds to
// whom it does).
async::Task<Result<TlsWire>> secure(Socket socket, const Url& url, asio::ssl::context& context) {
  TlsStream stream{std::move(socket), context};
  stream.set_verify_callback(asio::ssl::host_name_verification{url.host});
  if (!IpAddress::parse(url.host)) SSL_set_tlsext_host_name(stream.native_handle(), url.host.c_str());
  const auto [failed] = co_await stream.async_handshake(TlsStream::client, as_result);
  if (failed) {
    const long verdict = SSL_get_verify_result(stream.native_handle());
    co_return unavailable(
        "tls_failed", "no secure connection to " + url.authority() + ": " +
                          (verdict == X509_V_OK ? failed.message() : X509_verify_cert_error_string(verdict)));
  }
  co_return TlsWire{std::move(stream)};
}

async::Task<Result<Impl>> open(Url url, const WebSocketClientOptions& options, asio::ssl::context* context) {
  const auto executor = co_await asio::this_coro::executor;
  Resolver resolver{executor};
  const auto [unresolved, endpoints] =
      co_await resolver.async_resolve(url.host, std::to_string(url.port), as_result);
  if (unresolved)
    co_return unavailable("connect_failed", "cannot resolve " + url.host + ": " + unresolved.message());
  Socket socket{executor};
  const auto [unreached, endpoint] = co_await asio::async_connect(socket, endpoints, as_result);
  if (unreached)
    co_return unavailable("connect_failed",
                          "cannot connect to " + url.authority() + ": " + unreached.message());
  ErrorCode ignored;
  socket.set_option(tcp::no_delay{true}, ignored);
  if (!context) co_return co_await shake_hands(Wire{std::move(socket)}, url, options);
  auto wire = co_await secure(std::move(socket), url, *context);
  if (!wire) co_return wire.error();
  co_return co_await shake_hands(std::move(*wire), url, options);
}

// Ends the connection with the group of whoever made it.
async::Task<> hold(Impl impl) {
  struct Ends {
    WebSocket::Impl& impl;
    ~Ends() { impl.finish({Fault::cancelled, "websocket_closed", "the connection was dropped"}); }
  } const ends{*impl};
  co_await impl->ended();
}

// An SSL object keeps what it needs of its context alive.
Result<std::unique_ptr<asio::ssl::context>> client_context() {
  auto context = std::make_unique<asio::ssl::context>(asio::ssl::context::tls_client);
  SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
  ErrorCode failed;
  context->set_default_verify_paths(failed);
  if (!failed) context->set_verify_mode(asio::ssl::verify_peer, failed);
  if (failed) return unavailable("tls_failed", "no certificates to trust: " + failed.message());
  return context;
}

}  // namespace

async::Task<Result<std::unique_ptr<WebSocket>>> connect_websocket(async::TaskGroup& tasks, std::string text,
                                                                  WebSocketClientOptions options) {
  auto url = parse_url(text);
  if (!url) co_return url.error();
  if (url->scheme != "ws" && url->scheme != "wss")
    co_return malformed("bad_url", "a WebSocket's URL begins with ws:// or wss://");
  std::unique_ptr<asio::ssl::context> context;
  if (url->scheme == "wss") {
    auto made = client_context();
    if (!made) co_return made.error();
    context = std::move(*made);
  }
  async::SystemClock clock;
  const auto deadline = async::Deadline::after(clock, options.connect_timeout);
  auto impl = co_await async::with_deadline(clock, deadline, open(std::move(*url), options, context.get()));
  if (!impl && impl.error().kind == Fault::timed_out)
    co_return timed_out("connect_timed_out", "the WebSocket did not open in time");
  if (!impl) co_return impl.error();
  (*impl)->run();
  tasks.spawn(hold(*impl));
  co_return std::make_unique<WebSocket>(std::move(*impl));
}

}  // namespace voxanne::net
