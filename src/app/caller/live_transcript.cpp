#include "app/caller/live_transcript.h"

#include "async/wait.h"
#include "net/websocket_client.h"

#include <boost/json.hpp>

namespace voxanne::app {
namespace {

namespace json = boost::json;

std::string text_at(const json::value& value, std::string_view pointer) {
  boost::system::error_code absent;
  const json::value* found = value.find_pointer(pointer, absent);
  return found && found->is_string() ? std::string{found->as_string()} : std::string{};
}

}  // namespace

LiveTranscript::LiveTranscript(async::TaskGroup& tasks, async::Clock& clock, std::string caller,
                               OnLine on_line)
    : tasks_(tasks),
      clock_(clock),
      caller_(std::move(caller)),
      on_line_(std::move(on_line)),
      subscribed_(tasks.executor()),
      ended_(tasks.executor()) {}

async::Task<Result<>> LiveTranscript::connect(std::string api, std::string token) {
  const auto scheme = api.find("://");
  if (!api.starts_with("http") || scheme == std::string::npos)
    co_return malformed("bad_usage", "--api must be an http:// or https:// address");
  const std::string url = (api.starts_with("https") ? "wss" : "ws") + api.substr(scheme) + "/ws/live-calls";
  auto connected = co_await net::connect_websocket(tasks_, url, {});
  if (connected.has_error()) co_return connected.error();
  socket_ = std::move(*connected);
  json::object subscribe{{"type", "subscribe"}};
  if (!token.empty()) subscribe["token"] = token;
  socket_->send(json::serialize(subscribe));
  tasks_.spawn(follow());
  const auto deadline = async::Deadline::after(clock_, 5s);
  static_cast<void>(co_await async::wait_until(clock_, deadline, subscribed_));
  if (!socket_->open() || !subscribed_.is_set())
    co_return unavailable("not_subscribed",
                          "the server did not show its live events; a token may be missing");
  co_return Result<>{};
}

async::Task<> LiveTranscript::finish(async::Deadline deadline) {
  static_cast<void>(co_await async::wait_until(clock_, deadline, ended_));
  socket_->close();
}

async::Task<> LiveTranscript::follow() {
  for (;;) {
    const auto message = co_await socket_->read();
    if (message.has_error()) break;
    take(message->data);
  }
  subscribed_.set();
  ended_.set();
}

void LiveTranscript::take(const std::string& text) {
  boost::system::error_code bad;
  const json::value event = json::parse(text, bad);
  if (bad) return;
  const std::string type = text_at(event, "/type");
  if (type == "subscribed") return subscribed_.set();
  if (type == "call.started" && text_at(event, "/data/customer/number") == caller_)
    call_id_ = text_at(event, "/callId");
  if (call_id_.empty() || text_at(event, "/callId") != call_id_) return;
  if (type == "transcript.final") on_line_({text_at(event, "/data/speaker"), text_at(event, "/data/text")});
  if (type == "call.ended") ended_.set();
}

}  // namespace voxanne::app
