#include "net/websocket_accept.h"

#include "net/websocket_stream.h"

#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>

namespace voxanne::net {

namespace {

namespace http = boost::beast::http;
namespace websocket = boost::beast::websocket;

boost::beast::string_view beast_view(std::string_view text) { return {text.data(), text.size()}; }

// "Name: value\r\n" lines, as the server's options hold them.
void add_lines(http::fields& fields, std::string_view lines) {
  while (!lines.empty()) {
    const auto end = std::min(lines.find("\r\n"), lines.size());
    const auto line = lines.substr(0, end);
    if (const auto colon = line.find(':'); colon != std::string_view::npos)
      fields.set(beast_view(line.substr(0, colon)),
                 beast_view(line.substr(std::min(colon + 2, line.size()))));
    lines.remove_prefix(std::min(end + 2, lines.size()));
  }
}

template <class Layer>
async::Task<std::shared_ptr<WebSocket::Impl>> accept(Layer layer, const Request& request,
                                                     const Response& response, std::string_view common,
                                                     std::shared_ptr<QueueBudget> budget) {
  const Upgrade& upgrade = std::get<Upgrade>(response.body);
  http::request<http::empty_body> handshake{http::verb::get, beast_view(request.target), 11};
  for (const auto name : {http::field::host, http::field::connection, http::field::upgrade,
                          http::field::sec_websocket_key, http::field::sec_websocket_version})
    handshake.set(name, beast_view(request.headers.get(std::string_view{http::to_string(name)})));

  auto impl = std::make_shared<WebSocketStream<Layer>>(std::move(layer), upgrade.limits, std::move(budget));
  impl->stream().set_option(websocket::stream_base::decorator([&](websocket::response_type& answer) {
    answer.set(http::field::server, "voxanne");  // else Beast names its version
    add_lines(answer, common);
    for (std::size_t i = 0; i < response.headers.size(); ++i)
      answer.set(beast_view(response.headers[i].name), beast_view(response.headers[i].value));
    if (!upgrade.subprotocol.empty())
      answer.set(http::field::sec_websocket_protocol, beast_view(upgrade.subprotocol));
  }));
  const auto [failed] = co_await impl->stream().async_accept(handshake, as_result);
  // The decorator refers to this frame.
  impl->stream().set_option(websocket::stream_base::decorator([](websocket::response_type&) {}));
  if (failed) co_return nullptr;
  impl->ids = request.ids;
  co_return impl;
}

}  // namespace

async::Task<std::shared_ptr<WebSocket::Impl>> accept_websocket(Socket socket, const Request& request,
                                                               const Response& response,
                                                               std::string_view common,
                                                               std::shared_ptr<QueueBudget> budget) {
  return accept(Wire{std::move(socket)}, request, response, common, std::move(budget));
}

async::Task<std::shared_ptr<WebSocket::Impl>> accept_websocket(TlsStream stream, const Request& request,
                                                               const Response& response,
                                                               std::string_view common,
                                                               std::shared_ptr<QueueBudget> budget) {
  return accept(TlsWire{std::move(stream)}, request, response, common, std::move(budget));
}

}  // namespace voxanne::net
