#include "net/server.h"

#include "async/thread.h"
#include "base/log.h"
#include "net/response_text.h"
#include "net/shard.h"

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/use_future.hpp>

#include <fcntl.h>
#include <sys/socket.h>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

namespace voxanne::net {

namespace {

using Acceptor = asio::basic_socket_acceptor<tcp, async::Executor>;

constexpr int backlog = 1024;
constexpr int accepts_per_wake = 64;
constexpr std::size_t max_refused_open = 64;
constexpr milliseconds out_of_descriptors_pause{100};
constexpr milliseconds cancel_patience{2'000};

Peer peer_of(const tcp::endpoint& endpoint) {
  auto address = endpoint.address();
  if (address.is_v6() && address.to_v6().is_v4_mapped())
    address = asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
  if (address.is_v6()) address = asio::ip::address_v6{address.to_v6().to_bytes()};  // without its zone
  return {.address = address.to_string(), .port = endpoint.port(), .loopback = address.is_loopback()};
}

Error listen_error(const ErrorCode& code, const std::string& host, std::uint16_t port) {
  const std::string where = host + ":" + std::to_string(port);
  if (code == asio::error::address_in_use)
    return {Fault::conflict, "port_in_use",
            where + " is in use by another program; stop it (`ss -ltnp 'sport = :" + std::to_string(port) +
                "'` names it) or set PORT to a free port"};
  if (code == asio::error::access_denied)
    return {Fault::forbidden, "port_not_permitted",
            "listening on " + where +
                " is not permitted: ports below 1024 need CAP_NET_BIND_SERVICE; "
                "set PORT to 1024 or above"};
  if (code == boost::system::errc::address_not_available || code == asio::error::address_family_not_supported)
    return malformed("bad_listen_address", where +
                                               " is not an address of this machine; set HOST to one that is, "
                                               "127.0.0.1 or 0.0.0.0");
  return unavailable("listen_failed", "cannot listen on " + where + ": " + code.message());
}

}  // namespace

struct Server::Impl {
  Impl(Options options, const std::vector<async::Executor>& executors, Handler handler)
      : admission(std::make_shared<Admission>(options.max_connections, options.max_connections_per_address)),
        acceptor(executors.at(0)) {
    common.queues = std::make_shared<QueueBudget>(options.max_websocket_queues);
    common.options = std::move(options);
    common.handler = std::move(handler);
    for (unsigned i = 0; i < executors.size(); ++i)
      shards.push_back(std::make_unique<Shard>(common, executors[i], i));
  }

  Result<> listen();
  async::Task<> accept_all();
  void deal(int descriptor);
  void refuse(Socket socket);
  Shard& least_loaded();

