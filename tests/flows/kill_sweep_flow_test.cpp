// kill -9 at fifty points of a call, from before it rings until after it was filed: after the next
// start no call is without a verdict, and every recording plays and is at most a second short.
#include "audio/wav.h"
#include "support/http.h"
#include "support/live.h"
#include "support/server.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include <thread>

namespace voxanne::test {
namespace {

namespace json = boost::json;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr int points = 50;
constexpr milliseconds step{175};  // the synthetic callee hangs up after 8 s
constexpr int at_a_time = 5;

struct Outcome {
  std::string failure;
  bool answered = false, recorded = false;
};

// What is wrong with the call after the restart; empty when nothing is.
std::string judge(Server& server, double talked, Outcome& out) {
  const json::value page = http_get(server.url("/api/calls-dashboard")).json();
  const auto& calls = page.at("calls").as_array();
  if (calls.size() != 1) return "there are " + std::to_string(calls.size()) + " calls";
  const auto& call = calls.front();
  const std::string text = json::serialize(call);
  if (call.at("status").as_string() != "ended" && call.at("status").as_string() != "failed")
    return "no verdict: " + text;
  if (!call.at("endedReason").is_string()) return "no reason: " + text;
  out.answered = call.at("answeredAt").is_string();
  const std::string id{call.at("id").as_string()};
  const auto link = http_get(server.url("/api/calls/" + id + "/recording?format=wav"));
  if (link.status == 404)
    return talked > 1.0 ? "no recording though " + std::to_string(talked) + " s were talked" : "";
  if (link.status != 200) return "the recording's link is " + std::to_string(link.status) + " " + link.body;
  const auto file = http_get(std::string{link.json().at("recordingUrl").as_string()});
  if (file.status != 200)
    return "the recording does not play: " + std::to_string(file.status) + " " + file.body.substr(0, 200);
  if (file.body.size() <= audio::wav_header_size) return "the recording is empty";
  // Stereo, 16 bit, at the callee's 8 kHz.
  const double seconds = double(file.body.size() - audio::wav_header_size) / (4.0 * 8'000);
  out.recorded = true;
  if (seconds < talked - 1.0)
    return std::to_string(seconds) + " s are recorded of at least " + std::to_string(talked) + " s talked";
  return "";
}

Outcome kill_at(milliseconds point) {
  Outcome out;
  try {
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
    // The point counts from the moment the call was placed.
    live.wait_for([](const json::object& event) { return event.at("type").as_string() == "never"; }, point);
    // When it was answered, as the server told it: what was talked since then must not be lost.
    double talked = 0;
    for (const auto& event : live.all())
      if (event.at("type").as_string() == "call.updated" &&
          json::serialize(event).find("\"status\":\"in-progress\"") != std::string::npos)
        talked = std::max(0.0, double(point.count()) / 1'000.0 - 0.6);
      else if (event.at("type").as_string() == "call.ended")
        talked = 6.0;
    server.process().signal(SIGKILL);
    server.process().wait(std::chrono::seconds{5});
    server.start();
    out.failure = judge(server, std::min(talked, 6.0), out);
  } catch (const std::exception& e) {
    out.failure = e.what();
  }
  return out;
}

TEST(KillSweep, no_call_is_without_verdict_and_no_recording_is_lost) {
  std::vector<Outcome> outcomes(points);
  std::atomic<int> next{0};
  std::vector<std::thread> workers;
  for (int i = 0; i < at_a_time; ++i)
    workers.emplace_back([&] {
      for (int point; (point = next++) < points;) outcomes[std::size_t(point)] = kill_at(point * step);
    });
  for (auto& worker : workers) worker.join();
  int answered = 0, recorded = 0;
  for (int point = 0; point < points; ++point) {
    const Outcome& out = outcomes[std::size_t(point)];
    EXPECT_EQ(out.failure, "") << "killed at " << (point * step).count() << " ms";
    answered += out.answered;
    recorded += out.recorded;
  }
  EXPECT_GT(answered, points / 2) << "the sweep reaches into the call";
  EXPECT_GT(recorded, points / 2);
}

}  // namespace
}  // namespace voxanne::test
