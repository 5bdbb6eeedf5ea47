// Works a durable queue: claims what is due under a lease, handles up to `parallel` items at once,
// and records each outcome. What is durable is the queue behind `Queue`; the runner itself may die
// at any point, and the lease brings the item back.
//
//   Runner<store::Upload> runner{executor, clock, queue, options};
//   runner.start();            // takes what is due, then sleeps until the next is, or wake()
//   runner.wake();             // after enqueueing, once the batch is durable
//   co_await runner.stop();    // takes no more, finishes what runs within `grace`, then cancels the
//                              // rest, which is due again at once
//
// Owner: whoever owns the queue. Executor: one loop; every function of the queue runs on it. A queue
// that cannot be read (the database is away) is asked again with the same backoff.
#pragma once

#include "async/backoff.h"
#include "async/clock.h"
#include "async/deadline.h"
#include "async/task_group.h"
#include "base/result.h"

#include <atomic>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace voxanne::jobs {

// What came of handling an item once.
struct Outcome {
  enum class Kind { done, retry, failed } kind = Kind::done;
  Error error{};  // of retry and failed; its retry_after is the least wait
};

// Whose an item is, for the log; empty: nobody's, or of no call.
struct Subject {
  std::string org{}, call{};
};

template <class Item>
class Queue {
 public:
  virtual ~Queue() = default;
  // Items that are due now, at most `limit`, each claimed until `lease_until`.
  virtual async::Task<Result<std::vector<Item>>> claim(int limit, UtcTime lease_until) = 0;
  // When the next item becomes due; nullopt: none is waiting.
  virtual async::Task<Result<std::optional<UtcTime>>> next_due() = 0;
  // The work itself. Ends by cancellation when the runner is stopped for good or the lease runs out.
  virtual async::Task<Outcome> handle(Item& item) = 0;
  // How often the item has been claimed, this time included: what its backoff grows with.
  virtual int attempts(const Item& item) const = 0;
  virtual Subject subject(const Item& item) const = 0;
  // Records the outcome; for a retry, when it is due again. A conflict is no error to report: the
  // lease was lost and the item is somebody else's.
  virtual async::Task<Result<>> complete(Item& item, const Outcome& outcome, UtcTime next_attempt_at) = 0;
};

struct RunnerOptions {
  std::string name;  // for logs
  int parallel = 2;
  milliseconds lease{60'000};
  milliseconds grace{10'000};
  // The longest sleep without looking, for items that other processes enqueue.
  milliseconds poll{30'000};
  async::Backoff backoff{milliseconds{1'000}, milliseconds{300'000}};
};

template <class Item>
class Runner {
 public:
  Runner(async::Executor executor, async::Clock& clock, Queue<Item>& queue, RunnerOptions options)
      : clock_(clock),
        queue_(queue),
        options_(std::move(options)),
        look_(executor),
        items_(executor, options_.name + "-items"),
        loop_(executor, options_.name) {}

  void start() { loop_.spawn(work()); }
  void wake() { look_.set(); }
  // Items being handled; any thread.
  int running() const noexcept { return running_; }
  // Whether it could look at its queue when it last tried; on the runner's loop.
  bool reads_its_queue() const noexcept { return misses_ == 0; }
  async::Task<> stop();

 private:
  async::Task<> work();
  async::Task<> sleep();
  async::Task<> run(Item item);
  async::Task<Outcome> attempt(Item& item, async::Deadline lease);
  async::Task<Outcome> guarded(Item& item);
  async::Task<> record(Item& item, const Outcome& outcome, async::Deadline lease);
  UtcTime next_attempt(const Item& item, const Outcome& outcome);

  async::Clock& clock_;
  Queue<Item>& queue_;
  const RunnerOptions options_;
  std::minstd_rand random_{std::random_device{}()};
  std::atomic<int> running_{0};
  int misses_ = 0;  // how often in a row the queue could not be read
  bool stopping_ = false;
  async::Event look_;  // something changed: a wake(), a free place, the end
  async::TaskGroup items_;
  async::TaskGroup loop_;
};

}  // namespace voxanne::jobs

#include "jobs/runner_impl.h"
