#include "support/sockets/crowd.h"

#include "support/http.h"
#include "support/tokens/forge.h"

#include <array>
#include <ctime>
#include <future>
#include <thread>

namespace voxanne::test {

namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

const std::string secret = "the-secret-of-the-live-connections-test";
constexpr int large_calls = 45;
constexpr std::uint64_t enough_events = 3 * 1024 * 1024 / 2;  // over what a reader may be behind
constexpr std::size_t one_in_woken_late = 10;

// Calls whose every update carries 15 kB of metadata. Empty, or what was answered instead.
std::string place_large_calls(const Server& server) {
  const json::value body{{"assistantId", "test-assistant-123"},
                         {"phoneNumberId", "test-phone-123"},
                         {"customer", {{"number", "+447700900123"}}},
                         {"metadata", {{"note", std::string(15'000, 'n')}}}};
  for (int i = 0; i < large_calls; ++i) {
    const auto answer =
        http_post_json(server.url("/api/calls"), body, {"Authorization: Bearer " + crowd_token("demo")});
    if (answer.status != 200) return std::to_string(answer.status) + " " + answer.body + answer.error;
  }
  return {};
}

}  // namespace

std::map<std::string, std::string> crowd_environment(std::map<std::string, std::string> more) {
  more.insert({{"JWT_SECRET", secret},
               {"MAX_CONNECTIONS", "25000"},
               {"MAX_CONNECTIONS_PER_ADDRESS", "25000"},
               {"REQUESTS_PER_MINUTE", "0"},
               {"SPEECH_WORKERS", "1"}});
  return more;
}

std::string crowd_token(const std::string& org) {
  return forged_hs256(R"({"alg":"HS256","typ":"JWT"})",
                      json::serialize(json::object{{"sub", "user-1"},
                                                   {"app_metadata", {{"org_id", org}, {"role", "owner"}}},
                                                   {"exp", std::time(nullptr) + 3'600}}),
                      secret);
}

const std::string& crowd_secret() { return secret; }

Swarm::Options listeners(const Server& server, const std::string& org) {
  return crowd_clients(std::uint16_t(server.port()), org);
}

Swarm::Options crowd_clients(std::uint16_t port, const std::string& org) {
  return {.port = port,
          .subscribe = json::serialize(json::object{{"type", "subscribe"}, {"token", crowd_token(org)}})};
}

int publish_one(const Server& server, const std::string& org, int number) {
  return http({.method = "POST",
               .url = server.url("/api/knowledge-base/upload"),
               .headers = {"Authorization: Bearer " + crowd_token(org),
                           "Content-Type: multipart/form-data; boundary=x-x"},
               .body = "--x-x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.md\"\r\n"
                       "Content-Type: text/markdown\r\n\r\n# Note " +
                       std::to_string(number) + "\r\nThe answer is here.\r\n--x-x--\r\n"})
      .status;
}

std::string six_endings(const Server& server, std::size_t count) {
  constexpr std::array endings{Ending::clean, Ending::abrupt,     Ending::half_open,
                               Ending::slow,  Ending::bad_frames, Ending::never_subscribes};
  Swarm swarm{listeners(server, "demo")};
  std::size_t subscribing = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const auto ending = endings[i % endings.size()];
    swarm.add(1, ending);
    subscribing += ending != Ending::never_subscribes;
  }
  if (!swarm.run_until([&] { return swarm.subscribed() == subscribing; }, 90s))
    return std::to_string(swarm.subscribed()) + " of " + std::to_string(subscribing) + " subscribed\n" +
           said(swarm.wrong());

  // Sees the events come; on a thread of its own, because in the crowd's it would be a slow reader as well.
  Swarm witness{listeners(server, "demo")};
  witness.add(1, Ending::stays);
  if (!witness.run_until([&] { return witness.subscribed() == 1; }, 10s))
    return "nobody sees the events\n" + said(witness.wrong());
  auto seen = std::async(std::launch::async, [&] {
    return witness.run_until([&] { return witness.event_bytes() > enough_events; }, 60s);
  });
  auto flood = std::async(std::launch::async, [&] { return place_large_calls(server); });
  swarm.run_until([&] { return seen.wait_for(0s) == std::future_status::ready; }, 61s);
  if (!seen.get())
    return "only " + std::to_string(witness.event_bytes()) + " bytes of events came\n" + flood.get() +
           said(witness.wrong());
  // Longer than the server has patience with one who is far behind and reads nothing.
  swarm.run_until([] { return false; }, 1'500ms);
  swarm.wake_slow();
  if (!swarm.run_until([&] { return swarm.ended() == count; }, 60s))
    return std::to_string(swarm.ended()) + " of " + std::to_string(count) + " ended\n" + said(swarm.wrong());
  // The server waits five seconds for a slow reader to take its 1013. On a slow machine the events go on
  // for longer than that after the first was told, and he is reset, as he should be.
  auto wrong = swarm.wrong();
  const auto late = wrong.find("slow: 1006 Connection reset by peer");
  if (late != wrong.end() && late->second * one_in_woken_late <= swarm.ended(Ending::slow)) wrong.erase(late);
  return said(wrong) + flood.get();
}

double metric(const Server& server, const std::string& name) {
  const auto text = http_get(server.url("/metrics")).body;
  const auto at = text.find("\n" + name + " ");
  return at == text.npos ? -1 : std::stod(text.substr(at + name.size() + 2));
}

void settle(const Server& server) {
  for (int i = 0; i < 900; ++i) {
    if (metric(server, "voxanne_websocket_clients") == 0 && metric(server, "voxanne_calls_active") == 0)
      return;
    std::this_thread::sleep_for(100ms);
  }
}

std::string said(const std::map<std::string, std::size_t>& wrong) {
  std::string out;
  for (const auto& [how, times] : wrong) out += how + " × " + std::to_string(times) + "\n";
  return out;
}

}  // namespace voxanne::test
