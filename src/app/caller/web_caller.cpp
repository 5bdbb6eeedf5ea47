#include "app/caller/web_caller.h"

#include "async/deadline.h"
#include "async/task_group.h"
#include "async/wait.h"
#include "net/websocket_client.h"

#include <boost/json.hpp>

#include <cmath>
#include <cstring>

namespace voxanne::app {
namespace {

namespace json = boost::json;

constexpr std::size_t samples_in_slot = audio::samples_per_frame(audio::wideband);

class WebCaller {
 public:
  WebCaller(async::Executor executor, async::Clock& clock, Talker& talker, OnLine on_line,
            milliseconds longest_ringing)
      : clock_(clock),
        longest_ringing_(longest_ringing),
        talker_(talker),
        on_line_(std::move(on_line)),
        ready_(executor),
        answered_(executor),
        ended_(executor),
        tasks_(executor, "caller.web") {}

  async::Task<Result<CallerOutcome>> run(std::string url, std::string token) {
    dialled_ = clock_.now();
    auto connected = co_await net::connect_websocket(tasks_, std::move(url), {});
    if (connected.has_error()) co_return connected.error();
    socket_ = std::move(*connected);
    json::object subscribe{{"type", "subscribe"}};
    if (!token.empty()) subscribe["token"] = token;
    socket_->send(json::serialize(subscribe));
    socket_->send(R"({"type":"start"})");
    tasks_.spawn(listen());
    tasks_.spawn(speak());
    if (!co_await async::wait_until(clock_, async::Deadline::after(clock_, longest_ringing_), answered_))
      refused_ = Error{Fault::timed_out, "call_not_answered",
                       "the server took the connection and never the call: is it a Voxanne?"};
    else
      co_await ended_.wait();
    socket_->close();
    co_await tasks_.stop();
    if (refused_) co_return *refused_;
    co_return outcome_;
  }

 private:
  async::Task<> listen() {
    for (;;) {
      auto message = co_await socket_->read();
      if (message.has_error()) break;
      if (message->kind == net::Kind::binary)
        take_audio(message->data);
      else
        take_event(message->data);
    }
    if (!ready_.is_set())
      refused_ = unavailable("call_refused", "the server closed the call before it began, with code " +
                                                 std::to_string(socket_->closed_with()));
    else if (!ended_.is_set() && !talker_.done())
      outcome_.broken = unavailable("call_broken", "the call broke off: the server closed it with code " +
                                                       std::to_string(socket_->closed_with()));
    ended_.set();
    answered_.set();
  }

  async::Task<> speak() {
    co_await ready_.wait();
    for (auto next = clock_.now(); !ended_.is_set(); next += milliseconds{audio::frame_ms}) {
      co_await clock_.sleep_until(next);
      audio::Frame heard, said;
      heard.rate = said.rate = audio::wideband;
      if (playout_.size() >= samples_in_slot) {
        std::copy_n(playout_.begin(), samples_in_slot, heard.pcm.begin());
        playout_.erase(playout_.begin(), playout_.begin() + std::ptrdiff_t(samples_in_slot));
        heard.kind = audio::Frame::Kind::voice;
      } else if (outcome_.media.received > 0) {
        ++outcome_.media.concealed;
      }
      talker_.exchange(heard, said);
      std::string packet(samples_in_slot * sizeof(audio::Sample), '\0');
      std::memcpy(packet.data(), said.pcm.data(), packet.size());
      if (!socket_->send(std::move(packet), net::Kind::binary)) break;
      ++outcome_.media.sent;
      if (talker_.done()) {
        socket_->send(R"({"type":"hangup"})");
        break;
      }
    }
  }

  void take_audio(const std::string& data) {
    const SteadyTime now = clock_.now();
    if (outcome_.media.received++ > 0) {
      // RFC 3550 §6.4.1, with the sender's spacing taken as exact.
      const double late =
          std::chrono::duration<double, std::milli>(now - last_arrival_).count() - audio::frame_ms;
      outcome_.media.jitter_ms += (std::abs(late) - outcome_.media.jitter_ms) / 16;
    }
    last_arrival_ = now;
    std::vector<audio::Sample> samples(data.size() / sizeof(audio::Sample));
    std::memcpy(samples.data(), data.data(), samples.size() * sizeof(audio::Sample));
    playout_.insert(playout_.end(), samples.begin(), samples.end());
  }

  void take_event(const std::string& text) {
    boost::system::error_code bad;
    const json::value value = json::parse(text, bad);
    if (bad || !value.is_object()) return;
    const auto& event = value.as_object();
    const auto word = [&](const char* key) -> std::string {
      const auto* found = event.if_contains(key);
      return found && found->is_string() ? std::string{found->as_string()} : std::string{};
    };
    const std::string type = word("type");
    if (type == "ready") {
      outcome_.call_id = word("callId");
      outcome_.set_up = std::chrono::ceil<milliseconds>(clock_.now() - dialled_);
      ready_.set();
      answered_.set();
    } else if (type == "clear") {
      playout_.clear();
    } else if (type == "mark") {
      socket_->send(text);  // played: the far end learns how far behind we are
    } else if (type == "transcript.final") {
      if (on_line_) on_line_({word("speaker"), word("text")});
    } else if (type == "ended") {
      outcome_.ended = word("reason");
      ended_.set();
    }
  }

  async::Clock& clock_;
  const milliseconds longest_ringing_;
  Talker& talker_;
  OnLine on_line_;
  std::unique_ptr<net::WebSocket> socket_;
  std::deque<audio::Sample> playout_;
  SteadyTime dialled_{}, last_arrival_{};
  CallerOutcome outcome_;
  std::optional<Error> refused_;
  async::Event ready_, answered_, ended_;  // answered: by yes or no
  async::TaskGroup tasks_;
};

}  // namespace

async::Task<Result<CallerOutcome>> call_over_web(async::Clock& clock, std::string url, std::string token,
                                                 Talker& talker, OnLine on_line,
                                                 milliseconds longest_ringing) {
  WebCaller caller{co_await async::asio::this_coro::executor, clock, talker, std::move(on_line),
                   longest_ringing};
  co_return co_await caller.run(std::move(url), std::move(token));
}

}  // namespace voxanne::app
