// kill -9 at fifty points of a call, from before it rings until after it was filed: after the next
// start no call is without a verdict, and every recording plays and is at most a second short of what
// was talked. Every other call is a browser's, whose caller's own clock says how long that was; the
// others are placed to the built-in callee, and there it counts from the event that says so.
#include "audio/wav.h"
#include "support/http.h"
#include "support/live.h"
#include "support/raw_client.h"
#include "support/server.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <mutex>
#include <optional>
#include <thread>

namespace voxanne::test {
namespace {

namespace json = boost::json;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
using Moment = std::optional<steady_clock::time_point>;

constexpr int points = 50;
constexpr milliseconds step{175};  // the built-in callee hangs up after 8 s
constexpr milliseconds browser_hangs_up{7'000};
constexpr int at_a_time = 5;

struct Outcome {
  std::string failure;
  bool answered = false, recorded = false;
  double missing = 0;
};

bool says(const json::object& event, std::string_view type, std::string_view text = {}) {
  return event.at("type").as_string() == type && json::serialize(event).find(text) != std::string::npos;
}

// A call from a browser that listens; its caller notes when it was answered.
class BrowserCall {
 public:
  explicit BrowserCall(const Server& server) : client_{static_cast<std::uint16_t>(server.port())} {
    if (client_.open_websocket("/ws/web-call?assistantId=test-assistant-123").status != 101)
      throw std::runtime_error("the browser's call was refused");
    client_.send_frame(1, R"({"type":"subscribe"})");
    client_.send_frame(1, R"({"type":"start"})");
    reader_ = std::thread{[this] { read(); }};
  }
  ~BrowserCall() { reader_.join(); }  // the server is gone or the call has ended
  void hang_up() { client_.send_frame(1, R"({"type":"hangup"})"); }
  Moment answered() const {
    const std::lock_guard lock{mutex_};
    return answered_;
  }

 private:
  void read() {
    for (;;) {
      const RawFrame frame = client_.read_frame();
      if (frame.opcode == -1 || frame.opcode == 8) return;
      if (frame.opcode != 1 || frame.payload.find("\"ready\"") == std::string::npos) continue;
      const std::lock_guard lock{mutex_};
      answered_ = steady_clock::now();
    }
  }

  RawClient client_;
  mutable std::mutex mutex_;
  Moment answered_;
  std::thread reader_;
};

double seconds_between(const Moment& from, const Moment& to) {
  return from && to ? std::chrono::duration<double>(*to - *from).count() : 0;
}

// What is wrong with the call after the restart; empty when nothing is.
std::string judge(Server& server, double talked, Outcome& out) {
  const json::value page = http_get(server.url("/api/calls-dashboard")).json();
  const auto& calls = page.at("calls").as_array();
  if (calls.empty() && talked == 0) return "";  // killed before a browser's call began
  if (calls.size() != 1) return "there are " + std::to_string(calls.size()) + " calls";
  const auto& call = calls.front();
  const std::string text = json::serialize(call);
  if (call.at("status").as_string() != "ended" && call.at("status").as_string() != "failed")
    return "no verdict: " + text;
  if (!call.at("endedReason").is_string()) return "no reason: " + text;
  out.answered = call.at("answeredAt").is_string();
  // A call that had ended before knows best how long it was.
  if (call.at("endedReason").as_string() != "worker-shutdown" && call.at("duration").is_number())
    talked = call.at("duration").to_number<double>();
  const std::string id{call.at("id").as_string()};
  const auto link = http_get(server.url("/api/calls/" + id + "/recording?format=wav"));
  if (link.status == 404)
    return talked > 1.0 ? "no recording though " + std::to_string(talked) + " s were talked" : "";
  if (link.status != 200) return "the recording's link is " + std::to_string(link.status) + " " + link.body;
  const auto file = http_get(std::string{link.json().at("recordingUrl").as_string()});
  if (file.status != 200)
    return "the recording does not play: " + std::to_string(file.status) + " " + file.body.substr(0, 200);
  if (file.body.size() <= audio::wav_header_size) return "the recording is empty";
  // Stereo, 16 bit; a stored recording plays at another rate than its spool.
  std::uint32_t rate = 0;
  std::memcpy(&rate, file.body.data() + 24, sizeof rate);
  const double seconds = double(file.body.size() - audio::wav_header_size) / (4.0 * rate);
  out.recorded = true;
  out.missing = talked - seconds;
  if (out.missing > 1.0)
    return std::to_string(seconds) + " s are recorded of " + std::to_string(talked) + " s talked";
  return "";
}

void restart_and_judge(Server& server, const Moment& answered, const Moment& ended, Outcome& out) {
  const Moment killed = steady_clock::now();
  server.process().signal(SIGKILL);
  server.process().wait(std::chrono::seconds{5});
  server.start();
  out.failure = judge(server, seconds_between(answered, ended ? ended : killed), out);
}

Outcome kill_placed_call_at(milliseconds point) {
  Outcome out;
  Server server;
  Live live{server.ws_url("/ws/live-calls")};
  const auto placed = http_post_json(
      server.url("/api/calls"),
      json::parse(
          R"({"assistantId":"test-assistant-123","phoneNumberId":"test-phone-123","customer":{"number":"+447700900000"}})"));
  if (placed.status != 200) {
    out.failure = "the call was not placed: " + placed.body;
    return out;
  }
  Moment answered;
  // Nothing is waited for but the point, which counts from the moment the call was placed.
  live.wait_for(
      [&](const json::object& event) {
        if (!answered && says(event, "call.updated", R"("status":"in-progress")"))
          answered = steady_clock::now();
        return false;
      },
      point);
  restart_and_judge(server, answered, {}, out);
  return out;
}

Outcome kill_browser_call_at(milliseconds point) {
  Outcome out;
  Server server;
  BrowserCall call{server};
  Moment hung_up;
  if (point > browser_hangs_up) {
    std::this_thread::sleep_for(browser_hangs_up);
    hung_up = steady_clock::now();
    call.hang_up();
    std::this_thread::sleep_for(point - browser_hangs_up);
  } else {
    std::this_thread::sleep_for(point);
  }
  restart_and_judge(server, call.answered(), hung_up, out);
  return out;
}

Outcome kill_at(int point) {
  try {
    return point % 2 == 0 ? kill_placed_call_at(point * step) : kill_browser_call_at(point * step);
  } catch (const std::exception& e) {
    Outcome out;
    out.failure = e.what();
    return out;
  }
}

TEST(KillSweep, no_call_is_without_verdict_and_no_recording_is_lost) {
  std::vector<Outcome> outcomes(points);
  std::atomic<int> next{0};
  std::vector<std::thread> workers;
  for (int i = 0; i < at_a_time; ++i)
    workers.emplace_back([&] {
      for (int point; (point = next++) < points;) outcomes[std::size_t(point)] = kill_at(point);
    });
  for (auto& worker : workers) worker.join();
  int answered = 0, recorded = 0;
  double worst = 0;
  for (int point = 0; point < points; ++point) {
    const Outcome& out = outcomes[std::size_t(point)];
    EXPECT_EQ(out.failure, "") << "killed at " << (point * step).count() << " ms";
    answered += out.answered;
    recorded += out.recorded;
    worst = std::max(worst, out.missing);
  }
  EXPECT_GT(answered, points / 2) << "the sweep reaches into the call";
  EXPECT_GT(recorded, points / 2);
  std::printf("kill sweep: %d kills, %d recordings, at most %.0f ms missing\n", points, recorded,
              worst * 1'000);
}

}  // namespace
}  // namespace voxanne::test
