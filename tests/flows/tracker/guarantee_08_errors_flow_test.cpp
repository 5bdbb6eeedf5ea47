// Guarantee 8, errors are seen: through the built program, at an imposter of the tracker with faults on
// demand and at Spotlight's sidecar, which is Sentry's own.
#include "support/http.h"
#include "support/live.h"
#include "support/sentry_imposter.h"
#include "support/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <signal.h>

#include <algorithm>
#include <sstream>

namespace voxanne::test {
namespace {

namespace json = boost::json;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using Mood = SentryImposter::Mood;

constexpr const char* traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
constexpr const char* trace_id = "4bf92f3577b34da6a3ce929d0e0e4736";

std::string text_of(const json::value& value) { return std::string{value.as_string()}; }

json::object exception_of(const json::object& event) {
  return event.at("exception").at("values").at(0).as_object();
}

HttpAnswer raise(const Server& server, const std::string& id) {
  return http({.method = "POST",
               .url = server.url("/api/test-error"),
               .headers = {"X-Request-Id: " + id, std::string{"traceparent: "} + traceparent},
               .body = {},
               .limit = seconds{10}});
}

HttpAnswer place_call(const Server& server) {
  return http_post_json(
      server.url("/api/calls"),
      json::parse(
          R"({"assistantId":"test-assistant-123","phoneNumberId":"test-phone-123","customer":{"number":"+447700900123"}})"));
}

// The values of all series whose lines begin so, added up.
double sum_of(const std::string& metrics, const std::string& series) {
  double sum = 0;
  std::istringstream lines{metrics};
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with(series)) sum += std::stod(line.substr(line.rfind(' ')));
  return sum;
}

// What a call came to, by the server's own measure: errors are raised while it lasts, and the tracker hears
// of all of them, or nothing.
struct Served {
  std::string outcome;      // how it ended, and whether it was recorded
  double turns = 0;         // answered
  double to_answer = 0;     // seconds from the end of a question to the first sound, on average
  double ticks_missed = 0;  // of 5 ms, by whatever held up the call
};

Served serve_a_call(const std::string& dsn) {
  std::map<std::string, std::string> environment{{"SENTRY_TRACES_SAMPLE_RATE", "1"}};
  if (!dsn.empty()) environment["SENTRY_DSN"] = dsn;
  Server server{environment};
  Live live{server.ws_url("/ws/live-calls")};
  const auto before = http_get(server.url("/metrics")).body;
  const auto placed = place_call(server);
  EXPECT_EQ(placed.status, 200) << placed.body;
  for (int i = 0; i < 20; ++i) raise(server, "beside-" + std::to_string(i));
  EXPECT_TRUE(live.wait_for_type("call.ended", seconds{60}));
  const auto after = http_get(server.url("/metrics")).body;
  const auto call = http_get(server.url("/api/calls/" + text_of(placed.json().at("id")))).json().as_object();
  const auto grown = [&](const std::string& series) {
    return sum_of(after, series) - sum_of(before, series);
  };
  Served served{.outcome = json::serialize(
                    json::array{call.at("status"), call.at("endedReason"), call.at("hasRecording")}),
                .turns = grown("voxanne_answer_latency_seconds_count"),
                .ticks_missed = grown("voxanne_media_ticks_missed_total")};
  served.to_answer = grown("voxanne_answer_latency_seconds_sum") / std::max(served.turns, 1.0);
  return served;
}

// What every tracker must be told about an error raised by POST /api/test-error.
void expect_whole(const json::object& event, const std::string& id) {
  const auto exception = exception_of(event);
  EXPECT_EQ(exception.at("type"), "std::runtime_error");
  EXPECT_EQ(exception.at("value"), "raised on purpose by POST /api/test-error");
  EXPECT_EQ(exception.at("mechanism").at("handled"), false);
  EXPECT_EQ(event.at("tags").at("requestId"), json::value(id));
  EXPECT_EQ(event.at("tags").at("orgId"), "demo");
  EXPECT_EQ(event.at("contexts").at("trace").at("trace_id"), trace_id);
  EXPECT_EQ(event.at("release"), "voxanne@flow");
  EXPECT_EQ(event.at("environment"), "development");
  EXPECT_EQ(event.at("transaction"), "/api/test-error");
  EXPECT_FALSE(text_of(event.at("server_name")).empty());
  const auto crumbs = json::serialize(event.at("breadcrumbs"));
  EXPECT_THAT(crumbs, HasSubstr("server.ready"));
#if !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer)
  // The innermost frame is where it was thrown, by name, file and line.
  const auto& frames = exception.at("stacktrace").at("frames").as_array();
  ASSERT_FALSE(frames.empty());
  const auto& innermost = frames[frames.size() - 1].as_object();
  EXPECT_THAT(text_of(innermost.at("function")), HasSubstr("raise_test_error"));
  EXPECT_THAT(text_of(innermost.at("filename")), HasSubstr("src/api/routes/health.cpp"));
  EXPECT_GT(innermost.at("lineno").as_int64(), 0);
  EXPECT_EQ(innermost.at("in_app"), true);
  EXPECT_THAT(text_of(innermost.at("instruction_addr")), testing::StartsWith("0x"));
#endif
}

class Errors : public testing::Test {
 protected:
  std::map<std::string, std::string> environment(std::map<std::string, std::string> more = {}) const {
    more.insert({{"SENTRY_DSN", tracker.dsn()}, {"SENTRY_RELEASE", "voxanne@flow"}});
    return more;
  }
  void TearDown() override { EXPECT_THAT(tracker.complaints(), IsEmpty()); }

