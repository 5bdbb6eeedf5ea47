#include "support/browser_caller.h"

#include "support/patience.h"

#include <boost/json.hpp>

#include <pthread.h>
#include <sched.h>

#include <cstring>
#include <stdexcept>
#include <thread>

namespace voxanne::test {

namespace json = boost::json;

namespace {

constexpr int some_of_it = 60;  // frames of 20 ms: a few words

bool is_sound(const std::string& frame) {
  for (std::size_t at = 0; at + sizeof(audio::Sample) <= frame.size(); at += sizeof(audio::Sample)) {
    audio::Sample sample = 0;
    std::memcpy(&sample, frame.data() + at, sizeof sample);
    if (sample > 500 || sample < -500) return true;
  }
  return false;
}

// As a browser's audio thread runs, where that is permitted: speech with holes in it is not understood.
void run_in_real_time(bool yes) {
  const sched_param parameters{.sched_priority = yes ? 1 : 0};
  ::pthread_setschedparam(::pthread_self(), yes ? SCHED_RR : SCHED_OTHER, &parameters);
}

}  // namespace

BrowserCaller::BrowserCaller(const std::string& ws_url) {
  async::asio::post(loop_.executor(), [this, ws_url] {
    run_in_real_time(true);
    tasks_.spawn(follow(ws_url));
  });
  std::unique_lock lock{mutex_};
  if (!changed_.wait_for(lock, patient(std::chrono::seconds{10}), [this] { return !call_id_.empty(); }))
    throw std::runtime_error("the call to " + ws_url + " did not begin");
}

BrowserCaller::~BrowserCaller() {
  auto end = [](BrowserCaller& caller) -> async::Task<> {
    if (caller.socket_) caller.socket_->abort();
    co_await caller.tasks_.stop();
    caller.socket_.reset();
  };
  async::run_on(loop_.executor(), end(*this));
}

async::Task<> BrowserCaller::follow(std::string url) {
  auto connected = co_await net::connect_websocket(tasks_, url, {});
  if (connected.has_error()) co_return;
  socket_ = std::move(*connected);
  socket_->send(R"({"type":"subscribe"})");
  socket_->send(R"({"type":"start"})");
  for (;;) {
    auto message = co_await socket_->read();
    if (message.has_error()) co_return;
    if (message->kind != net::Kind::text) {
      const std::lock_guard lock{mutex_};
      sounded_ += is_sound(message->data);
      changed_.notify_all();
      continue;
    }
    const auto event = json::parse(message->data).as_object();
    const auto& type = event.at("type").as_string();
    const std::lock_guard lock{mutex_};
    if (type == "ready") call_id_ = event.at("callId").as_string();
    if (type == "transcript.final" && event.at("speaker").as_string() == "assistant")
      heard_.emplace_back(event.at("text").as_string());
    if (type == "transcript.partial" && event.at("speaker").as_string() == "assistant")
      begun_.emplace_back(event.at("text").as_string(), sounded_);
    changed_.notify_all();
  }
}

bool BrowserCaller::wait_for_words(const std::string& words, std::chrono::milliseconds limit) {
  return wait_for_any_of({words}, limit).has_value();
}

std::optional<std::string> BrowserCaller::wait_for_any_of(const std::vector<std::string>& words,
                                                          std::chrono::milliseconds limit) {
  std::unique_lock lock{mutex_};
  std::optional<std::string> found;
  changed_.wait_for(lock, patient(limit), [&] {
    while (seen_ < heard_.size()) {
      const auto& turn = heard_[seen_++];
      for (const auto& one : words)
        if (turn.find(one) != std::string::npos) return found = one, true;
    }
    return false;
  });
  return found;
}

bool BrowserCaller::wait_for_beginning(const std::string& words, std::chrono::milliseconds limit) {
  std::unique_lock lock{mutex_};
  return changed_.wait_for(lock, limit, [&] {
    for (; begun_seen_ < begun_.size(); ++begun_seen_) {
      const auto& [text, sounded] = begun_[begun_seen_];
      if (text.find(words) != std::string::npos) return sounded_ - sounded >= some_of_it;
    }
    return false;
  });
}

void BrowserCaller::send(std::string text, net::Kind kind) {
  async::asio::post(loop_.executor(), [this, text = std::move(text), kind]() mutable {
    if (socket_) socket_->send(std::move(text), kind);
  });
}

void BrowserCaller::press(const std::string& digits) {
  send(json::serialize(json::object{{"type", "dtmf"}, {"digits", digits}}));
}

void BrowserCaller::say(const std::vector<audio::Sample>& samples) {
  const auto size = audio::samples_per_frame(audio::wideband);
  run_in_real_time(true);
  auto due = std::chrono::steady_clock::now();
  for (std::size_t at = 0; at + size <= samples.size(); at += size) {
    send({reinterpret_cast<const char*>(samples.data() + at), size * sizeof(audio::Sample)},
         net::Kind::binary);
    std::this_thread::sleep_until(due += std::chrono::milliseconds{audio::frame_ms});
  }
  run_in_real_time(false);
}

std::string BrowserCaller::leave_a_message(std::vector<audio::Sample> sentence, const std::string& number,
                                           std::chrono::milliseconds limit) {
  press("0");
  const auto asked = wait_for_any_of({"after the tone", "type the number"}, limit);
  if (!asked) return "after the tone";
  if (*asked == "type the number") return confirm_number(number, limit);  // nothing is recorded
  // The tone sounds a while longer, and what follows the sentence shows that it has ended.
  sentence.insert(sentence.begin(), audio::wideband, 0);
  sentence.resize(sentence.size() + audio::wideband);
  say(sentence);
  press("#");
  if (!wait_for_beginning("type the number", limit)) return "type the number";
  return confirm_number(number, limit);
}

std::string BrowserCaller::confirm_number(const std::string& number, std::chrono::milliseconds limit) {
  press(number + "#");
  if (!wait_for_beginning("Press 1 if that is right", limit)) return "Press 1 if that is right";
  press("1");
  return "";
}

void BrowserCaller::hang_up() { send(R"({"type":"hangup"})"); }

std::vector<std::string> BrowserCaller::heard() const {
  const std::lock_guard lock{mutex_};
  return heard_;
}

}  // namespace voxanne::test
