#include "net/websocket_client.h"

#include "async/deadline.h"
#include "net/url.h"
#include "net/websocket_stream.h"

#include <boost/asio/connect.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/websocket/rfc6455.hpp>

namespace voxanne::net {

namespace {

namespace http = boost::beast::http;
namespace websocket = boost::beast::websocket;
using Resolver = asio::ip::basic_resolver<tcp, async::Executor>;
using Impl = std::shared_ptr<WebSocket::Impl>;

async::Task<Result<Impl>> open(Url url, const WebSocketClientOptions& options) {
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

  auto impl = std::make_shared<WebSocketStream<Wire>>(Wire{std::move(socket)}, options.limits, nullptr);
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

}  // namespace

async::Task<Result<std::unique_ptr<WebSocket>>> connect_websocket(async::TaskGroup& tasks, std::string text,
                                                                  WebSocketClientOptions options) {
  auto url = parse_url(text);
  if (!url) co_return url.error();
  if (url->scheme != "ws") co_return malformed("bad_url", "a WebSocket's URL begins with ws://");
  async::SystemClock clock;
  const auto deadline = async::Deadline::after(clock, options.connect_timeout);
  auto impl = co_await async::with_deadline(clock, deadline, open(std::move(*url), options));
  if (!impl && impl.error().kind == Fault::timed_out)
    co_return timed_out("connect_timed_out", "the WebSocket did not open in time");
  if (!impl) co_return impl.error();
  (*impl)->run(tasks);
  co_return std::make_unique<WebSocket>(std::move(*impl));
}

}  // namespace voxanne::net