  Common common;
  std::shared_ptr<Admission> admission;
  Acceptor acceptor;
  std::vector<std::unique_ptr<Shard>> shards;
  std::size_t turn = 0;
  std::deque<Socket> refused_open;  // until the peer has had time to read why
  std::uint16_t port = 0;
  bool running = false;
  bool abandoned = false;  // something of it still runs and may never end
};

Result<> Server::Impl::listen() {
  const auto& options = common.options;
  ErrorCode failed;
  auto address = asio::ip::make_address(options.host == "localhost" ? "127.0.0.1" : options.host, failed);
  if (failed)
    return malformed("bad_listen_address",
                     "HOST must be an IP address or localhost, not \"" + options.host + "\"");
  const tcp::endpoint endpoint{address, options.port};
  const auto error = [&] { return listen_error(failed, options.host, options.port); };
  acceptor.open(endpoint.protocol(), failed);
  if (failed) return error();
  ::fcntl(acceptor.native_handle(), F_SETFD, FD_CLOEXEC);
  acceptor.set_option(asio::socket_base::reuse_address{true}, failed);
  if (!failed && address.is_v6() && address.is_unspecified())
    acceptor.set_option(asio::ip::v6_only{false}, failed);
  if (!failed) acceptor.bind(endpoint, failed);
  if (!failed) acceptor.listen(backlog, failed);
  if (!failed) acceptor.non_blocking(true, failed);
  if (failed) {
    const auto why = error();
    ErrorCode ignored;
    acceptor.close(ignored);
    return why;
  }
  port = acceptor.local_endpoint().port();
  return {};
}

async::Task<> Server::Impl::accept_all() {
  async::SteadyTimer pause{acceptor.get_executor()};
  for (;;) {
    co_await acceptor.async_wait(tcp::acceptor::wait_read, async::use_task);
    for (int i = 0; i < accepts_per_wake; ++i) {
      // Asio's own accept leaves out SOCK_CLOEXEC: child processes would inherit every connection.
      const int descriptor =
          ::accept4(acceptor.native_handle(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
      if (descriptor >= 0) {
        deal(descriptor);
        continue;
      }
      if (errno == EAGAIN || errno == EWOULDBLOCK) break;
      if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        log::error("http.accept_failed", {{"error", std::strerror(errno)}});
        pause.expires_after(out_of_descriptors_pause);
        co_await pause.async_wait(async::use_task);
        break;
      }
    }
  }
}

Shard& Server::Impl::least_loaded() {
  ++turn;
  Shard* best = nullptr;
  for (std::size_t i = 0; i < shards.size(); ++i) {
    Shard& candidate = *shards[(turn + i) % shards.size()];
    if (!best || candidate.connection_count < best->connection_count) best = &candidate;
  }
  return *best;
}

void Server::Impl::deal(int descriptor) {
  common.accepted.fetch_add(1, std::memory_order_relaxed);
  Shard& shard = least_loaded();
  const auto protocol = acceptor.local_endpoint().protocol();
  Socket socket{shard.executor};
  ErrorCode failed;
  socket.assign(protocol, descriptor, failed);
  if (failed) {
    ::close(descriptor);
    return;
  }
  socket.set_option(tcp::no_delay{true}, failed);
  const auto endpoint = socket.remote_endpoint(failed);
  if (failed) return;  // gone already
  Peer peer = peer_of(endpoint);
  const auto ip = IpAddress::parse(peer.address).value();
  const bool shared = std::ranges::any_of(common.options.shared_addresses,
                                          [&](const Network& network) { return network.contains(ip); });
  auto permit = admission->enter(shared ? std::nullopt : std::optional{ip.subscriber()});
  if (!permit) return refuse(std::move(socket));
  asio::post(shard.executor,
             [&shard, s = std::move(socket), p = std::move(peer), a = std::move(*permit)]() mutable {
               shard.open(std::move(s), std::move(p), std::move(a));
             });
}

void Server::Impl::refuse(Socket socket) {
  common.refused.fetch_add(1, std::memory_order_relaxed);
  // A handshake is work that whoever is refused shall not cause, and who waits for one reads no clear text.
  if (common.options.tls) return;
  const Error error{Fault::unavailable, "too_many_connections",
                    "too many connections are open; close some or try again"};
  Response response = common.render(503, error, nullptr);
  response.headers.set("Retry-After", "5");
  std::string answer;
  append_response_head(answer, response,
                       {.date = http_date(std::time(nullptr)),
                        .common_headers = common.options.common_headers,
                        .connection = ResponseFraming::Connection::close});
  if (const auto* body = std::get_if<std::string>(&response.body)) answer += *body;
  static_cast<void>(
      ::send(socket.native_handle(), answer.data(), answer.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
  ErrorCode ignored;
  socket.shutdown(tcp::socket::shutdown_send, ignored);
  refused_open.push_back(std::move(socket));
  if (refused_open.size() > max_refused_open) refused_open.pop_front();
}

Server::Server(Options options, std::vector<async::Executor> shards, Handler handler)
    : impl_(std::make_unique<Impl>(std::move(options), shards, std::move(handler))) {}

Server::~Server() {
  stop(milliseconds{0});
  if (!impl_->abandoned) return;
  // Kept for ever, in a place where whoever looks for leaks finds it.
  static std::mutex mutex;
  static auto& abandoned = *new std::vector<std::unique_ptr<Impl>>;
  const std::lock_guard lock{mutex};
  abandoned.push_back(std::move(impl_));
}

Result<> Server::start() {
  if (auto listening = impl_->listen(); !listening) return listening;
  impl_->running = true;
  for (const auto& shard : impl_->shards) {
    Shard* const s = shard.get();
    asio::post(s->executor, [s] { s->tasks.spawn(s->sweep()); });
  }
  Shard* const first = impl_->shards.front().get();
  asio::post(first->executor, [first, impl = impl_.get()] { first->tasks.spawn(impl->accept_all()); });
  return {};
}

void Server::stop(milliseconds grace) {
  if (!std::exchange(impl_->running, false)) return;
  const auto deadline = std::chrono::steady_clock::now() + grace;
  const auto give_up = deadline + cancel_patience + cancel_patience;
  // The acceptor first, on its own loop: what it dealt is in the shards' queues before they drain.
  auto closed = asio::co_spawn(
      impl_->acceptor.get_executor(),
      [](Impl& impl) -> async::Task<> {
        ErrorCode ignored;
        impl.acceptor.close(ignored);
        impl.refused_open.clear();
        co_return;
      }(*impl_),
      asio::use_future);
  // A handler that blocks its loop keeps even this from running.
  bool ended = closed.wait_until(give_up) == std::future_status::ready;
  std::vector<std::future<bool>> drained;
  for (const auto& shard : impl_->shards)
    drained.push_back(
        asio::co_spawn(shard->executor, shard->drain(deadline, cancel_patience), asio::use_future));
  for (auto& each : drained)
    ended = each.wait_until(give_up) == std::future_status::ready && each.get() && ended;
  if (ended) return;
  impl_->abandoned = true;
  log::error("http.stop_incomplete", {{"connections", impl_->admission->connections()},
                                      {"notice", "handlers that ignore cancellation are abandoned"}});
}

std::uint16_t Server::port() const { return impl_->port; }

Server::Stats Server::stats() const {
  const Common& common = impl_->common;
  return {.accepted = common.accepted,
          .refused = common.refused,
          .requests = common.requests,
          .connections = impl_->admission->connections(),
          .websockets = common.websockets,
          .websocket_bytes_queued = common.queues->used,
          .body_bytes = common.body_bytes};
}

}  // namespace voxanne::net
