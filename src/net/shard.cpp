#include "net/shard.h"

#include "base/json_text.h"
#include "net/connection.h"
#include "net/response_text.h"

#include <algorithm>

namespace voxanne::net {

std::optional<Admission::Permit> Admission::enter(const std::optional<std::string>& subscriber) {
  Subscriber* place = nullptr;
  {
    const std::lock_guard lock{mutex_};
    if (connections_ >= max_) return std::nullopt;
    if (subscriber) {
      place = &*subscribers_.try_emplace(*subscriber).first;
      if (place->second.connections >= max_per_subscriber_) return std::nullopt;
      ++place->second.connections;
    }
    ++connections_;
  }
  return Permit{shared_from_this(), place};
}

void Admission::leave(Subscriber* subscriber) {
  const std::lock_guard lock{mutex_};
  --connections_;
  if (subscriber && --subscriber->second.connections == 0)
    subscribers_.erase(subscribers_.find(subscriber->first));
}

std::size_t Admission::connections() const {
  const std::lock_guard lock{mutex_};
  return connections_;
}

Response Common::render(int status, const Error& error, const Request* request) const {
  if (options.render_error) return options.render_error(status, error, request);
  std::string text = R"({"error":)";
  append_json_string(text, error.message);
  text += R"(,"code":)";
  append_json_string(text, error.code);
  text += '}';
  return Response::json(status, std::move(text));
}

namespace {

async::Task<> carry(Shard& shard, Socket socket, Peer peer, Place place) {
  auto connection = std::make_unique<Connection>(shard, std::move(socket), std::move(peer), place.usage());
  auto upgraded = co_await connection->serve();
  connection.reset();
  if (upgraded) run_websocket(shard, std::move(*upgraded), std::move(place));
}

}  // namespace

void Shard::open(Socket socket, Peer peer, Admission::Permit permit) {
  if (draining) return;
  tasks.spawn(carry(*this, std::move(socket), std::move(peer), Place{connection_count, std::move(permit)}));
}

async::Task<> Shard::sweep() {
  // One timer for all connections: a deadline is kept to within an eighth of the shortest one.
  const auto& o = common.options;
  const milliseconds shortest = std::min({o.header_timeout, o.body_timeout, o.idle_timeout, o.write_timeout});
  const milliseconds interval = std::clamp(shortest / 8, milliseconds{5}, milliseconds{500});
  async::SteadyTimer timer{executor};
  for (;;) {
    timer.expires_after(interval);
    co_await timer.async_wait(async::use_task);
    const auto now = std::chrono::steady_clock::now();
    for (Connection* connection : connections) connection->expire(now);
  }
}

async::Task<bool> Shard::drain(SteadyTime deadline, milliseconds patience) {
  draining = true;
  for (Connection* connection : connections) connection->begin_drain();
  for (WebSocket* socket : websockets) socket->close(close_code::going_away, shutting_down);
  async::SteadyTimer timer{executor};
  const auto until = [&](SteadyTime end, auto done) -> async::Task<> {
    while (!done() && std::chrono::steady_clock::now() < end) {
      timer.expires_after(milliseconds{5});
      co_await timer.async_wait(async::use_task);
    }
  };
  co_await until(deadline, [&] { return connections.empty() && websockets.empty(); });
  tasks.cancel();
  for (WebSocket* socket : websockets) socket->abort();
  const auto all_gone = [this] { return tasks.empty() && attached.empty(); };
  co_await until(std::chrono::steady_clock::now() + patience, all_gone);
  co_return all_gone();
}

std::string_view Shard::date() {
  const std::time_t now = std::time(nullptr);
  if (now != date_time_) {
    date_time_ = now;
    date_ = http_date(now);
  }
  return date_;
}

}  // namespace voxanne::net
