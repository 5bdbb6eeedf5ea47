#include "jobs/scheduler.h"

#include "async/event.h"
#include "async/thread.h"
#include "store/sqlite/sqlite_store.h"
#include "support/temp_dir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

namespace voxanne::jobs {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using store::RunOutcome;
using testing::HasSubstr;

// A clock that the test sets; who sleeps looks at it every millisecond.
class SetClock final : public async::Clock {
 public:
  SteadyTime now() const override { return SteadyTime{milliseconds{passed}}; }
  UtcTime utc() const override { return start + milliseconds{passed}; }
  async::Task<> sleep_until(SteadyTime time) override {
    async::SteadyTimer timer{co_await async::asio::this_coro::executor};
    while (now() < time) {
      timer.expires_after(milliseconds{1});
      co_await timer.async_wait(async::use_task);
    }
  }
  std::atomic<std::int64_t> passed{0};

 private:
  UtcTime start = parse_rfc3339("2026-06-01T00:00:00Z").value();
};

class CountingJob final : public Job {
 public:
  explicit CountingJob(async::Clock& clock) : clock_(clock) {}
  async::Task<Result<RunReport>> run(RunOptions options) override {
    ++begun;
    most = std::max<int>(most, ++running);
    struct Leave {
      std::atomic<int>& running;
      ~Leave() { --running; }
    } const leave{running};
    while (hold) co_await clock_.sleep_for(milliseconds{1});
    if (throws) throw std::runtime_error("on purpose");
    if (fails) co_return unavailable("store_away", "away on purpose");
    co_return RunReport{.stopped = stops && !options.force, .json = R"({"deleted":3})"};
  }
  std::atomic<int> begun{0}, running{0}, most{0};
  std::atomic<bool> hold{false}, fails{false}, stops{false}, throws{false};

 private:
  async::Clock& clock_;
};

class SchedulerTest : public testing::Test {
 protected:
  struct Node {
    Node(SchedulerTest& test, std::string name, const char* cron = "0 2 * * *")
        : scheduler(loop.executor(), test.clock_, test.gate_, std::move(name), {.poll = milliseconds{300}}) {
      scheduler.add("sweep", Cron::parse(cron).value(), test.job_);
    }
    ~Node() { stop(); }
    void start() {
      async::asio::post(loop.executor(), [this] { scheduler.start(); });
    }
    void stop() {
      if (!std::exchange(stopped, true)) async::run_on(loop.executor(), scheduler.stop());
    }
    Result<store::JobRun> run(RunOptions options, std::string job = "sweep") {
      return async::run_on(loop.executor(), scheduler.run(std::move(job), options));
    }
    async::LoopThread loop{"node"};
    Scheduler scheduler;
    bool stopped = false;
  };

  void SetUp() override {
    sqlite_ = store::SqliteStore::open({.path = (directory_.path() / "v.db").string()}).value();
    gate_.inner(*sqlite_);
  }
  void TearDown() override { sqlite_->stop(); }

  void pass(milliseconds time) { clock_.passed += time.count(); }
  std::vector<store::JobRun> runs() {
    std::vector<store::JobRun> out;
    EXPECT_TRUE(async::run_on(loop_.executor(),
                              store::page_of_job_runs(*sqlite_, {.limit = 100}, [&](const store::Row& row) {
                                out.push_back(store::job_run_from(row));
                              })));
    return out;
  }
  // Time goes on a little meanwhile: who has just looked at the clock sleeps from what it saw.
  bool eventually(const std::function<bool()>& holds) {
    const auto until = std::chrono::steady_clock::now() + seconds{20};
    while (!holds()) {
      if (std::chrono::steady_clock::now() > until) return false;
      pass(milliseconds{20});
      std::this_thread::yield();
    }
    return true;
  }
  bool finished(std::size_t count) {
    return eventually([&] {
      const auto all = runs();
      return all.size() == count && all.front().outcome != RunOutcome::running;
    });
  }
  // The job has been looked at, so that it counts from now.
  void let_begin(Node& node) {
    node.start();
    ASSERT_TRUE(async::run_on(loop_.executor(), store::job_schedule(*sqlite_, "sweep", clock_.utc())));
  }

