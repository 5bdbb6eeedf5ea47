#include "ops/sentry/client.h"

#include "support/logged_lines.h"
#include "support/sentry_imposter.h"
#include "support/temp_dir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <thread>

namespace voxanne::ops::sentry {
namespace {

namespace json = boost::json;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using Mood = test::SentryImposter::Mood;

class SentryClientTest : public testing::Test {
 protected:
  Client::Options options() {
    return {.dsn = *parse_dsn(tracker.dsn()),
            .release = "voxanne@test",
            .environment = "test",
            .server_name = "node",
            .directory = directory.path() / "crash",
            .timeout = milliseconds{2'000}};
  }
  void SetUp() override { client.emplace(options()); }
  void TearDown() override {
    client.reset();
    crash::uninstall();
    EXPECT_THAT(tracker.complaints(), IsEmpty());
  }
  void fail(const std::string& event, const std::string& message, const std::string& route = "/api/x") {
    try {
      throw std::runtime_error(message);
    } catch (const std::exception&) {
      log::unhandled(event, std::current_exception(),
                     {{"requestId", "req_1"}, {"orgId", "demo"}, {"route", route}});
    }
  }
  // Of an event's first exception.
  static json::object exception_of(const json::object& event) {
    return event.at("exception").at("values").at(0).as_object();
  }

  test::SentryImposter tracker;
  test::TempDir directory;
  std::optional<Client> client;
};

TEST_F(SentryClientTest, an_unhandled_error_arrives_with_stack_ids_and_what_went_before_scrubbed) {
  client->start();
  log::warning("jobs.attempt_failed",
               {{"callId", "call_1"}, {"text", "my tooth hurts"}, {"code", "http_503"}});
  fail("api.exception", "no route to +44 7700 900123 for jane@example.org with Bearer abcdef");
  const auto event = tracker.wait_for("event", seconds{10});
  ASSERT_TRUE(event);
  const auto& body = event->body;
  const auto exception = exception_of(body);
  EXPECT_EQ(exception.at("type"), "std::runtime_error");
  EXPECT_EQ(exception.at("value"), "no route to [number] for [email] with Bearer [redacted]");
  EXPECT_EQ(exception.at("mechanism").at("handled"), false);
  EXPECT_EQ(body.at("tags").at("requestId"), "req_1");
  EXPECT_EQ(body.at("tags").at("orgId"), "demo");
  EXPECT_EQ(body.at("transaction"), "/api/x");
  EXPECT_EQ(body.at("logger"), "api.exception");
  EXPECT_EQ(body.at("release"), "voxanne@test");
  const auto stack = json::serialize(exception.at("stacktrace"));
  EXPECT_THAT(stack, HasSubstr("SentryClientTest"));
  EXPECT_THAT(stack, HasSubstr("instruction_addr"));
  const auto& crumbs = body.at("breadcrumbs").at("values").as_array();
  ASSERT_FALSE(crumbs.empty());
  EXPECT_EQ(crumbs[crumbs.size() - 1].at("category"), "jobs.attempt_failed");
  EXPECT_EQ(crumbs[crumbs.size() - 1].at("message"), "callId=call_1 text=[redacted] code=http_503");
  for (const char* secret : {"7700 900", "jane@", "abcdef\"", "tooth"})
    EXPECT_THAT(tracker.everything(), Not(HasSubstr(secret)));
}

TEST_F(SentryClientTest, an_error_line_without_exception_is_an_event_too) {
  client->start();
  log::error("recording.unplayable", {{"callId", "call_1"}, {"code", "storage_missing"}, {"error", "gone"}});
  const auto event = tracker.wait_for("event", seconds{10});
  ASSERT_TRUE(event);
  EXPECT_EQ(exception_of(event->body).at("type"), "recording.unplayable");
  EXPECT_EQ(exception_of(event->body).at("value"), "storage_missing: gone");
  EXPECT_EQ(exception_of(event->body).at("mechanism").at("handled"), true);
  EXPECT_EQ(event->body.at("tags").at("callId"), "call_1");
}

TEST_F(SentryClientTest, a_session_begins_and_ends_with_the_process) {
  client->start();
  ASSERT_TRUE(tracker.wait_for("session", seconds{10}));
  fail("x.failed", "x");
  client->stop(seconds{5});
  const auto sessions = tracker.items("session");
  ASSERT_EQ(sessions.size(), 2u);
  EXPECT_EQ(sessions[0].body.at("init"), true);
  EXPECT_EQ(sessions[0].body.at("status"), "ok");
  EXPECT_EQ(sessions[1].body.at("status"), "exited");
  EXPECT_EQ(sessions[1].body.at("errors"), 1);
  EXPECT_EQ(sessions[1].body.at("sid"), sessions[0].body.at("sid"));
  EXPECT_EQ(tracker.items("event").size(), 1u) << "what waited was told before the end";
  EXPECT_FALSE(std::filesystem::exists(directory.path() / "crash" / "session"));
}

TEST_F(SentryClientTest, a_run_that_never_ended_is_abnormal_and_one_that_crashed_is_told_with_its_stack) {
  std::filesystem::create_directories(directory.path() / "crash");
  std::ofstream{directory.path() / "crash" / "session"} << "a1\n1790000000000\nproduction\nvoxanne@0\n";
  client->start();
  const auto ended = [&](const char* sid) {
    return tracker.wait_for("session", seconds{10},
                            [&](const json::object& s) { return s.at("sid") == sid; });
  };
  ASSERT_TRUE(ended("a1"));
  EXPECT_EQ(ended("a1")->body.at("status"), "abnormal");
  EXPECT_EQ(ended("a1")->body.at("attrs").at("release"), "voxanne@0");
  client->stop(seconds{5});

  std::ofstream{directory.path() / "crash" / "session"} << "b2\n1790000000000\nproduction\nvoxanne@0\n";
  std::ofstream{directory.path() / "crash" / "crash-b2.txt"}
      << "voxanne-crash 1\nsession b2\nrelease voxanne@0\nenvironment production\nstarted 1790000000000\n"
         "at 1790000000100\nsignal 11\ncode 1\naddress 0\nthread web0\nframe 1234\nend\n";
  client.emplace(options());
  client->start();
  ASSERT_TRUE(ended("b2"));
  EXPECT_EQ(ended("b2")->body.at("status"), "crashed");
  const auto event = tracker.wait_for("event", seconds{10});
  ASSERT_TRUE(event);
  EXPECT_EQ(event->body.at("level"), "fatal");
  EXPECT_EQ(event->body.at("release"), "voxanne@0") << "of the release that crashed";
  EXPECT_EQ(exception_of(event->body).at("type"), "SIGSEGV");
}

TEST_F(SentryClientTest, a_crash_is_told_again_until_the_tracker_takes_or_refuses_it) {
  const auto file = directory.path() / "crash" / "crash-b2.txt";
  const auto crash = [&] {
    std::filesystem::create_directories(file.parent_path());
    std::ofstream{file} << "voxanne-crash 1\nsession b2\nat 1790000000100\nsignal 11\nend\n";
  };
  const auto run = [&](Mood mood) {
    const auto before = tracker.requests();
    tracker.set(mood);
    client.emplace(options());
    client->start();
    EXPECT_TRUE(tracker.wait_for_requests(before + 1, seconds{10}));
    client->stop(seconds{2});
  };
  crash();
  run(Mood::broken);
  EXPECT_TRUE(std::filesystem::exists(file)) << "nobody has it yet";
  EXPECT_TRUE(tracker.items("event").empty());
  run(Mood::well);
  EXPECT_EQ(tracker.items("event").size(), 1u);
  EXPECT_FALSE(std::filesystem::exists(file));
  run(Mood::well);
  EXPECT_EQ(tracker.items("event").size(), 1u);
}

TEST_F(SentryClientTest, a_limit_silences_what_it_names_and_nothing_else) {
  tracker.limit_with("X-Sentry-Rate-Limits: 60:error:organization\r\n");
  client->start();
  ASSERT_TRUE(tracker.wait_for("session", seconds{10}));
  tracker.set(Mood::limiting);
  fail("a.failed", "first");
  ASSERT_TRUE(tracker.wait_for_requests(2, seconds{10}));
  tracker.set(Mood::well);
  fail("b.failed", "second");
  client->finished({.name = "GET /x", .op = "http.server", .trace = Trace::begin()});
  ASSERT_TRUE(tracker.wait_for("transaction", seconds{10}));
  EXPECT_EQ(tracker.items("event").size(), 0u);
  EXPECT_GE(client->stats().dropped.value(), 2u);
}

TEST_F(SentryClientTest, a_tracker_that_is_away_gets_what_waited_when_it_is_back) {
  tracker.set(Mood::broken);
  client->start();
  fail("a.failed", "while it was away");
  ASSERT_TRUE(tracker.wait_for_requests(1, seconds{10}));
  tracker.set(Mood::well);
  ASSERT_TRUE(tracker.wait_for("event", seconds{20}));
  EXPECT_EQ(tracker.items("event").size(), 1u);
  tracker.set(Mood::closing);
  fail("b.failed", "cut off");
  ASSERT_TRUE(tracker.wait_for_requests(4, seconds{10}));
  tracker.set(Mood::well);
  EXPECT_TRUE(tracker.wait_for("event", seconds{20},
                               [](const json::object& e) { return e.at("logger") == "b.failed"; }));
}

TEST_F(SentryClientTest, a_hanging_tracker_costs_who_reports_nothing_and_holds_bounded_memory) {
  tracker.set(Mood::hanging);
  client->start();
  ASSERT_TRUE(tracker.wait_for_requests(1, seconds{10}));
  const auto begun = std::chrono::steady_clock::now();
  for (int i = 0; i < 5'000; ++i) fail("storm.failed", std::string(500, 'x'));
  const auto each = (std::chrono::steady_clock::now() - begun) / 5'000;
  EXPECT_LT(each, milliseconds{2}) << "what a media shard may spend";
  EXPECT_GT(client->stats().dropped.value(), 1'000u) << "beyond its bytes everything is given up";
  EXPECT_EQ(client->stats().captured.value(), 5'000u);
  const auto stopping = std::chrono::steady_clock::now();
  client->stop(milliseconds{300});
  EXPECT_LT(std::chrono::steady_clock::now() - stopping, seconds{5}) << "the end is not held up";
}

TEST_F(SentryClientTest, a_storm_of_one_kind_leaves_room_for_the_others) {
  client->start();
  for (int i = 0; i < 60; ++i) fail("storm.failed", "again");
  fail("rare.failed", "once");
  ASSERT_TRUE(tracker.wait_for("event", seconds{20},
                               [](const json::object& e) { return e.at("logger") == "rare.failed"; }));
  EXPECT_LE(tracker.items("event").size(), 21u + 20u) << "a minute may turn in between";
  EXPECT_GE(tracker.items("event").size(), 2u);
}

TEST_F(SentryClientTest, and_so_does_one_of_one_route_or_one_exception_or_one_place_behind_the_same_line) {
  client->start();
  for (int i = 0; i < 60; ++i) fail("api.exception", "again");
  fail("api.exception", "another route", "/api/y");
  try {
    throw std::logic_error("another type");
  } catch (...) {
    log::unhandled("api.exception", std::current_exception(), {{"route", "/api/x"}});
  }
  try {
    throw std::runtime_error("another place");
  } catch (...) {
    log::unhandled("api.exception", std::current_exception(), {{"route", "/api/x"}});
  }
  for (const std::string which : {"another route", "another type", "another place"})
    EXPECT_TRUE(tracker.wait_for("event", seconds{10}, [&](const json::object& e) {
      return exception_of(e).at("value") == json::value(which);
    })) << which;
  EXPECT_LE(tracker.items("event").size(), 23u + 20u) << "a minute may turn in between";
}

TEST_F(SentryClientTest, sampling_follows_the_caller_s_decision_and_else_the_rate) {
  const auto decided = [](const char* flags) {
    return *Trace::parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-" + std::string{flags});
  };
  EXPECT_TRUE(client->samples(decided("01")));
  EXPECT_FALSE(client->samples(decided("00")));
  int sampled = 0;
  for (int i = 0; i < 5'000; ++i) sampled += client->samples(Trace::begin());
  EXPECT_NEAR(sampled, 500, 120);
  int strangers = 0;
  for (int i = 0; i < 5'000; ++i)
    strangers += client->samples(Trace::continued("00-4bf92f3577b34da60000000000000001-00f067aa0ba902b7-01"),
                                 Client::Caller::stranger);
  EXPECT_NEAR(strangers, 500, 120) << "whatever a stranger sends";
  auto none = options();
  none.traces_sample_rate = 0;
  EXPECT_FALSE(Client{none}.samples(decided("01")));
}

TEST_F(SentryClientTest, without_a_dsn_nothing_is_sent_and_crashes_are_still_noticed) {
  auto silent = options();
  silent.dsn.reset();
  client.emplace(silent);
  client->start();
  fail("a.failed", "nobody hears this");
  EXPECT_TRUE(std::filesystem::exists(directory.path() / "crash" / "session"));
  client->stop(seconds{1});
  EXPECT_EQ(tracker.requests(), 0u);
}

TEST_F(SentryClientTest, without_a_dsn_a_crash_is_logged_once_and_its_report_waits_for_a_tracker) {
  const auto crashes = directory.path() / "crash";
  std::filesystem::create_directories(crashes);
  std::ofstream{crashes / "crash-b2.txt"}
      << "voxanne-crash 1\nsession b2\nat 1790000000100\nsignal 11\nend\n";
  auto silent = options();
  silent.dsn.reset();
  const auto times_logged = [&] {
    const test::LoggedLines lines;
    client.emplace(silent);
    client->start();
    client->stop(seconds{1});
    return lines.of("crash.found").size();
  };
  EXPECT_EQ(times_logged(), 1u);
  EXPECT_EQ(times_logged(), 0u);
  client.emplace(options());
  client->start();
  EXPECT_TRUE(tracker.wait_for("event", seconds{10}));
  client->stop(seconds{5});
  EXPECT_TRUE(crash::collect(crashes).empty());
}

TEST_F(SentryClientTest, many_threads_report_at_once) {
  client->start();
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&, i] {
      for (int round = 0; round < 15; ++round) fail("thread" + std::to_string(i) + ".failed", "x");
    });
  for (auto& thread : threads) thread.join();
  client->stop(seconds{20});
  EXPECT_EQ(tracker.items("event").size(), 60u);
}

}  // namespace
}  // namespace voxanne::ops::sentry
