// The way of a recording from the spool into the object store, as a durable queue's items:
//
//   spool file ─ encode ─▶ SPOOL/ORG/CALL.ogg ─ put ─▶ object ORG/CALL.ogg ─▶ row finished, call
//   "stored" (one batch) ─▶ both files removed from the spool
//
// Every step may be the last one before a crash, and is done again after it: encoding replaces its
// file, putting replaces the object with the same recording, a finished row is not claimed again,
// and a spool file whose call is "stored" is removed by recovery. Nothing is removed before the
// object and its row are durable.
//
// A source that is damaged is stored as far as it is whole, in its full length, and what is missing is told:
// as recording.damaged in the log, once it is known, and in the call's own log, with the row. One that is
// missing or holds no audio fails for good; everything else (the store is away, the disk full or not
// readable) is tried again, however long. While the store is away nothing is encoded for it:
// a breaker lets one recording try now and then, and once it is back, what waited for it is due at once.
//
//   UploadQueue queue{store, objects, workers, clock, {.spool = …, .node = …, .boot = …}};
//   jobs::Runner<store::Upload> runner{executor, clock, queue, upload_runner_options()};
//
// Owner: app, beside its runner. Executor: the runner's loop; files and encoding run on the workers.
#pragma once

#include "async/circuit_breaker.h"
#include "async/clock.h"
#include "async/worker_pool.h"
#include "jobs/runner.h"
#include "recordings/object_store.h"
#include "recordings/spool_encoder.h"
#include "store/uploads.h"

#include <functional>
#include <map>

namespace voxanne::recordings {

class UploadQueue final : public jobs::Queue<store::Upload> {
 public:
  struct Options {
    std::filesystem::path spool;
    std::string node;
    std::string boot{};
    async::CircuitBreaker::Options breaker{.threshold = 3, .pause = seconds{2}, .max_pause = seconds{60}};
    // After the outcome is durable.
    std::function<void(const store::Upload&)> on_stored{};
    std::function<void(const store::Upload&, const Error&)> on_failed{};
  };

  UploadQueue(store::Store& store, ObjectStore& objects, async::WorkerPool& workers, async::Clock& clock,
              Options options);

  async::Task<Result<std::vector<store::Upload>>> claim(int limit, UtcTime lease_until) override;
  async::Task<Result<std::optional<UtcTime>>> next_due() override;
  async::Task<jobs::Outcome> handle(store::Upload& upload) override;
  int attempts(const store::Upload& upload) const override { return upload.attempts; }
  jobs::Subject subject(const store::Upload& upload) const override {
    return {upload.org.str(), upload.call.str()};
  }
  async::Task<Result<>> complete(store::Upload& upload, const jobs::Outcome& outcome,
                                 UtcTime next_attempt_at) override;

  bool storage_is_away() const { return breaker_.state() != async::CircuitBreaker::State::closed; }
  // Somebody else has seen that the store works. True when that was news: wake the runner.
  bool storage_is_back();

 private:
  struct Trial;
  // What could not be read of what had been recorded.
  struct Loss {
    std::int64_t ms = 0;
    std::uint64_t damaged_bytes = 0;
  };

  async::Task<Result<>> encode(store::Upload& upload);
  void note_loss(const store::Upload& upload, const Loss& loss);
  async::Task<Result<>> keep(store::Upload& upload);
  async::Task<Result<std::vector<store::Upload>>> claim_due(int limit, UtcTime lease_until);
  void judge(const store::Upload& upload, const Result<>& stored);

  store::Store& store_;
  ObjectStore& objects_;
  async::WorkerPool& workers_;
  async::Clock& clock_;
  Options options_;
  async::CircuitBreaker breaker_;
  bool hasten_ = false;              // the store is back, and what waits for it does not know yet
  std::map<UploadId, Loss> losses_;  // that are told, and not yet in the call's log
};

// A lease long enough for hours of audio over a slow line: what a dead process had claimed is released
// at the next start, so the lease need not be short.
jobs::RunnerOptions upload_runner_options();

// The row that a finished recording of `slots` slots is queued with.
store::Upload upload_of(const OrgId& org, const CallId& call, std::string node, std::uint64_t slots,
                        UtcTime at);

}  // namespace voxanne::recordings
