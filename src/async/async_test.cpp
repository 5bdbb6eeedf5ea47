#include "async/backoff.h"
#include "async/channel.h"
#include "async/circuit_breaker.h"
#include "async/deadline.h"
#include "async/task_group.h"
#include "async/thread.h"
#include "async/wait.h"
#include "async/worker_pool.h"
#include "support/virtual_clock.h"

#include <gtest/gtest.h>

#include <map>

namespace voxanne::async {
namespace {

class OnVirtualTime : public testing::Test {
 protected:
  Loop loop_{1};
  test::VirtualClock clock_{loop_};
  TaskGroup group_{loop_.get_executor(), "test"};

  void TearDown() override {
    group_.cancel();
    clock_.settle();
    EXPECT_TRUE(group_.empty());
  }
};

TEST_F(OnVirtualTime, sleepers_wake_in_order_without_waiting) {
  std::vector<int> woken;
  for (const int s : {3, 1, 2})
    group_.spawn([](test::VirtualClock& clock, std::vector<int>& out, int wait) -> Task<> {
      co_await clock.sleep_for(seconds{wait});
      out.push_back(wait);
    }(clock_, woken, s));
  clock_.run_for(2s);
  EXPECT_EQ(woken, (std::vector{1, 2}));
  clock_.run_for(1s);
  EXPECT_EQ(woken, (std::vector{1, 2, 3}));
}

// Rings what is set, and not what was destroyed; one destroys itself, one sets itself anew.
struct Alarms {
  void set(Clock& clock, Executor executor, milliseconds unit) {
    const auto start = clock.now();
    own = clock.alarm(executor, start + unit, [this] { rung += "a", own.reset(); });
    gone = clock.alarm(executor, start + unit, [this] { rung += "x"; });
    again = clock.alarm(executor, start + 2 * unit, [this, &clock, executor, unit] {
      rung += "b";
      again = clock.alarm(executor, clock.now() + unit, [this] { rung += "c"; });
    });
    gone.reset();
  }
  std::string rung;
  std::unique_ptr<Alarm> own, gone, again;
};

TEST_F(OnVirtualTime, an_alarm_rings_once_unless_it_is_gone) {
  Alarms alarms;
  alarms.set(clock_, loop_.get_executor(), 1s);
  clock_.run_for(1s);
  EXPECT_EQ(alarms.rung, "a");
  clock_.run_for(10s);
  EXPECT_EQ(alarms.rung, "abc");
}

TEST(AlarmTest, rings_at_the_system_s_time) {
  Loop loop{1};
  SystemClock clock;
  Alarms alarms;
  const auto begun = clock.now();
  alarms.set(clock, loop.get_executor(), 20ms);
  loop.run();
  EXPECT_EQ(alarms.rung, "abc");
  EXPECT_GE(clock.now() - begun, 60ms);
}

TEST(AlarmTest, one_that_is_due_already_and_goes_does_not_ring) {
  Loop loop{1};
  SystemClock clock;
  std::string rung;
  std::unique_ptr<Alarm> second;
  const auto due = clock.now();
  const auto first = clock.alarm(loop.get_executor(), due, [&] { rung += "1", second.reset(); });
  second = clock.alarm(loop.get_executor(), due, [&] { rung += "2"; });
  loop.run();
  EXPECT_EQ(rung, "1");
}

TEST_F(OnVirtualTime, cancelled_group_ends_its_sleepers_and_refuses_new_tasks) {
  bool reached = false, spawned_late = false;
  group_.spawn([](test::VirtualClock& clock, bool& flag) -> Task<> {
    co_await clock.sleep_for(10s);
    flag = true;
  }(clock_, reached));
  clock_.settle();
  group_.cancel();
  group_.spawn([](bool& flag) -> Task<> {
    flag = true;
    co_return;
  }(spawned_late));
  clock_.run_for(20s);
  EXPECT_TRUE(group_.empty());
  EXPECT_FALSE(reached);
  EXPECT_FALSE(spawned_late);
}

TEST_F(OnVirtualTime, cancel_current_leaves_the_group_usable) {
  int ran = 0;
  auto task = [](test::VirtualClock& clock, int& count) -> Task<> {
    co_await clock.sleep_for(1s);
    ++count;
  };
  group_.spawn(task(clock_, ran));
  clock_.settle();
  group_.cancel_current();
  group_.spawn(task(clock_, ran));
  clock_.run_for(2s);
  EXPECT_EQ(ran, 1);
}

TEST_F(OnVirtualTime, failure_reaches_its_handler_and_the_others_go_on) {
  int failures = 0, finished = 0;
  TaskGroup group{loop_.get_executor(), "failing", [&](std::exception_ptr) { ++failures; }};
  group.spawn([]() -> Task<> {
    throw std::runtime_error("defect");
    co_return;
  }());
  group.spawn([](test::VirtualClock& clock, int& count) -> Task<> {
    co_await clock.sleep_for(1s);
    ++count;
  }(clock_, finished));
  clock_.run_for(2s);
  EXPECT_EQ(failures, 1);
  EXPECT_EQ(finished, 1);
}

TEST_F(OnVirtualTime, channel_delivers_what_was_buffered_before_close) {
  Channel<int> channel{loop_.get_executor(), 2};
  EXPECT_TRUE(channel.try_push(1));
  EXPECT_TRUE(channel.try_push(2));
  EXPECT_FALSE(channel.try_push(3));
  channel.close();
  std::vector<int> got;
  bool ended = false;
  group_.spawn([](Channel<int>& from, std::vector<int>& out, bool& end) -> Task<> {
    while (auto value = co_await from.pop()) out.push_back(*value);
    end = true;
  }(channel, got, ended));
  clock_.settle();
  EXPECT_EQ(got, (std::vector{1, 2}));
  EXPECT_TRUE(ended);
}

TEST_F(OnVirtualTime, deadline_cancels_the_task_it_bounds) {
  std::optional<Result<int>> slow, quick;
  auto work = [](test::VirtualClock& clock, milliseconds time) -> Task<Result<int>> {
    co_await clock.sleep_for(time);
    co_return 7;
  };
  auto bounded = [&](milliseconds time, std::optional<Result<int>>& out) -> Task<> {
    out = co_await with_deadline(clock_, Deadline::after(clock_, 1s), work(clock_, time));
  };
  group_.spawn(bounded(5s, slow));
  group_.spawn(bounded(500ms, quick));
  clock_.run_for(1s);
  ASSERT_TRUE(slow && quick);
  EXPECT_EQ(slow->error().kind, Fault::timed_out);
  EXPECT_EQ(quick->value(), 7);
}

TEST_F(OnVirtualTime, what_a_bounded_task_throws_is_told_when_it_is_thrown) {
  std::optional<SteadyTime> told;
  auto throwing = [](test::VirtualClock& clock) -> Task<Result<int>> {
    co_await clock.sleep_for(100ms);
    throw std::runtime_error("inside");
  };
  const SteadyTime start = clock_.now();
  group_.spawn([](auto& self, auto make, std::optional<SteadyTime>& at) -> Task<> {
    try {
      static_cast<void>(
          co_await with_deadline(self.clock_, Deadline::after(self.clock_, 5s), make(self.clock_)));
    } catch (const std::runtime_error&) {
      at = self.clock_.now();
    }
  }(*this, throwing, told));
  clock_.run_for(6s);
  EXPECT_EQ(told, start + 100ms);
}

TEST_F(OnVirtualTime, waiting_for_an_event_ends_with_it_or_with_the_deadline) {
  Event early{loop_.get_executor()}, late{loop_.get_executor()}, before{loop_.get_executor()};
  before.set();
  std::map<std::string, std::pair<bool, SteadyTime>> seen;
  auto waiting = [&](std::string name, Event& event, milliseconds limit) -> Task<> {
    const bool set = co_await wait_until(clock_, Deadline::after(clock_, limit), event);
    seen[name] = {set, clock_.now()};
  };
  const SteadyTime start = clock_.now();
  group_.spawn(waiting("early", early, 1s));
  group_.spawn(waiting("late", late, 1s));
  group_.spawn(waiting("before", before, 0ms));
  clock_.run_for(400ms);
  early.set();
  clock_.run_for(1s);
  late.set();
  clock_.settle();
  EXPECT_EQ(seen["early"], (std::pair{true, start + 400ms}));
  EXPECT_EQ(seen["late"], (std::pair{false, start + 1s}));
  EXPECT_EQ(seen["before"], (std::pair{true, start}));
}

TEST(CircuitBreakerTest, opens_tries_once_and_backs_off) {
  CircuitBreaker breaker{{.threshold = 2, .pause = 1s, .max_pause = 3s}};
  SteadyTime now{};
  EXPECT_TRUE(breaker.allow(now));
  breaker.failure(now);
  EXPECT_TRUE(breaker.allow(now));
  breaker.failure(now);
  EXPECT_FALSE(breaker.allow(now));
  now += 1s;
  EXPECT_TRUE(breaker.allow(now));
  EXPECT_FALSE(breaker.allow(now)) << "one trial at a time";
  breaker.failure(now);
  EXPECT_FALSE(breaker.allow(now + 1s)) << "the pause doubled";
  EXPECT_TRUE(breaker.allow(now + 2s));
  breaker.success();
  EXPECT_EQ(breaker.state(), CircuitBreaker::State::closed);
}

TEST(BackoffTest, stays_within_its_bounds) {
  std::mt19937 random{1};
  const Backoff backoff{100ms, 2s};
  for (int attempt = 0; attempt < 40; ++attempt) {
    const auto wait = backoff.wait(attempt, random);
    EXPECT_GE(wait, 50ms);
    EXPECT_LE(wait, 2s);
  }
}

TEST(WorkerPoolTest, runs_elsewhere_and_resumes_at_home) {
  WorkerPool workers{"test", 2};
  LoopThread home{"home"};
  auto task = [](WorkerPool& pool) -> Task<std::pair<bool, bool>> {
    const auto before = std::this_thread::get_id();
    const auto worker = co_await pool.run([] { return std::this_thread::get_id(); });
    co_return std::pair{worker != before, std::this_thread::get_id() == before};
  };
  EXPECT_EQ(run_on(home.executor(), task(workers)), (std::pair{true, true}));
  auto failing = [](WorkerPool& pool) -> Task<> {
    co_await pool.run([] { throw std::runtime_error("inside"); });
  };
  EXPECT_THROW(run_on(home.executor(), failing(workers)), std::runtime_error);
}

TEST(WorkerPoolTest, who_may_leave_goes_on_at_its_deadline_and_what_comes_later_is_dropped) {
  SystemClock clock;
  std::promise<void> released;
  const auto kept = std::make_shared<int>(7);
  {
    LoopThread home{"home"};
    WorkerPool workers{"test", 1};
    const auto bounded = [&](milliseconds limit, auto f) {
      auto task = [](WorkerPool& pool, auto job) -> Task<Result<int>> {
        co_return co_await pool.run_or_leave(std::move(job));
      };
      return run_on(home.executor(),
                    with_deadline(clock, Deadline::after(clock, limit), task(workers, std::move(f))));
    };
    EXPECT_EQ(bounded(5s, [kept] { return *kept; }).value(), 7);
    EXPECT_THROW(static_cast<void>(bounded(5s, []() -> int { throw std::runtime_error("inside"); })),
                 std::runtime_error);
    const auto slow = bounded(30ms, [kept, until = released.get_future().share()] {
      until.wait();
      return *kept;
    });
    ASSERT_FALSE(slow);
    EXPECT_EQ(slow.error().kind, Fault::timed_out);
    released.set_value();
    EXPECT_EQ(bounded(5s, [kept] { return *kept + 1; }).value(), 8) << "the worker is free again";
    for (int i = 0; i < 300; ++i) {  // an end in the same moment
      const auto either = bounded(milliseconds{i % 2}, [i] {
        std::this_thread::sleep_for(std::chrono::microseconds{900 + i % 100});
        return i;
      });
      EXPECT_TRUE(either ? *either == i : either.error().kind == Fault::timed_out);
    }
  }
  EXPECT_EQ(kept.use_count(), 1);
}

// A sanitizer sees it when it does.
TEST(ReplyTest, who_has_answered_touches_nothing_of_a_loop_that_is_gone) {
  WorkerPool pool{"pool", 2};
  for (int i = 0; i < 500; ++i) {
    LoopThread asking{"asking"};
    EXPECT_EQ(run_on(asking.executor(), pool.run([i] { return i; })), i);
  }
}

TEST(ReplyTest, a_task_on_another_loop_answers_with_its_value_or_its_exception) {
  LoopThread here{"here"}, there{"there"};
  const auto work = [](bool fails) -> Task<std::thread::id> {
    if (fails) throw std::runtime_error("on purpose");
    co_return std::this_thread::get_id();
  };
  const auto ask = [&](bool fails) {
    return run_on(here.executor(), on_loop(there.executor(), work(fails)));
  };
  const auto id = [](Executor executor) {
    return run_on(executor, []() -> Task<std::thread::id> { co_return std::this_thread::get_id(); }());
  };
  EXPECT_EQ(ask(false), id(there.executor()));
  EXPECT_THROW(ask(true), std::runtime_error);
  EXPECT_EQ(run_on(there.executor(), on_loop(there.executor(), work(false))), id(there.executor()));
}

}  // namespace
}  // namespace voxanne::async
