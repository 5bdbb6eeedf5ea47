// The server's side of the opening handshake (RFC 6455 §4.2.2). Private to net.
#pragma once

#include "net/tls_stream.h"
#include "net/websocket_impl.h"

#include <memory>

namespace voxanne::net {

// Answers the handshake in `request` with 101, the response's own fields and `common` header lines.
// Null when the peer went away meanwhile.
async::Task<std::shared_ptr<WebSocket::Impl>> accept_websocket(Socket socket, const Request& request,
                                                               const Response& response,
                                                               std::string_view common,
                                                               std::shared_ptr<QueueBudget> budget);
async::Task<std::shared_ptr<WebSocket::Impl>> accept_websocket(TlsStream stream, const Request& request,
                                                               const Response& response,
                                                               std::string_view common,
                                                               std::shared_ptr<QueueBudget> budget);

}  // namespace voxanne::net
