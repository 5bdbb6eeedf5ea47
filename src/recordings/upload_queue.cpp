#include "recordings/upload_queue.h"

#include "base/json_fields.h"
#include "base/log.h"
#include "recordings/key.h"

#include <unistd.h>

#include <algorithm>

namespace voxanne::recordings {
namespace fs = std::filesystem;
namespace {

constexpr std::uint64_t slots_per_step = 60 * 50;  // a minute of audio: about 0.3 s of work

fs::path encoded_path(fs::path spool_file) { return spool_file.replace_extension(".ogg"); }

bool is_terminal(const Error& error) {
  return error.code == "spool_missing" || error.code == "spool_corrupt" || error.code == "spool_empty";
}

}  // namespace

UploadQueue::UploadQueue(store::Store& store, ObjectStore& objects, async::WorkerPool& workers,
                         async::Clock& clock, Options options)
    : store_(store),
      objects_(objects),
      workers_(workers),
      clock_(clock),
      options_(std::move(options)),
      breaker_(options_.breaker) {}

// Leaves the breaker as it found it when nothing was learnt of the store.
struct UploadQueue::Trial {
  UploadQueue& queue;
  bool judged = false;
  explicit Trial(UploadQueue& q) : queue(q) {}
  ~Trial() {
    if (!judged) queue.breaker_.abandoned(queue.clock_.now());
  }
  Trial(const Trial&) = delete;
  Trial& operator=(const Trial&) = delete;
};

bool UploadQueue::storage_is_back() {
  if (!storage_is_away()) return false;
  breaker_.success();
  hasten_ = true;
  log::info("recording.storage_back", {});
  return true;
}

void UploadQueue::judge(const store::Upload& upload, const Result<>& stored) {
  if (stored) {
    if (!storage_is_back()) breaker_.success();
    return;
  }
  const bool was_away = storage_is_away();
  breaker_.failure(clock_.now(), stored.error().retry_after.value_or(seconds{0}));
  if (!was_away && storage_is_away())
    log::warning("recording.storage_away", {{"callId", upload.call.str()},
                                            {"orgId", upload.org.str()},
                                            {"code", stored.error().code},
                                            {"error", stored.error().message}});
}

async::Task<Result<std::vector<store::Upload>>> UploadQueue::claim(int limit, UtcTime lease_until) {
  const bool trial = storage_is_away();
  if (!breaker_.allow(clock_.now())) co_return std::vector<store::Upload>{};
  Trial undecided{*this};
  if (hasten_) {
    store::Batch batch;
    store::hasten_uploads(batch, options_.node, clock_.utc());
    if (const auto written = co_await store_.write(std::move(batch)); !written) co_return written.error();
    hasten_ = false;
  }
  auto claimed = co_await claim_due(trial ? 1 : limit, lease_until);
  undecided.judged = claimed && !claimed->empty();  // handle() will
  co_return claimed;
}

async::Task<Result<std::vector<store::Upload>>> UploadQueue::claim_due(int limit, UtcTime lease_until) {
  auto due = co_await store::due_uploads(store_, options_.node, clock_.utc(), limit);
  if (!due) co_return due.error();
  std::vector<store::Upload> claimed;
  for (auto& upload : *due) {
    store::Batch batch;
    store::claim_upload(batch, upload, options_.boot, lease_until);
    const auto written = co_await store_.write(std::move(batch));
    if (written)
      claimed.push_back(std::move(upload));
    else if (written.error().kind != Fault::conflict && claimed.empty())
      co_return written.error();
  }
  co_return claimed;
}

async::Task<Result<std::optional<UtcTime>>> UploadQueue::next_due() {
  auto due = co_await store::next_upload_due(store_, options_.node);
  if (due && *due && storage_is_away()) *due = std::max(**due, clock_.utc() + seconds{1});
  co_return due;
}

async::Task<jobs::Outcome> UploadQueue::handle(store::Upload& upload) {
  using Kind = jobs::Outcome::Kind;
  Trial undecided{*this};
  const auto encoded = co_await encode(upload);
  if (!encoded && encoded.error().code == "spool_missing") {
    // The object may be there all the same: the database is an older copy than the store.
    const auto size = co_await objects_.size(upload.object_key);
    if (size) {
      upload.bytes = static_cast<std::int64_t>(*size);
      co_return jobs::Outcome{Kind::done};
    }
    if (size.error().kind != Fault::not_found) co_return jobs::Outcome{Kind::retry, size.error()};
  }
  if (!encoded)
    co_return jobs::Outcome{is_terminal(encoded.error()) ? Kind::failed : Kind::retry, encoded.error()};
  const auto kept = co_await keep(upload);
  // What is wrong with one object says nothing about the others.
  if (kept || kept.error().code.starts_with("object_store_")) {
    judge(upload, kept);
    undecided.judged = true;
  }
  if (!kept) co_return jobs::Outcome{Kind::retry, kept.error()};
  co_return jobs::Outcome{Kind::done};
}

async::Task<Result<>> UploadQueue::encode(store::Upload& upload) {
  const auto source = spool_path(options_.spool, upload.org, upload.call);
  auto encoder = co_await workers_.run([&] { return SpoolEncoder::open(source, encoded_path(source)); });
  if (!encoder) co_return encoder.error();
  for (bool complete = false; !complete;) {
    co_await async::throw_if_cancelled();
    const auto step = co_await workers_.run([&] { return encoder->step(slots_per_step); });
    if (!step) co_return step.error();
    complete = *step;
  }
  const auto& encoded = encoder->encoded();
  const Loss loss{.ms = static_cast<std::int64_t>(encoded.damaged) * audio::frame_ms +
                        std::max<std::int64_t>(0, upload.duration_ms - encoded.duration_ms()),
                  .damaged_bytes = encoded.damaged_bytes};
  upload.bytes = static_cast<std::int64_t>(encoded.bytes);
  upload.sha256 = encoded.sha256;
  upload.duration_ms = encoded.duration_ms();
  note_loss(upload, loss);
  co_return Result<>{};
}

// Once, however often the store then refuses what is left.
void UploadQueue::note_loss(const store::Upload& upload, const Loss& loss) {
  if (loss.ms == 0 && loss.damaged_bytes == 0) {
    losses_.erase(upload.id);
    return;
  }
  if (losses_.insert_or_assign(upload.id, loss).second)
    log::error("recording.damaged", {{"callId", upload.call.str()},
                                     {"orgId", upload.org.str()},
                                     {"lostMs", loss.ms},
                                     {"damagedBytes", loss.damaged_bytes},
                                     {"durationMs", upload.duration_ms}});
}

async::Task<Result<>> UploadQueue::keep(store::Upload& upload) {
  const auto source = spool_path(options_.spool, upload.org, upload.call);
  co_return co_await objects_.put(upload.object_key, encoded_path(source), upload.sha256);
}

async::Task<Result<>> UploadQueue::complete(store::Upload& upload, const jobs::Outcome& outcome,
                                            UtcTime next_attempt_at) {
  using Kind = jobs::Outcome::Kind;
  store::Batch batch;
  if (outcome.kind == Kind::done) {
    store::finish_upload(batch, upload);
    if (const auto loss = losses_.find(upload.id); loss != losses_.end()) {
      std::string data;
      append_int(data, R"({"lostMs":)", loss->second.ms);
      append_int(data, R"(,"damagedBytes":)", static_cast<std::int64_t>(loss->second.damaged_bytes));
      store::log_event(batch, {upload.org, upload.call}, clock_.utc(), "recording.damaged", data + "}");
    }
  }
  if (outcome.kind == Kind::retry) store::retry_upload(batch, upload, outcome.error.code, next_attempt_at);
  if (outcome.kind == Kind::failed) store::fail_upload(batch, upload, outcome.error.code, clock_.utc());
  const auto written = co_await store_.write(std::move(batch));
  if (!written || outcome.kind == Kind::retry) co_return written;
  losses_.erase(upload.id);

  // A failed recording's spool file stays, for whoever wants to look at it, until the cleanup.
  const bool stored = outcome.kind == Kind::done;
  const auto source = spool_path(options_.spool, upload.org, upload.call);
  co_await workers_.run([&] {
    ::unlink(encoded_path(source).c_str());
    if (stored) ::unlink(source.c_str());
  });
  if (stored) {
    log::info("recording.stored", {{"callId", upload.call.str()},
                                   {"orgId", upload.org.str()},
                                   {"bytes", upload.bytes},
                                   {"durationMs", upload.duration_ms}});
    if (options_.on_stored) options_.on_stored(upload);
  } else {
    log::error("recording.failed", {{"callId", upload.call.str()},
                                    {"orgId", upload.org.str()},
                                    {"code", outcome.error.code},
                                    {"error", outcome.error.message}});
    if (options_.on_failed) options_.on_failed(upload, outcome.error);
  }
  co_return written;
}

jobs::RunnerOptions upload_runner_options() {
  return {.name = "uploads",
          .parallel = 8,  // an item mostly waits: for a worker's turn, for the disk, for the store
          .lease = std::chrono::hours{2},
          .grace = milliseconds{5'000},
          .poll = milliseconds{30'000},
          .backoff = {milliseconds{1'000}, milliseconds{300'000}}};
}

store::Upload upload_of(const OrgId& org, const CallId& call, std::string node, std::uint64_t slots,
                        UtcTime at) {
  store::Upload upload;
  upload.id = UploadId::make();
  upload.org = org;
  upload.call = call;
  upload.node = std::move(node);
  upload.source = spool_path({}, org, call).string();
  upload.object_key = recording_key(org, call);
  upload.content_type = "audio/ogg";
  upload.duration_ms = static_cast<std::int64_t>(slots) * audio::frame_ms;
  upload.created_at = upload.next_attempt_at = at;
  return upload;
}

}  // namespace voxanne::recordings
