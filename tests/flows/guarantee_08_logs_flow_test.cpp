// Guarantee 8, the log: each line says which request, call and trace it belongs to, by the same ids that
// the client and the error tracker have, and none names a person.
#include "support/http.h"
#include "support/live.h"
#include "support/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include <signal.h>

#include <map>
#include <set>
#include <sstream>

namespace voxanne::test {
namespace {

namespace json = boost::json;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::Not;

constexpr const char* traceparent = "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
constexpr const char* trace_id = "4bf92f3577b34da6a3ce929d0e0e4736";

std::vector<json::object> lines_of(const std::string& output) {
  std::vector<json::object> lines;
  std::istringstream in{output};
  for (std::string line; std::getline(in, line);)
    if (line.starts_with('{')) lines.push_back(json::parse(line).as_object());
  return lines;
}

std::string text(const json::object& line, const char* key) {
  const auto* value = line.if_contains(key);
  return value ? std::string{value->as_string()} : "";
}

TEST(Log, ties_every_line_of_a_request_and_of_a_call_together_by_their_ids) {
  Server server{{{"LOG_LEVEL", "debug"}}};
  Live live{server.ws_url("/ws/live-calls")};
  const auto placed = http_post_json(
      server.url("/api/calls"),
      json::parse(
          R"({"assistantId":"test-assistant-123","phoneNumberId":"test-phone-123","customer":{"number":"+447700900123","name":"Ada Quince"}})"),
      {traceparent, "X-Request-Id: logs-1"});
  ASSERT_EQ(placed.status, 200) << placed.body;
  const auto id = std::string{placed.json().at("id").as_string()};
  // Passwords are checked on a thread that gives way to others.
  EXPECT_EQ(http({.method = "POST",
                  .url = server.url("/api/auth/login"),
                  .headers = {"Content-Type: application/json", "X-Request-Id: logs-2"},
                  .body = R"({"email":"ann@quince.example","password":"not-her-password"})",
                  .limit = seconds{60}})
                .status,
            401);
  EXPECT_EQ(http_get(server.url("/api/calls"), {"Authorization: Bearer none", "X-Request-Id: logs-3"}).status,
            401);
  ASSERT_TRUE(live.wait_for_type("call.ended", seconds{60}));
  ASSERT_TRUE(live.wait_for_type("recording.ready", seconds{30}));
  // What an owner makes, changes and erases.
  const auto hook = http_post_json(server.url("/api/webhooks"),
                                   {{"url", "https://hooks.example/"}, {"events", json::array{"call.ended"}}},
                                   {traceparent, "X-Request-Id: logs-4"});
  ASSERT_EQ(hook.status, 200) << hook.body;
  const auto rotated = http_post_json(
      server.url("/api/webhooks/" + std::string{hook.json().at("id").as_string()} + "/rotate-secret"),
      json::object{}, {traceparent, "X-Request-Id: logs-5"});
  EXPECT_EQ(rotated.status, 200) << rotated.body;
  const auto contact =
      http_post_json(server.url("/api/contacts"), {{"name", "Bea Quince"}, {"number", "+447700900124"}}, {});
  ASSERT_EQ(contact.status, 200) << contact.body;
  const auto erase = [&](const std::string& path, const char* request) {
    const auto erased = http({.method = "DELETE",
                              .url = server.url(path),
                              .headers = {traceparent, std::string{"X-Request-Id: "} + request},
                              .body = {}});
    EXPECT_EQ(erased.status / 100, 2) << erased.body;
  };
  erase("/api/contacts/" + std::string{contact.json().at("id").as_string()} + "?erase=true", "logs-6");
  erase("/api/calls/" + id, "logs-7");
  server.process().signal(SIGTERM);
  ASSERT_EQ(server.process().wait(seconds{30}), 0);

  const auto output = server.process().output();
  std::map<std::string, std::set<std::string>> of_request, of_call;
  for (const auto& line : lines_of(output)) {
    const auto event = text(line, "event"), request = text(line, "requestId"), call = text(line, "callId"),
               trace = text(line, "traceId");
    if (!request.empty()) {
      of_request[request].insert(event);
      EXPECT_EQ(trace.size(), 32u) << json::serialize(line);
    }
    if (!call.empty()) {
      of_call[call].insert(event);
      EXPECT_EQ(text(line, "orgId"), "demo") << json::serialize(line);
    }
    if (event.starts_with("call."))
      EXPECT_EQ(trace, trace_id) << "a call goes on with its request's trace: " << json::serialize(line);
    if (request == "logs-1" || (request.starts_with("logs-") && request >= "logs-4"))
      EXPECT_EQ(trace, trace_id) << json::serialize(line);
  }
  EXPECT_THAT(of_request["logs-1"], testing::Contains("http.request"));
  EXPECT_THAT(of_request["logs-2"], testing::IsSupersetOf({"http.request", "auth.login"}));
  EXPECT_THAT(of_request["logs-3"], testing::Contains("http.request"));
  EXPECT_THAT(of_request["logs-4"], testing::Contains("webhooks.created"));
  EXPECT_THAT(of_request["logs-5"], testing::Contains("webhooks.secret_rotated"));
  EXPECT_THAT(of_request["logs-6"], testing::Contains("contact.erased"));
  EXPECT_THAT(of_request["logs-7"], testing::Contains("call.erased"));
  EXPECT_THAT(of_call[id], testing::IsSupersetOf({"call.answered", "call.ended", "recording.stored"}));
  for (const char* personal : {"7700900123", "Quince", "quince.example", "not-her-password"})
    EXPECT_THAT(output, Not(HasSubstr(personal)));
}

}  // namespace
}  // namespace voxanne::test
