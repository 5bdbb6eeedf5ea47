#include "support/live.h"

#include "support/patience.h"

#include <stdexcept>

namespace voxanne::test {

Live::Live(const std::string& ws_url, std::string token) {
  async::asio::post(loop_.executor(),
                    [this, ws_url, token = std::move(token)] { tasks_.spawn(follow(ws_url, token)); });
  if (!wait_for_type("subscribed", std::chrono::seconds{10}))
    throw std::runtime_error("the live events of " + ws_url + " could not be subscribed to");
}

Live::~Live() {
  auto end = [](Live& live) -> async::Task<> {
    if (live.socket_) live.socket_->abort();
    co_await live.tasks_.stop();
    live.socket_.reset();
  };
  async::run_on(loop_.executor(), end(*this));
}

async::Task<> Live::follow(std::string url, std::string token) {
  auto connected = co_await net::connect_websocket(tasks_, url, {});
  if (connected.has_error()) co_return;
  socket_ = std::move(*connected);
  boost::json::object subscribe{{"type", "subscribe"}};
  if (!token.empty()) subscribe["token"] = token;
  socket_->send(boost::json::serialize(subscribe));
  for (;;) {
    auto message = co_await socket_->read();
    if (message.has_error()) co_return;
    const std::lock_guard lock{mutex_};
    events_.push_back(boost::json::parse(message->data).as_object());
    changed_.notify_all();
  }
}

std::optional<boost::json::object> Live::wait_for(
    const std::function<bool(const boost::json::object&)>& wanted, std::chrono::milliseconds limit) {
  std::optional<boost::json::object> found;
  std::size_t next = 0;
  std::unique_lock lock{mutex_};
  changed_.wait_for(lock, patient(limit), [&] {
    for (; next < events_.size(); ++next)
      if (wanted(events_[next])) {
        found = events_[next];
        return true;
      }
    return false;
  });
  return found;
}

std::optional<boost::json::object> Live::wait_for_type(const std::string& type,
                                                       std::chrono::milliseconds limit) {
  return wait_for([&](const boost::json::object& event) { return event.at("type").as_string() == type; },
                  limit);
}

std::vector<boost::json::object> Live::all() const {
  const std::lock_guard lock{mutex_};
  return events_;
}

}  // namespace voxanne::test
