// Scheduled jobs: where each stands in its time table, who runs it now, and what came of every run.
//
//   claim_run (conflict: it is running, or done already) → renew_run … → finish_run
//
// A run holds its job by a lease in the job's row, so that of all processes that share the database one
// runs it. A run whose lease has passed to another cannot renew nor finish.
#pragma once

#include "store/page.h"
#include "store/store.h"

#include <optional>
#include <string>

namespace voxanne::store {

struct JobSchedule {
  UtcTime done_until{};  // the due times up to here are done with
  UtcTime retry_at{};    // after a failure: not before
  std::string run;       // the run that holds the lease; empty: none
  UtcTime lease_until{};
};

enum class RunOutcome { running, done, stopped, failed, abandoned };
std::string_view to_string(RunOutcome outcome);
std::optional<RunOutcome> parse_run_outcome(std::string_view word);

struct JobRun {
  std::string id;
  std::string name;
  std::optional<UtcTime> due_at{};  // nullopt: asked for by hand
  bool dry_run = false, force = false;
  std::string node;
  UtcTime started_at{};
  std::optional<UtcTime> finished_at{};
  RunOutcome outcome = RunOutcome::running;
  std::string report = "{}";  // JSON
};

// The job's row; a new one has nothing to catch up with before `since`.
async::Task<Result<JobSchedule>> job_schedule(Store& store, std::string name, UtcTime since);

// A conflict while another run's lease lasts, or when `run.due_at` is done with. What an earlier run left
// unfinished becomes "abandoned".
void claim_run(Batch& batch, const JobRun& run, UtcTime now, UtcTime lease_until);
void renew_run(Batch& batch, const JobRun& run, UtcTime lease_until);
// Its outcome, and its due time done with unless it is to be tried again at `retry_at`.
void finish_run(Batch& batch, const JobRun& run, std::optional<UtcTime> retry_at);

// Runs of all jobs, newest first. `total` is null.
async::Task<Result<PageInfo>> page_of_job_runs(Store& store, PageRequest request, RowVisitor visit);
JobRun job_run_from(const Row& row);

}  // namespace voxanne::store
