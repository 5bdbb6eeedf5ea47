// The HTTP/1.1 and WebSocket server. One acceptor deals sockets to the web shards (SO_REUSEPORT
// would let a second server bind the same port silently); a connection stays on its shard.
//
//   Server server{options, {shard0.executor(), shard1.executor()}, handler};
//   if (auto started = server.start(); !started) …     // port in use: says which, and the remedy
//   …
//   server.stop(10s);      // no new connections, in-flight requests finish, WebSockets close 1001
//
// Owner: app, which also owns the shards' threads and stops them after the server. start() and
// stop() are called from outside the shards; stop() blocks. Requests on one connection are
// answered in order; a request with conflicting or doubtful framing (RFC 9112 §6.3, §11.2) is
// answered 400 and the connection closed, so that nothing can be smuggled past a proxy.
#pragma once

#include "net/http.h"
#include "net/network.h"

#include <atomic>
#include <memory>
#include <string>
#include <vector>

namespace voxanne::net {

class TlsIdentity;  // net/tls_identity.h

class Server {
 public:
  struct Options {
    std::string host = "127.0.0.1";
    std::uint16_t port = 0;              // 0: any free one; see port()
    std::size_t max_header = 16 * 1024;  // bytes of request line and fields; over: 431
    std::size_t max_body = 1024 * 1024;  // bytes; over: 413
    // A route's own limit, e.g. 26 MiB for an upload; called with method and raw path.
    std::function<std::size_t(Method, std::string_view path)> max_body_for{};
    // Bytes held by all requests together; over: 503. Of one subscriber an eighth, or one body as large as
    // its route takes; an eighth is kept for bodies up to 64 KiB, of whomever.
    std::size_t max_bodies = 512 * 1024 * 1024;
    std::size_t max_connections = 16'384;
    std::size_t max_connections_per_address = 2'048;  // or IPv6 /64; over either: 503 (TLS: nothing), close
    std::vector<Network> shared_addresses{};          // proxies: many clients each, so without such limits
    milliseconds header_timeout{10'000};              // first byte to the end of the header: then 408
    // For each 256 KiB of a body, so that slow-loris ends; for all of it once, and again for each 2 MiB that
    // its route takes.
    milliseconds body_timeout{30'000};
    milliseconds idle_timeout{60'000};   // between requests on a kept-alive connection
    milliseconds write_timeout{30'000};  // without any progress of a response
    // Upper bounds of every upgrade's own limits.
    std::size_t max_websocket_queue = 1024 * 1024;         // bytes waiting in one WebSocket
    std::size_t max_websocket_queues = 256 * 1024 * 1024;  // in all of them together
    milliseconds websocket_ping{20'000};
    // Header lines put into every response, each ending in CRLF (security headers).
    std::string common_headers{};
    // What an error the server itself finds is answered with (400, 405, 408, 413, 417, 426, 431, 500, 503);
    // `request` is what was read of it, null when nothing was. Default: {"error","code"} as JSON.
    std::function<Response(int status, const Error& error, const Request* request)> render_error{};
    // HTTPS and WSS instead of HTTP and WS. The handshake has to be done within header_timeout.
    std::shared_ptr<TlsIdentity> tls{};
  };

  struct Stats {
    std::uint64_t accepted = 0, refused = 0, requests = 0;
    std::size_t connections = 0, websockets = 0, websocket_bytes_queued = 0, body_bytes = 0;
  };

  Server(Options options, std::vector<async::Executor> shards, Handler handler);
  ~Server();  // stop(0s)
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Errors: conflict (port_in_use), malformed (bad_listen_address), forbidden (port_not_permitted),
  // unavailable (listen_failed).
  Result<> start();
  // Polite for `grace`, then firm: what runs is cancelled. Idempotent. A handler that does not end for
  // that either is abandoned a while later, and told of in the log; what it uses of the server's is then
  // never freed, and its loop must be stopped before what it uses besides.
  void stop(milliseconds grace);

  std::uint16_t port() const;  // the bound one
  Stats stats() const;         // any thread

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace voxanne::net
