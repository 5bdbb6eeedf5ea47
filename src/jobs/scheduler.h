// Runs jobs by their time tables, once in all processes that share the database, and keeps the history.
//
//   Scheduler scheduler{executor, clock, store, node};
//   scheduler.add(job, cron);                 // before start(); the job outlives the scheduler
//   scheduler.start();
//   co_await scheduler.run("cleanup", {.dry_run = true});   // by hand, beside the time table
//   co_await scheduler.stop();                // cancels what runs; its lease is given back
//
// A due time that passed while nobody ran, however many, is caught up with by one run. A run that fails is
// tried again after `retry_after`; one that was stopped, because it would have deleted more than it may,
// waits for its next due time or for somebody who forces it. Who runs holds a lease (store/job_runs.h) and
// renews it; a run that loses it is cancelled, and a dead process's is taken over when it runs out.
//
// Owner: app, or a command. Executor: one loop; every function but schedules() runs on it.
#pragma once

#include "async/clock.h"
#include "async/task_group.h"
#include "jobs/cron.h"
#include "store/job_runs.h"

#include <string>
#include <vector>

namespace voxanne::jobs {

struct RunOptions {
  bool dry_run = false;  // says what would be done, and changes nothing
  bool force = false;    // also what a run stops before
};

struct RunReport {
  bool stopped = false;
  std::string json = "{}";
};

class Job {
 public:
  virtual ~Job() = default;
  // May be cancelled at any await, and killed at any point: the next run finishes what it left.
  virtual async::Task<Result<RunReport>> run(RunOptions options) = 0;
};

class Scheduler {
 public:
  struct Options {
    milliseconds lease{60'000};
    milliseconds retry_after{300'000};
    // The longest sleep: other processes run jobs too, and the clock may be set.
    milliseconds poll{30'000};
  };
  struct Schedule {
    std::string name;
    Cron cron;
  };

  Scheduler(async::Executor executor, async::Clock& clock, store::Store& store, std::string node,
            Options options);
  Scheduler(async::Executor executor, async::Clock& clock, store::Store& store, std::string node)
      : Scheduler(executor, clock, store, std::move(node), Options{}) {}

  void add(std::string name, Cron cron, Job& job);
  // What was added; any thread, once started.
  const std::vector<Schedule>& schedules() const noexcept { return schedules_; }
  void start();
  async::Task<> stop() { return tasks_.stop(); }

  // The finished run, whatever its outcome. Errors: not_found (job_unknown), conflict (job_running), the
  // store's.
  async::Task<Result<store::JobRun>> run(std::string name, RunOptions options);

 private:
  async::Task<> tend(std::size_t job);
  // How long to sleep until the job has to be looked at again.
  async::Task<Result<milliseconds>> look(std::size_t job);
  async::Task<Result<store::JobRun>> run_claimed(std::size_t job, RunOptions options,
                                                 std::optional<UtcTime> due_at);
  async::Task<Result<RunReport>> run_guarded(std::size_t job, RunOptions options, std::string run);
  async::Task<Result<>> keep_lease(const store::JobRun& run);

  async::Clock& clock_;
  store::Store& store_;
  const std::string node_;
  const Options options_;
  std::vector<Schedule> schedules_;
  std::vector<Job*> jobs_;  // beside their schedules
  async::TaskGroup tasks_;
};

}  // namespace voxanne::jobs
