#include "jobs/runner.h"

#include "support/logged_lines.h"
#include "support/virtual_clock.h"

#include <boost/asio/detached.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

namespace voxanne::jobs {
namespace {

using namespace std::chrono_literals;

struct Item {
  int id = 0;
  int attempts = 0;
};

// A queue in memory with the promises of a durable one, and faults on demand.
class FakeQueue final : public Queue<Item> {
 public:
  explicit FakeQueue(async::Clock& clock) : clock_(clock) {}

  struct Row {
    UtcTime due;
    int attempts = 0;
    std::string state = "waiting";
  };

  void enqueue(int id) { rows[id] = {clock_.utc()}; }

  async::Task<Result<std::vector<Item>>> claim(int limit, UtcTime lease_until) override {
    ++claims;
    if (away) co_return unavailable("database_unavailable", "away");
    std::vector<Item> taken;
    for (auto& [id, row] : rows) {
      if (row.state != "waiting" || row.due > clock_.utc() || int(taken.size()) == limit) continue;
      row.due = lease_until;
      taken.push_back({id, ++row.attempts});
    }
    co_return taken;
  }
  async::Task<Result<std::optional<UtcTime>>> next_due() override {
    std::optional<UtcTime> next;
    for (auto& [id, row] : rows)
      if (row.state == "waiting" && (!next || row.due < *next)) next = row.due;
    co_return next;
  }
  async::Task<Outcome> handle(Item& item) override {
    ++busy;
    most_busy = std::max(most_busy, busy);
    struct Leave {
      int& busy;
      ~Leave() { --busy; }
    } const leave{busy};
    started.push_back(item.id);
    co_await clock_.sleep_for(work_time);
    if (throws) throw std::runtime_error("bad item");
    co_return outcome;
  }
  int attempts(const Item& item) const override { return item.attempts; }
  Subject subject(const Item& item) const override { return {"org_1", "call_" + std::to_string(item.id)}; }
  async::Task<Result<>> complete(Item& item, const Outcome& result, UtcTime next) override {
    if (away) co_return unavailable("database_unavailable", "away");
    Row& row = rows.at(item.id);
    codes.push_back(result.error.code);
    if (row.attempts != item.attempts) co_return Error{Fault::conflict, "guard_failed", "lease lost"};
    row.due = next;
    if (result.kind == Outcome::Kind::done) row.state = "done";
    if (result.kind == Outcome::Kind::failed) row.state = "failed";
    co_return Result<>{};
  }

  std::map<int, Row> rows;
  std::vector<int> started;
  std::vector<std::string> codes;
  milliseconds work_time{1'000};
  Outcome outcome;
  bool throws = false, away = false;
  int claims = 0, busy = 0, most_busy = 0;

 private:
  async::Clock& clock_;
};

class JobRunner : public testing::Test {
 protected:
  ~JobRunner() override {
    async::asio::co_spawn(loop, runner.stop(), async::asio::detached);
    clock.run_for(60s);
  }