  // Ends the server politely; everything it had to tell has been told, or never will be.
  void stop(Server& server) {
    server.process().signal(SIGTERM);
    EXPECT_EQ(server.process().wait(seconds{30}), 0) << server.process().output();
  }

  SentryImposter tracker;
};

TEST_F(Errors, a_test_error_is_500_with_its_id_and_exactly_one_whole_event) {
  Server server{environment()};
  const auto answer = raise(server, "flow-1");
  EXPECT_EQ(answer.status, 500);
  EXPECT_EQ(answer.json().at("requestId"), "flow-1");
  EXPECT_EQ(answer.headers.at("x-request-id"), "flow-1");
  EXPECT_THAT(answer.body, Not(HasSubstr("on purpose"))) << "what failed is for the log, not for the client";
  const auto event = tracker.wait_for("event", seconds{10});
  ASSERT_TRUE(event) << server.process().output();
  expect_whole(event->body, "flow-1");
  // The line in the log has the same ids.
  const auto line = server.process().wait_for_line("api.exception", seconds{5});
  ASSERT_TRUE(line);
  EXPECT_THAT(*line, HasSubstr(R"("requestId":"flow-1")"));
  EXPECT_THAT(*line, HasSubstr(std::string{R"("traceId":")"} + trace_id));
  stop(server);
  EXPECT_EQ(tracker.items("event").size(), 1u);
  const auto sessions = tracker.items("session");
  ASSERT_EQ(sessions.size(), 2u);
  EXPECT_EQ(sessions[1].body.at("status"), "exited");
  EXPECT_EQ(sessions[1].body.at("errors"), 1);
}

TEST_F(Errors, an_insane_request_id_is_replaced_and_a_broken_traceparent_begins_a_trace) {
  Server server{environment()};
  const auto answer = http({.method = "POST",
                            .url = server.url("/api/test-error"),
                            .headers = {"X-Request-Id: a b\"c", "traceparent: 00-zz"},
                            .body = {}});
  const auto id = text_of(answer.json().at("requestId"));
  EXPECT_THAT(id, testing::StartsWith("req_"));
  const auto event = tracker.wait_for("event", seconds{10});
  ASSERT_TRUE(event);
  EXPECT_EQ(event->body.at("tags").at("requestId"), json::value(id));
  EXPECT_EQ(text_of(event->body.at("contexts").at("trace").at("trace_id")).size(), 32u);
}

TEST_F(Errors, requests_and_calls_are_traced_and_no_personal_data_leaves) {
  Server server{environment({{"SENTRY_TRACES_SAMPLE_RATE", "1"}})};
  Live live{server.ws_url("/ws/live-calls")};
  ASSERT_EQ(place_call(server).status, 200);
  EXPECT_TRUE(tracker.wait_for("transaction", seconds{10}, [](const json::object& t) {
    return t.at("transaction") == "POST /api/calls";
  }));
  ASSERT_TRUE(live.wait_for_type("call.ended", seconds{60}));
  const auto call = tracker.wait_for("transaction", seconds{10}, [](const json::object& t) {
    return t.at("contexts").at("trace").at("op") == "call";
  });
  ASSERT_TRUE(call);
  EXPECT_THAT(text_of(call->body.at("tags").at("callId")), testing::StartsWith("call_"));
  EXPECT_FALSE(call->body.at("spans").as_array().empty()) << "a span for each turn";
  // A call that the API placed belongs to the request's trace.
  const auto request = tracker.wait_for("transaction", seconds{1}, [](const json::object& t) {
    return t.at("transaction") == "POST /api/calls";
  });
  EXPECT_EQ(call->body.at("contexts").at("trace").at("trace_id"),
            request->body.at("contexts").at("trace").at("trace_id"));
  EXPECT_EQ(call->body.at("contexts").at("trace").at("parent_span_id"),
            request->body.at("contexts").at("trace").at("span_id"));
  raise(server, "flow-2");
  ASSERT_TRUE(tracker.wait_for("event", seconds{10}));
  EXPECT_THAT(tracker.everything(), Not(HasSubstr("7700900123"))) << "who was called";
  EXPECT_THAT(tracker.everything(), Not(HasSubstr("What time do you open"))) << "what was said";
}

TEST_F(Errors, a_crash_is_told_at_the_next_start_with_its_stack_and_session) {
  Server server{environment()};
  const auto begun = tracker.wait_for("session", seconds{10});
  ASSERT_TRUE(begun);
  server.process().signal(SIGSEGV);
  EXPECT_EQ(server.process().wait(seconds{10}), 128 + SIGSEGV) << "the signal still ends the process";
  server.start();
  const auto event =
      tracker.wait_for("event", seconds{20}, [](const json::object& e) { return e.at("level") == "fatal"; });
  ASSERT_TRUE(event) << server.process().output();
  const auto exception = exception_of(event->body);
  EXPECT_EQ(exception.at("type"), "SIGSEGV");
  EXPECT_EQ(event->body.at("release"), "voxanne@flow");
  const auto& frames = exception.at("stacktrace").at("frames").as_array();
  // Whichever thread took it, waiting somewhere in libc; crash_test has the names of a fault of our own.
  ASSERT_GE(frames.size(), 1u);
  EXPECT_THAT(text_of(frames[0].at("instruction_addr")), testing::StartsWith("0x"));
  EXPECT_FALSE(event->body.at("debug_meta").at("images").as_array().empty());
  EXPECT_THAT(json::serialize(event->body.at("breadcrumbs")), HasSubstr("server.ready"));
  const auto ended = tracker.wait_for("session", seconds{10}, [&](const json::object& session) {
    return session.at("sid") == begun->body.at("sid") && session.at("status") == "crashed";
  });
  EXPECT_TRUE(ended);
  EXPECT_TRUE(server.process().wait_for_line("crash.found", seconds{1})) << "the log tells it, too";

  // kill -9 leaves no report; the session says that it did not end well.
  const auto second = tracker.wait_for("session", seconds{10}, [&](const json::object& session) {
    return session.at("init") == true && session.at("sid") != begun->body.at("sid");
  });
  ASSERT_TRUE(second);
  server.process().signal(SIGKILL);
  server.process().wait(seconds{10});
  server.start();
  EXPECT_TRUE(tracker.wait_for("session", seconds{20}, [&](const json::object& session) {
    return session.at("sid") == second->body.at("sid") && session.at("status") == "abnormal";
  }));
  EXPECT_EQ(tracker.items("event").size(), 1u) << "a crash is told once";
}

TEST_F(Errors, a_hanging_tracker_holds_up_neither_requests_nor_the_end) {
  tracker.set(Mood::hanging);
  Server server{environment({{"SENTRY_TRACES_SAMPLE_RATE", "1"}})};
  ASSERT_TRUE(tracker.wait_for_requests(1, seconds{10})) << "it hangs already";
  Live live{server.ws_url("/ws/live-calls")};
  const auto placed = place_call(server);
  ASSERT_EQ(placed.status, 200);
  const auto id = text_of(placed.json().at("id"));
  for (int i = 0; i < 200; ++i) {
    const auto begun = std::chrono::steady_clock::now();
    ASSERT_EQ(raise(server, "storm-" + std::to_string(i)).status, 500);
    EXPECT_LT(std::chrono::steady_clock::now() - begun, seconds{2});
  }
  ASSERT_TRUE(live.wait_for_type("call.ended", seconds{60}));
  const auto call = http_get(server.url("/api/calls/" + id)).json().as_object();
  EXPECT_EQ(call.at("status"), "ended");
  EXPECT_EQ(call.at("hasRecording"), true);
  EXPECT_GT(call.at("duration").to_number<double>(), 5.0);
  EXPECT_EQ(http_get(server.url("/health/ready")).status, 200);
  // Nor does it hold up the end by more than its own deadline.
  const auto stopping = std::chrono::steady_clock::now();
  stop(server);
  EXPECT_LT(std::chrono::steady_clock::now() - stopping, seconds{20});
}

// Beside the same call without one. Whatever waited for a tracker in a call's way would wait for its whole
// deadline, seconds, and each time; what the machine does meanwhile does so once.
TEST_F(Errors, a_tracker_that_hangs_or_is_dead_costs_a_call_nothing) {
  tracker.set(Mood::hanging);
  const Served alone = serve_a_call("");
  ASSERT_GT(alone.turns, 0) << alone.outcome;
  for (const auto& [what, dsn] : {std::pair{"hanging", tracker.dsn()},
                                  std::pair{"dead", std::string{"http://publickey@127.0.0.1:1/42"}}}) {
    const auto costs = [&](const Served& with) {
      return with.turns < alone.turns || with.to_answer > alone.to_answer + 0.5 ||
             with.ticks_missed > alone.ticks_missed + 100;
    };
    Served with = serve_a_call(dsn);
    for (int again = 0; again < 2 && costs(with); ++again) with = serve_a_call(dsn);
    std::cout << "tracker " << what << ": " << with.turns << " turns, answered after " << with.to_answer
              << " s, " << with.ticks_missed << " ticks missed; without one: " << alone.turns << ", "
              << alone.to_answer << " s, " << alone.ticks_missed << "\n";
    EXPECT_FALSE(costs(with)) << what;
    EXPECT_EQ(with.outcome, alone.outcome) << what;
  }
  EXPECT_GT(tracker.requests(), 0u) << "it hung, but nobody asked it";
}

TEST_F(Errors, what_waits_is_told_before_the_process_ends) {
  tracker.set(Mood::broken);
  Server server{environment()};
  ASSERT_TRUE(tracker.wait_for_requests(1, seconds{10}));
  raise(server, "late-1");
  EXPECT_TRUE(tracker.items("event").empty());
  tracker.set(Mood::well);
  stop(server);
  const auto events = tracker.items("event");
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].body.at("tags").at("requestId"), "late-1");
}

TEST_F(Errors, a_tracker_that_has_enough_is_left_alone_for_as_long_as_it_says) {
  tracker.set(Mood::limiting);
  tracker.limit_with(
      "Retry-After: 3600\r\nX-Sentry-Rate-Limits: 3600:error;session;transaction:organization\r\n");
  Server server{environment()};
  ASSERT_TRUE(tracker.wait_for_requests(1, seconds{10}));
  for (int i = 0; i < 5; ++i) raise(server, "limited-" + std::to_string(i));
  stop(server);
  EXPECT_EQ(tracker.requests(), 1u);
}

TEST_F(Errors, a_dsn_that_is_none_is_told_before_anything_starts) {
  TempDir data;
  Process process{{.command = {voxanne_program(), "serve"},
                   .environment = {{"SENTRY_DSN", "not-a-dsn"}, {"DATA_DIR", data.path().string()}},
                   .directory = data.path().string()}};
  EXPECT_EQ(process.wait(seconds{20}), 2);
  EXPECT_THAT(process.output(), HasSubstr("SENTRY_DSN"));
  EXPECT_THAT(process.output(), HasSubstr("https://PUBLIC_KEY@HOST/PROJECT"));
}

TEST(ErrorsAtSpotlight, sentry_s_own_receiver_and_parser_understand_what_is_sent) {
  Process sidecar{{.command = {"node", SIDECAR_SCRIPT}, .environment = {}, .directory = {}}};
  const auto ready = sidecar.wait_for_line("sidecar ", seconds{60});
  ASSERT_TRUE(ready) << sidecar.output();
  Server server{
      {{"SENTRY_DSN", "http://spotlight@localhost:" + ready->substr(ready->find("sidecar ") + 8) + "/7"},
       {"SENTRY_RELEASE", "voxanne@flow"},
       {"SENTRY_TRACES_SAMPLE_RATE", "1"}}};
  raise(server, "spot-1");
  const auto item = [&](const char* type) {
    const auto line = sidecar.wait_for_line("\"head\":{\"type\":\"" + std::string{type} + "\"", seconds{20});
    EXPECT_TRUE(line) << type << "\n" << sidecar.output();
    return line ? json::parse(line->substr(line->find('{'))).at("body").as_object() : json::object{};
  };
  EXPECT_EQ(item("session").at("status"), "ok");
  expect_whole(item("event"), "spot-1");
  EXPECT_EQ(item("transaction").at("transaction"), "POST /api/test-error");
}

}  // namespace
}  // namespace voxanne::test