  // Lets a database be given after it.
  class Gate final : public store::Store {
   public:
    void inner(store::Store& store) { store_ = &store; }
    async::Task<Result<>> read(const store::Statement& s, std::vector<store::Value> values,
                               store::RowVisitor visit) override {
      return store_->read(s, std::move(values), std::move(visit));
    }
    async::Task<Result<>> write(store::Batch batch) override {
      if (shut) co_return unavailable("database_locked", "shut on purpose");
      co_return co_await store_->write(std::move(batch));
    }
    std::atomic<bool> shut{false};

   private:
    store::Store* store_ = nullptr;
  };

  test::TempDir directory_;
  SetClock clock_;
  async::LoopThread loop_{"test"};
  std::unique_ptr<store::SqliteStore> sqlite_;
  Gate gate_;
  CountingJob job_{clock_};
};

TEST_F(SchedulerTest, runs_when_due_and_not_before) {
  Node node{*this, "one"};
  let_begin(node);
  pass(hours{2} - milliseconds{1});
  EXPECT_TRUE(runs().empty());
  pass(milliseconds{1});
  ASSERT_TRUE(finished(1));
  const auto run = runs().front();
  EXPECT_EQ(run.outcome, RunOutcome::done);
  EXPECT_EQ(to_rfc3339(run.due_at.value()), "2026-06-01T02:00:00.000Z");
  EXPECT_EQ(run.node, "one");
  EXPECT_EQ(run.report, R"({"deleted":3})");
  pass(hours{24});
  ASSERT_TRUE(finished(2));
  EXPECT_EQ(job_.begun, 2);
}

TEST_F(SchedulerTest, all_that_was_missed_while_nobody_ran_is_one_run) {
  {
    Node node{*this, "one"};
    let_begin(node);
  }
  pass(hours{24 * 9 + 7});
  Node again{*this, "one"};
  again.start();
  ASSERT_TRUE(finished(1));
  EXPECT_EQ(to_rfc3339(runs().front().due_at.value()), "2026-06-10T02:00:00.000Z");
  pass(hours{10});
  EXPECT_EQ(runs().size(), 1u);
}

TEST_F(SchedulerTest, many_processes_run_it_once) {
  std::vector<std::unique_ptr<Node>> nodes;
  for (int i = 0; i < 5; ++i) {
    nodes.push_back(std::make_unique<Node>(*this, "node-" + std::to_string(i)));
    let_begin(*nodes.back());
  }
  for (int day = 1; day <= 10; ++day) {
    pass(hours{day == 1 ? 2 : 24});
    ASSERT_TRUE(finished(std::size_t(day)));
  }
  EXPECT_EQ(job_.begun, 10);
  EXPECT_EQ(job_.most, 1);
}

TEST_F(SchedulerTest, a_long_run_keeps_its_lease) {
  Node one{*this, "one"}, two{*this, "two"};
  let_begin(one);
  let_begin(two);
  job_.hold = true;
  pass(hours{2});
  ASSERT_TRUE(eventually([&] { return job_.running == 1; }));
  for (int i = 0; i < 20; ++i) {
    const auto before = async::run_on(loop_.executor(), store::job_schedule(*sqlite_, "sweep", clock_.utc()))
                            .value()
                            .lease_until;
    pass(seconds{21});
    ASSERT_TRUE(eventually([&] {
      return async::run_on(loop_.executor(), store::job_schedule(*sqlite_, "sweep", clock_.utc()))
                 .value()
                 .lease_until > before;
    }));
  }
  EXPECT_EQ(two.run({}).error().code, "job_running");
  job_.hold = false;
  ASSERT_TRUE(finished(1));
  EXPECT_EQ(job_.most, 1);
}

TEST_F(SchedulerTest, a_dead_process_s_run_is_taken_over_when_its_lease_ends) {
  store::JobRun dead{.id = "run_dead", .name = "sweep", .node = "dead", .started_at = clock_.utc()};
  dead.due_at = clock_.utc() + hours{2};
  ASSERT_TRUE(async::run_on(loop_.executor(), store::job_schedule(*sqlite_, "sweep", clock_.utc())));
  pass(hours{2});
  store::Batch batch;
  store::claim_run(batch, dead, clock_.utc(), clock_.utc() + minutes{1});
  ASSERT_TRUE(async::run_on(loop_.executor(), sqlite_->write(std::move(batch))));
  Node node{*this, "one"};
  node.start();
  EXPECT_EQ(node.run({}).error().code, "job_running");
  pass(seconds{61});
  ASSERT_TRUE(finished(2));
  const auto all = runs();
  EXPECT_EQ(all[0].outcome, RunOutcome::done);
  EXPECT_EQ(all[0].due_at, dead.due_at);
  EXPECT_EQ(all[1].outcome, RunOutcome::abandoned);
}

TEST_F(SchedulerTest, a_run_that_fails_is_tried_again_and_one_that_stops_is_not) {
  Node node{*this, "one"};
  let_begin(node);
  job_.fails = true;
  pass(hours{2});
  ASSERT_TRUE(finished(1));
  EXPECT_EQ(runs().front().outcome, RunOutcome::failed);
  EXPECT_THAT(runs().front().report, HasSubstr("store_away"));
  job_.fails = false;
  job_.throws = true;
  pass(minutes{5});
  ASSERT_TRUE(finished(2));
  EXPECT_THAT(runs().front().report, HasSubstr("job_threw"));
  job_.throws = false;
  job_.stops = true;
  pass(minutes{5});
  ASSERT_TRUE(finished(3));
  EXPECT_EQ(runs().front().outcome, RunOutcome::stopped);
  EXPECT_EQ(node.run({.force = true}).value().outcome, RunOutcome::done);
  job_.stops = false;
  pass(hours{24});
  ASSERT_TRUE(finished(5));
  EXPECT_EQ(to_rfc3339(runs().front().due_at.value()), "2026-06-02T02:00:00.000Z");
}

TEST_F(SchedulerTest, stopping_gives_the_run_back_at_once) {
  auto one = std::make_unique<Node>(*this, "one");
  let_begin(*one);
  job_.hold = true;
  pass(hours{2});
  ASSERT_TRUE(eventually([&] { return job_.running == 1; }));
  one->stop();
  EXPECT_EQ(job_.running, 0);
  EXPECT_EQ(runs().front().outcome, RunOutcome::failed);
  EXPECT_THAT(runs().front().report, HasSubstr("job_interrupted"));
  job_.hold = false;
  Node two{*this, "two"};
  two.start();
  ASSERT_TRUE(finished(2));
  EXPECT_EQ(runs().front().outcome, RunOutcome::done);
}

TEST_F(SchedulerTest, a_run_that_cannot_renew_its_lease_is_cancelled) {
  Node node{*this, "one"};
  let_begin(node);
  job_.hold = true;
  pass(hours{2});
  ASSERT_TRUE(eventually([&] { return job_.running == 1; }));
  gate_.shut = true;
  ASSERT_TRUE(eventually([&] {
    pass(seconds{1});
    return job_.running == 0;
  }));
  gate_.shut = false;
  job_.hold = false;
  ASSERT_TRUE(eventually([&] {
    pass(seconds{1});
    return runs().front().outcome == RunOutcome::done;
  }));
  // By itself, if the database was back before it could say so; else by the run after it.
  EXPECT_THAT(runs().back().outcome, testing::AnyOf(RunOutcome::failed, RunOutcome::abandoned));
}

TEST_F(SchedulerTest, by_hand_it_runs_beside_the_time_table) {
  Node node{*this, "one"};
  const auto dry = node.run({.dry_run = true});
  ASSERT_TRUE(dry) << dry.error().message;
  EXPECT_TRUE(dry->dry_run);
  EXPECT_FALSE(dry->due_at);
  EXPECT_EQ(node.run({}, "sweeep").error().code, "job_unknown");
  let_begin(node);
  pass(hours{2});
  ASSERT_TRUE(finished(2));
  EXPECT_TRUE(runs().front().due_at);
}

}  // namespace
}  // namespace voxanne::jobs
