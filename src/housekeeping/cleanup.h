// The daily cleanup: nothing piles up, and nothing that is wanted goes.
//
//   failed uploads      older than FAILED_UPLOAD_DAYS, with what is left of them in the spool
//   stale rows          expired idempotency keys, logins, invitations; the history of jobs after 90 days
//   leftovers           objects and spool files that no call wants, unchanged for 24 hours (leftovers.h)
//   retention           recordings, and whole calls, older than their organization keeps them
//
// Nothing that is queued is ever deleted, however old. Of a recording the row goes first, then the file:
// what a crash leaves between the two is a leftover of the next run.
//
// The guard: when leftovers and retention together would take more than a twentieth of an organization's
// recordings (and more than one), no recording of anybody is deleted, the run is "stopped" and says whose and
// how many, for somebody to look and force it. Recordings that came of age within the last two days do not
// count, nor do files that a known call has let go: that is what was asked for, whereas a backlog is what a
// wrong clock, a mistaken setting or an old copy of the database would make.
//
// Owner: app, or a command; run by jobs::Scheduler, which sees to it that there is one run at a time.
#pragma once

#include "async/clock.h"
#include "housekeeping/leftovers.h"
#include "jobs/scheduler.h"
#include "store/cleanup.h"

#include <functional>
#include <optional>

namespace voxanne::housekeeping {

struct CleanupOptions {
  std::filesystem::path spool;
  std::string node;
  int failed_upload_days = 7;
  // For organizations that say nothing of their own; nullopt: for ever.
  std::optional<int> recording_retention_days{};
  // Whether records wait in a journal for the database: then a recording without a call may get one.
  std::function<bool()> records_wait = [] { return false; };
  Forget forget = nobody_remembers;
};

class Cleanup final : public jobs::Job {
 public:
  Cleanup(store::Store& store, recordings::ObjectStore& objects, async::WorkerPool& workers,
          async::Clock& clock, CleanupOptions options)
      : store_(store), objects_(objects), workers_(workers), clock_(clock), options_(std::move(options)) {}

  // {failedUploads, idempotencyKeys, sessions, invitations, jobRuns, orphans: {objects, spoolFiles, bytes},
  // expired: {recordings, calls}, stopped: [{orgId, wouldDelete, recordings}]}
  async::Task<Result<jobs::RunReport>> run(jobs::RunOptions options) override;

 private:
  class Run;

  store::Store& store_;
  recordings::ObjectStore& objects_;
  async::WorkerPool& workers_;
  async::Clock& clock_;
  const CleanupOptions options_;
};

}  // namespace voxanne::housekeeping
