#include "ops/health.h"

#include "async/event.h"
#include "support/logged_lines.h"
#include "support/virtual_clock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace voxanne::ops {
namespace {

using testing::HasSubstr;

std::string body(const net::Response& response) { return *std::get<net::Response::Shared>(response.body); }

class HealthTest : public testing::Test {
 protected:
  // A dependency whose state the test sets.
  struct Dependency {
    bool up = true;
    int probes = 0;
  };
  Check check(std::string name, Severity severity, Dependency& dependency) {
    return {std::move(name), severity, [&dependency]() -> async::Task<Result<>> {
              ++dependency.probes;
              if (!dependency.up) co_return unavailable("away", "away");
              co_return Result<>{};
            }};
  }
  ~HealthTest() override {
    async::asio::co_spawn(loop, health.stop(), [](std::exception_ptr) {});
    clock.run_for(10s);
  }

  async::Loop loop;
  test::VirtualClock clock{loop};
  Health health{loop.get_executor(), clock, {.version = "1.2.3", .environment = "test"}};
};

TEST_F(HealthTest, the_answer_has_the_contract_s_shape) {
  Dependency database, recognizer;
  health.add(check("database", Severity::stops, database));
  health.add(check("recognizer", Severity::optional, recognizer));
  health.start();
  clock.run_for(2'500ms);
  const auto response = health.health();
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(body(response),
            R"({"status":"ok","services":{"database":true,"recognizer":true},)"
            R"("timestamp":"2026-06-01T01:00:02.000Z","uptime":2,"version":"1.2.3","environment":"test"})");
}

TEST_F(HealthTest, nothing_is_claimed_before_the_first_probe) {
  Dependency database;
  health.add(check("database", Severity::stops, database));
  health.start();
  EXPECT_EQ(health.health().status, 503);
  EXPECT_EQ(health.ready().status, 503);
  clock.settle();
  EXPECT_EQ(health.health().status, 200);
}

TEST_F(HealthTest, severity_decides_between_ok_degraded_and_error) {
  Dependency database, storage, mail;
  health.add(check("database", Severity::stops, database));
  health.add(check("storage", Severity::degrades, storage));
  health.add(check("mail", Severity::optional, mail));
  for (const auto& service : health.services()) EXPECT_EQ(service.critical, service.name != "mail");
  health.start();
  struct Case {
    bool database, storage, mail;
    int status;
    std::string_view word;
    int ready;
  };
  for (const auto& c :
       {Case{true, true, true, 200, "ok", 200}, Case{true, true, false, 200, "ok", 200},
        Case{true, false, true, 503, "degraded", 200}, Case{false, true, true, 503, "error", 503},
        Case{false, false, false, 503, "error", 503}, Case{true, true, true, 200, "ok", 200}}) {
    database.up = c.database;
    storage.up = c.storage;
    mail.up = c.mail;
    clock.run_for(3s);
    EXPECT_EQ(health.health().status, c.status);
    EXPECT_THAT(body(health.health()), HasSubstr(R"("status":")" + std::string{c.word} + '"'));
    EXPECT_EQ(health.ready().status, c.ready);
  }
  EXPECT_THAT(body(health.health()), HasSubstr(R"({"database":true,"storage":true,"mail":true})"));
}

TEST_F(HealthTest, an_outage_shows_within_five_seconds_even_when_the_probe_hangs) {
  async::Event never{loop.get_executor()};
  bool hang = false;
  health.add({"database", Severity::stops, [&]() -> async::Task<Result<>> {
                if (hang) co_await never.wait();
                co_return Result<>{};
              }});
  health.start();
  clock.run_for(10s);
  EXPECT_EQ(health.health().status, 200);
  hang = true;
  clock.run_for(5s);
  EXPECT_EQ(health.health().status, 503);
  hang = false;
  never.set();
  clock.run_for(5s);
  EXPECT_EQ(health.health().status, 200);
}

TEST_F(HealthTest, a_probe_that_throws_is_down_and_is_asked_again) {
  bool broken = true;
  health.add({"database", Severity::stops, [&]() -> async::Task<Result<>> {
                if (broken) throw std::runtime_error("defect");
                co_return Result<>{};
              }});
  health.start();
  clock.run_for(3s);
  EXPECT_EQ(health.health().status, 503);
  broken = false;
  clock.run_for(3s);
  EXPECT_EQ(health.health().status, 200);
}

TEST_F(HealthTest, what_goes_down_says_why) {
  const test::LoggedLines logged;
  async::Event never{loop.get_executor()};
  enum { well, away, throws, hangs } mood = well;
  health.add({"storage", Severity::degrades, [&]() -> async::Task<Result<>> {
                if (mood == away) co_return unavailable("mount_lost", "mount it");
                if (mood == throws) throw std::runtime_error("defect");
                if (mood == hangs) co_await never.wait();
                co_return Result<>{};
              }});
  health.start();
  clock.run_for(3s);
  for (const auto next : {away, well, throws, well, hangs}) {
    mood = next;
    clock.run_for(5s);
  }
  mood = well;
  never.set();
  clock.run_for(5s);
  EXPECT_THAT(logged.of("health.check_down"),
              testing::ElementsAre("service=storage code=mount_lost error=mount it ",
                                   "service=storage code=probe_threw error=defect ",
                                   HasSubstr("code=probe_silent ")));
}

TEST_F(HealthTest, requests_cost_no_probe) {
  Dependency database;
  health.add(check("database", Severity::stops, database));
  health.start();
  clock.run_for(1'500ms);
  const int before = database.probes;
  for (int i = 0; i < 1'000; ++i) health.health();
  EXPECT_EQ(database.probes, before);
}

TEST_F(HealthTest, ready_says_why_it_is_not) {
  bool room = true;
  health.admission([&] { return room; });
  health.start();
  clock.run_for(1s);
  EXPECT_EQ(body(health.ready()), R"({"ready":true,"reasons":[]})");
  room = false;
  clock.run_for(2s);
  EXPECT_EQ(health.ready().status, 503);
  EXPECT_EQ(body(health.ready()), R"({"ready":false,"reasons":["capacity"]})");
  health.set_draining(true);
  EXPECT_EQ(body(health.ready()), R"({"ready":false,"reasons":["draining"]})");
}

TEST_F(HealthTest, live_names_the_loop_that_does_not_tick) {
  async::Loop other;
  health.watch("web0", loop.get_executor());
  health.watch("web1", other.get_executor());
  health.start();
  for (int i = 0; i < 10; ++i) {
    clock.run_for(1s);
    other.restart();
    other.poll();
  }
  EXPECT_EQ(health.live().status, 200);
  clock.run_for(7s);
  EXPECT_EQ(health.live().status, 503);
  EXPECT_EQ(body(health.live()), R"({"live":false,"stuck":["web1"]})");
}

// A clock of its own, so that the health's loop stands still while time goes on.
TEST(HealthLoop, a_snapshot_that_nobody_renews_is_an_error) {
  class Hand final : public async::Clock {
   public:
    SteadyTime now() const override { return now_; }
    UtcTime utc() const override { return {}; }
    async::Task<> sleep_until(SteadyTime) override { co_return; }
    SteadyTime now_{};
  } clock;
  async::Loop loop;
  const Health health{loop.get_executor(), clock, {.version = "1", .environment = "test"}};
  EXPECT_EQ(health.health().status, 200);
  clock.now_ += 6s;
  EXPECT_EQ(health.health().status, 503);
  EXPECT_THAT(body(health.health()), HasSubstr(R"("status":"error")"));
  EXPECT_EQ(health.ready().status, 503);
  EXPECT_EQ(health.live().status, 503);
}

}  // namespace
}  // namespace voxanne::ops
