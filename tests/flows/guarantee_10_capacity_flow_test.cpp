// Guarantee 10, capacity is known: offered more than it can serve, the built program refuses what is too
// much, says when to try again, and serves the rest as if nothing had happened.
#include "support/eventually.h"
#include "support/http.h"
#include "support/live.h"
#include "support/server.h"
#include "support/sip_phone.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <boost/json.hpp>

#include <thread>

namespace voxanne::test {
namespace {

namespace json = boost::json;
using std::chrono::milliseconds;
using std::chrono::seconds;

const json::value call_body = {{"assistantId", "test-assistant-123"},
                               {"phoneNumberId", "test-phone-123"},
                               {"customer", {{"number", "+447700900000"}}}};

HttpAnswer place(const Server& server) { return http_post_json(server.url("/api/calls"), call_body); }

// A phone whose call is ringing or refused.
SipMessage dial(SipPhone& phone) {
  phone.send(phone.request("INVITE", "demo", {.body = SipPhone::sdp()}));
  const auto answer = phone.response();
  phone.send(phone.request("ACK", "demo",
                           {.in_dialog = answer.status == 200, .same_transaction = answer.status != 200}));
  return answer;
}

std::unique_ptr<Process> loadtest(const Server& server, std::vector<std::string> options) {
  std::vector<std::string> command{voxanne_program(), "loadtest", "--json", "--api", server.url("")};
  command.insert(command.end(), options.begin(), options.end());
  return std::make_unique<Process>(Process::Options{.command = command, .environment = {}, .directory = {}});
}

// All that were refused, and for the one reason whose code this is.
void expect_refused(const json::object& seen, int count, const char* code) {
  const auto& refused = seen.at("refused").as_object();
  ASSERT_EQ(refused.size(), 1u) << refused;
  EXPECT_THAT(json::serialize(refused), testing::HasSubstr(code));
  EXPECT_EQ(refused.begin()->value().as_int64(), count);
  EXPECT_FALSE(seen.at("wellServed").as_bool());
  EXPECT_EQ(seen.at("complaint").as_string(), std::to_string(count) + " were refused or not answered");
}

std::string sip_of(const Server& server) {
  return "sip:demo@127.0.0.1:" + std::to_string(server.sip_udp_port());
}

double metric(const Server& server, const std::string& name) {
  const std::string text = "\n" + http_get(server.url("/metrics")).body;
  const auto at = text.find("\n" + name + " ");
  return at == std::string::npos ? -1 : std::stod(text.substr(at + name.size() + 2));
}

TEST(Capacity, at_120_percent_of_it_a_sixth_is_refused_and_the_others_hear_nothing_of_it) {
  Server server{{{"MAX_CALLS", "20"}}};
  const auto load =
      loadtest(server, {"--to", sip_of(server), "--calls", "24", "--duration", "6", "--codec", "pcmu"});
  EXPECT_EQ(load->wait(seconds{60}), 1) << "not every call was served: " << load->output();
  const auto seen = json::parse(load->out()).as_object();
  EXPECT_EQ(seen.at("placed").as_int64(), 24);
  EXPECT_EQ(seen.at("answered").as_int64(), 20) << load->output();
  expect_refused(seen, 4, "503");
  EXPECT_EQ(seen.at("brokenOff").as_int64(), 0);
  EXPECT_GE(seen.at("talkedSeconds").to_number<double>(), 20 * 6);
  EXPECT_EQ(seen.at("lost").as_int64(), 0);
  EXPECT_GT(seen.at("packets").as_int64(), 20 * 5 * 50);
  EXPECT_LT(seen.at("tickLagP99Ms").to_number<double>(), 5);
  EXPECT_EQ(seen.at("capacity").to_number<double>(), 20);
  EXPECT_EQ(metric(server, "voxanne_calls_refused_total{why=\"server_full\"}"), 4);

  // They were test calls: only who asks for those sees them, and no statistic counts them.
  const auto count = [&](const char* query) {
    return http_get(server.url(std::string{"/api/calls-dashboard?limit=100"} + query))
        .json()
        .at("calls")
        .as_array()
        .size();
  };
  EXPECT_EQ(count(""), 0u);
  EXPECT_EQ(count("&includeTest=true"), 20u);
  EXPECT_EQ(http_get(server.url("/api/calls-dashboard/stats")).json().at("totals").at("calls").as_int64(), 0);
}

TEST(Capacity, web_calls_have_the_same_limits) {
  Server server{{{"MAX_CALLS", "5"}}};
  const auto load = loadtest(server, {"--to", server.ws_url("/ws/web-call?assistantId=test-assistant-123"),
                                      "--calls", "6", "--duration", "5"});
  EXPECT_EQ(load->wait(seconds{60}), 1) << load->output();
  const auto seen = json::parse(load->out()).as_object();
  EXPECT_EQ(seen.at("answered").as_int64(), 5) << load->output();
  expect_refused(seen, 1, "1013");
  EXPECT_EQ(seen.at("brokenOff").as_int64(), 0);
}

TEST(Capacity, a_fifth_is_kept_for_who_calls_in) {
  Server server{{{"MAX_CALLS", "5"}}};
  for (int i = 0; i < 4; ++i) ASSERT_EQ(place(server).status, 200) << i;
  const auto refused = place(server);
  EXPECT_EQ(refused.status, 503) << refused.body;
  EXPECT_EQ(refused.json().at("code").as_string(), "over_capacity");
  EXPECT_GT(std::stoi(refused.headers.at("retry-after")), 0);
  SipPhone first{std::uint16_t(server.sip_udp_port()), SipPhone::udp},
      second{std::uint16_t(server.sip_udp_port()), SipPhone::udp};
  EXPECT_EQ(dial(first).status, 200);
  const auto full = dial(second);
  EXPECT_EQ(full.status, 503);
  EXPECT_GT(std::stoi("0" + full.header("Retry-After")), 0);
}

TEST(Capacity, an_organization_at_its_own_limit_is_busy) {
  Server server;
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open((server.data() / "voxanne.db").c_str(), &db), SQLITE_OK);
  sqlite3_busy_timeout(db, 5'000);
  ASSERT_EQ(sqlite3_exec(db, "UPDATE organizations SET max_concurrent_calls = 1 WHERE id = 'demo'", nullptr,
                         nullptr, nullptr),
            SQLITE_OK);
  sqlite3_close(db);
  SipPhone first{std::uint16_t(server.sip_udp_port()), SipPhone::udp},
      second{std::uint16_t(server.sip_udp_port()), SipPhone::udp};
  EXPECT_EQ(dial(first).status, 200);
  const auto busy = dial(second);
  EXPECT_EQ(busy.status, 486);
  EXPECT_GT(std::stoi("0" + busy.header("Retry-After")), 0);
  const auto refused = place(server);
  EXPECT_EQ(refused.status, 503) << refused.body;
  EXPECT_TRUE(refused.headers.contains("retry-after"));
}

TEST(Capacity, an_overflow_number_is_tried_first) {
  Server server{{{"MAX_CALLS", "1"}, {"OVERFLOW_NUMBER", "+44 1632 960001"}}};
  SipPhone first{std::uint16_t(server.sip_udp_port()), SipPhone::udp},
      second{std::uint16_t(server.sip_udp_port()), SipPhone::udp};
  EXPECT_EQ(dial(first).status, 200);
  const auto moved = dial(second);
  EXPECT_EQ(moved.status, 302);
  EXPECT_EQ(moved.header("Contact"), "<tel:+441632960001>");
  EXPECT_EQ(metric(server, "voxanne_calls_overflowed_total"), 1);
  // Who was sent there already and came back is told the truth.
  SipPhone third{std::uint16_t(server.sip_udp_port()), SipPhone::udp};
  third.send(third.request("INVITE", "+441632960001", {.body = SipPhone::sdp()}));
  EXPECT_EQ(third.response().status, 503);
}

// Without such a number callers beyond that are guided by keys: better than no one, and worse than someone.
TEST(Capacity, who_would_not_be_understood_is_sent_to_the_overflow_number) {
  Server server{{{"SPEECH_WORKERS", "1"}, {"OVERFLOW_NUMBER", "+44 1632 960001"}}};
  const auto listened_to = [&] { return metric(server, "voxanne_recognition_streams"); };
  ASSERT_TRUE(eventually([&] { return metric(server, "voxanne_recognition_capacity") > 0; }, seconds{20}));
  std::vector<std::unique_ptr<SipPhone>> phones;
  SipMessage answer;
  // A busy machine is strained for other reasons too, for a moment.
  const auto is_full = [&] { return listened_to() >= metric(server, "voxanne_recognition_capacity"); };
  for (int taken = 0; phones.size() < 300 && !(answer.status == 302 && is_full());) {
    phones.push_back(std::make_unique<SipPhone>(std::uint16_t(server.sip_udp_port()), SipPhone::udp));
    answer = dial(*phones.back());
    ASSERT_THAT(answer.status, testing::AnyOf(200, 302)) << answer.start;
    if (answer.status == 200 && !is_full()) {
      ++taken;
      ASSERT_TRUE(eventually([&] { return listened_to() >= taken || is_full(); }, seconds{10})) << taken;
    }
  }
  EXPECT_EQ(answer.status, 302);
  EXPECT_EQ(answer.header("Contact"), "<tel:+441632960001>");
  EXPECT_TRUE(server.process().wait_for_line("nobody else would be understood", seconds{5}))
      << server.process().output();
  EXPECT_GE(phones.size(), 9u) << "a few are taken in any case";
}

TEST(Capacity, a_draining_server_lets_its_calls_finish_and_takes_no_new_one) {
  Server server{{{"DRAIN_SECONDS", "60"}}};
  Live live{server.ws_url("/ws/live-calls")};
  const auto placed = place(server);
  ASSERT_EQ(placed.status, 200);
  SipPhone running{std::uint16_t(server.sip_udp_port()), SipPhone::udp};
  ASSERT_EQ(dial(running).status, 200);
  server.process().signal(SIGTERM);
  ASSERT_TRUE(server.process().wait_for_line("draining", seconds{10})) << server.process().output();
  while (http_get(server.url("/health/ready")).status == 200) std::this_thread::yield();
  SipPhone late{std::uint16_t(server.sip_udp_port()), SipPhone::udp};
  const auto refused = dial(late);
  EXPECT_EQ(refused.status, 503);
  EXPECT_GT(std::stoi("0" + refused.header("Retry-After")), 0);
  const auto answer = place(server);
  EXPECT_EQ(answer.status, 503) << answer.body;
  EXPECT_EQ(answer.json().at("code").as_string(), "draining");
  EXPECT_THAT(http_get(server.url("/metrics")).body, testing::HasSubstr("\nvoxanne_draining 1\n"))
      << "what keeps the alerts quiet";
  // The built-in callee hangs up by itself, and so do we.
  ASSERT_TRUE(live.wait_for(
      [&](const json::object& event) {
        return event.at("type").as_string() == "call.ended" && event.at("callId") == placed.json().at("id");
      },
      seconds{20}));
  running.send(running.request("BYE", "demo", {.in_dialog = true}));
  EXPECT_EQ(running.response().status, 200);
  EXPECT_EQ(server.process().wait(seconds{30}), 0) << server.process().output();
  server.start();
  const auto calls = http_get(server.url("/api/calls-dashboard")).json().at("calls").as_array();
  ASSERT_EQ(calls.size(), 2u);
  for (const auto& call : calls) EXPECT_EQ(call.at("endedReason").as_string(), "customer-ended-call") << call;
}

// The script that operators run with k6, once through, against a real server.
TEST(Capacity, the_load_script_is_what_it_says_and_finds_nothing_wrong) {
  Server server;
  const std::string folder = VOXANNE_SOURCE_DIR;
  Process node{{.command = {"node", folder + "/tests/flows/load/once.mjs", folder + "/load/load-test.js"},
                .environment = {{"BASE_URL", server.url("")}},
                .directory = {}}};
  ASSERT_EQ(node.wait(seconds{60}), 0) << node.output();
  const auto seen = json::parse(node.out()).as_object();
  std::vector<std::int64_t> targets;
  for (const auto& stage : seen.at("options").at("stages").as_array())
    targets.push_back(stage.at("target").as_int64());
  EXPECT_THAT(targets, testing::ElementsAre(5, 10, 10, 0));
  const auto& thresholds = seen.at("options").at("thresholds").as_object();
  EXPECT_EQ(thresholds.at("http_req_duration").at(0).as_string(), "p(99)<500");
  EXPECT_EQ(thresholds.at("http_req_failed").at(0).as_string(), "rate<0.1");
  EXPECT_EQ(seen.at("requests").as_array().size(), 4u);
  for (const auto& request : seen.at("requests").as_array())
    EXPECT_EQ(request.at("status").as_int64(), 200) << request;
  EXPECT_GE(seen.at("checks").as_object().size(), 7u);
  for (const auto& [name, held] : seen.at("checks").as_object()) EXPECT_TRUE(held.as_bool()) << name;
}

}  // namespace
}  // namespace voxanne::test