  test::LoggedLines logged;
  async::Loop loop;
  test::VirtualClock clock{loop};
  FakeQueue queue{clock};
  RunnerOptions options{.name = "test", .parallel = 2, .backoff = {1s, 60s}};
  Runner<Item> runner{loop.get_executor(), clock, queue, options};
};

TEST_F(JobRunner, works_what_is_due_and_no_more_at_once_than_allowed) {
  for (int id = 1; id <= 5; ++id) queue.enqueue(id);
  runner.start();
  clock.run_for(999ms);
  EXPECT_THAT(queue.started, testing::ElementsAre(1, 2));
  clock.run_for(2'500ms);
  EXPECT_THAT(queue.started, testing::ElementsAre(1, 2, 3, 4, 5));
  for (auto& [id, row] : queue.rows) EXPECT_EQ(row.state, "done");
  EXPECT_EQ(queue.most_busy, 2);
}

TEST_F(JobRunner, wakes_when_something_is_enqueued) {
  runner.start();
  clock.run_for(10s);
  queue.enqueue(1);
  clock.settle();
  EXPECT_TRUE(queue.started.empty());
  runner.wake();
  clock.settle();
  EXPECT_THAT(queue.started, testing::ElementsAre(1));
}

TEST_F(JobRunner, looks_by_itself_for_what_others_enqueued) {
  runner.start();
  clock.run_for(1s);
  queue.enqueue(1);
  clock.run_for(options.poll);
  EXPECT_THAT(queue.started, testing::ElementsAre(1));
}

TEST_F(JobRunner, retries_with_growing_waits_until_it_is_done) {
  queue.outcome = {Outcome::Kind::retry, unavailable("store_away", "away")};
  queue.enqueue(1);
  runner.start();
  clock.run_for(1s);
  ASSERT_EQ(queue.rows[1].attempts, 1);
  const auto wait = queue.rows[1].due - clock.utc();
  EXPECT_GE(wait, 500ms);
  EXPECT_LE(wait, 1s);
  clock.run_for(10min);
  EXPECT_GT(queue.rows[1].attempts, 8);
  EXPECT_LT(queue.rows[1].attempts, 60) << "it does not hammer";
  queue.outcome = {};
  clock.run_for(2min);
  EXPECT_EQ(queue.rows[1].state, "done");
}

TEST_F(JobRunner, a_retry_waits_at_least_as_long_as_it_was_told) {
  queue.outcome = {Outcome::Kind::retry, {Fault::rate_limited, "slow_down", "", 300s}};
  queue.enqueue(1);
  runner.start();
  clock.run_for(299s);
  EXPECT_EQ(queue.rows[1].attempts, 1);
  clock.run_for(3s);
  EXPECT_EQ(queue.rows[1].attempts, 2);
}

TEST_F(JobRunner, failed_is_final) {
  queue.outcome = {Outcome::Kind::failed, {Fault::not_found, "source_missing", ""}};
  queue.enqueue(1);
  runner.start();
  clock.run_for(1h);
  EXPECT_EQ(queue.rows[1].state, "failed");
  EXPECT_EQ(queue.rows[1].attempts, 1);
}

TEST_F(JobRunner, an_exception_is_a_retry_at_once_and_not_when_the_lease_ends) {
  queue.throws = true;
  queue.enqueue(1);
  runner.start();
  clock.run_for(1s);
  EXPECT_THAT(queue.codes, testing::ElementsAre("exception"));
  for (const char* line : {"jobs.exception", "jobs.attempt_failed"})
    EXPECT_THAT(logged.of(line), testing::ElementsAre(testing::HasSubstr("orgId=org_1 callId=call_1 ")));
}

TEST_F(JobRunner, work_that_outlives_its_lease_is_cancelled_and_due_again) {
  queue.work_time = 10min;
  queue.enqueue(1);
  runner.start();
  clock.run_for(options.lease);
  EXPECT_THAT(queue.codes, testing::ElementsAre("lease_ran_out"));
  EXPECT_EQ(queue.busy, 0);
}

TEST_F(JobRunner, a_queue_that_is_away_is_asked_again_and_then_worked) {
  queue.away = true;
  queue.enqueue(1);
  runner.start();
  clock.run_for(5min);
  EXPECT_GT(queue.claims, 5);
  EXPECT_LT(queue.claims, 60);
  queue.away = false;
  clock.run_for(2min);
  EXPECT_EQ(queue.rows[1].state, "done");
}

TEST_F(JobRunner, an_outcome_that_cannot_be_recorded_is_tried_again_within_the_lease) {
  queue.enqueue(1);
  runner.start();
  clock.run_for(500ms);
  queue.away = true;
  clock.run_for(5s);
  queue.away = false;
  clock.run_for(20s);
  EXPECT_EQ(queue.rows[1].state, "done");
  EXPECT_EQ(queue.rows[1].attempts, 1) << "not worked twice";
}

TEST_F(JobRunner, stop_lets_running_work_finish_within_its_grace) {
  for (int id = 1; id <= 3; ++id) queue.enqueue(id);
  runner.start();
  clock.run_for(500ms);
  bool stopped = false;
  async::asio::co_spawn(loop, runner.stop(), [&](std::exception_ptr) { stopped = true; });
  clock.run_for(499ms);
  EXPECT_FALSE(stopped);
  clock.run_for(1ms);
  EXPECT_TRUE(stopped);
  EXPECT_EQ(queue.rows[1].state, "done");
  EXPECT_EQ(queue.rows[2].state, "done");
  EXPECT_EQ(queue.rows[3].attempts, 0) << "nothing new is taken";
}

TEST_F(JobRunner, stop_gives_back_what_does_not_finish) {
  queue.work_time = 30s;
  queue.enqueue(1);
  runner.start();
  clock.run_for(1s);
  bool stopped = false;
  async::asio::co_spawn(loop, runner.stop(), [&](std::exception_ptr) { stopped = true; });
  clock.run_for(options.grace);
  EXPECT_TRUE(stopped);
  EXPECT_EQ(queue.rows[1].state, "waiting");
  EXPECT_LE(queue.rows[1].due, clock.utc());
  EXPECT_EQ(queue.busy, 0);
}

}  // namespace
}  // namespace voxanne::jobs
