#include "recordings/recovery.h"

#include "base/log.h"
#include "domain/call_json.h"
#include "recordings/key.h"
#include "recordings/upload_queue.h"
#include "store/uploads.h"
#include "store/webhooks.h"

#include <unistd.h>

#include <algorithm>
#include <map>
#include <optional>
#include <system_error>

namespace voxanne::recordings {
namespace fs = std::filesystem;
namespace {

using domain::RecordingStatus;
using Key = std::pair<OrgId, CallId>;

// Removes a leftover that belongs to no spool file of a living process.
bool remove_stray(const fs::path& path) {
  if (path.extension() == ".ogg") {
    auto source = path;
    return !fs::exists(source.replace_extension(".spool")) && ::unlink(path.c_str()) == 0;
  }
  const auto lock = lock_spool(path);
  return lock && lock->has_value() && ::unlink(path.c_str()) == 0;
}

struct File {
  bool found = false;
  bool free = true;  // no living process holds it
  std::uint64_t slots = 0, cut = 0;
  std::optional<UtcTime> ended_at;  // when its last slot was recorded; nullopt: it has no header

  bool is_empty() const { return found && slots == 0 && ended_at; }
};

class Recovery {
 public:
  Recovery(store::Store& store, async::WorkerPool& workers, async::Clock& clock, fs::path spool,
           store::Holder holder)
      : store_(store),
        workers_(workers),
        clock_(clock),
        spool_(std::move(spool)),
        holder_(std::move(holder)) {}

  async::Task<Result<Recovered>> run() {
    store::Batch release;
    store::release_uploads(release, holder_, clock_.utc());
    if (const auto released = co_await store_.write(std::move(release)); !released)
      co_return released.error();

    const auto open = co_await store::calls_left_open(store_, holder_);
    if (!open) co_return open.error();
    const auto listing = co_await workers_.run([this] { return list_spool(spool_); });
    for (const auto& call : *open)
      if (const auto done = co_await end_call(call); !done) co_return done.error();
    for (const auto& file : listing.spooled)
      if (const auto done = co_await mend_file(file.org, file.call); !done) co_return done.error();
    report_.files_removed += co_await workers_.run([&] {
      return static_cast<int>(std::count_if(listing.strays.begin(), listing.strays.end(), remove_stray));
    });
    log::info("recovery.done", {{"callsEnded", report_.calls_ended},
                                {"recordingsQueued", report_.recordings_queued},
                                {"filesRemoved", report_.files_removed},
                                {"filesHeld", report_.files_held},
                                {"filesUnowned", report_.files_unowned},
                                {"filesUnreadable", report_.files_unreadable},
                                {"bytesCut", report_.bytes_cut}});
    co_return report_;
  }

 private:
  // Its verdict, its log line and its recording become durable together.
  async::Task<Result<>> end_call(const domain::Call& call) {
    const store::CallKey key{call.org, call.id};
    store::Batch batch;
    std::optional<UtcTime> ended;
    File file;
    const bool may_be_recorded =
        call.recording_status == RecordingStatus::recording || call.recording_status == RecordingStatus::none;
    if (may_be_recorded) {
      file = co_await claim(call.org, call.id);
      if (!file.free) co_return Result<>{};  // somebody lives: not a call left open after all
      ended = file.ended_at;
      queue(batch, call, file);
    }
    if (!ended) {
      auto last = co_await last_sign_of_life(call);
      if (!last) co_return last.error();
      ended = *last;
    }
    const domain::Verdict verdict{
        .status = call.answered_at ? domain::CallStatus::ended : domain::CallStatus::failed,
        .reason = std::string{domain::ended::shutdown},
        .fault = domain::FaultParty::us,
        .detail = "the process that served the call ended without ending it"};
    store::end_call(batch, key, verdict, *ended);
    store::log_event(batch, key, clock_.utc(), "call.recovered");
    std::string data{"{"};
    domain::append_verdict(data, verdict);
    store::log_event(batch, key, *ended, "call.ended", data + "}");
    domain::Call told = call;
    told.status = verdict.status;
    told.ended_reason = verdict.reason;
    told.fault = verdict.fault;
    told.ended_at = *ended;
    if (told.answered_at) told.duration = double((*ended - *told.answered_at).count()) / 1'000.0;
    store::announce_call(batch, "call.ended", told, clock_.utc());
    const auto written = co_await store_.write(std::move(batch));
    if (!written && written.error().kind != Fault::conflict) co_return written.error();
    if (!written) co_return Result<>{};
    ++report_.calls_ended;
    if (file.is_empty()) co_await workers_.run([&] { return remove_spool(call.org, call.id); });
    co_return Result<>{};
  }

  // A spool file whose call has its verdict, or never had a row.
  async::Task<Result<>> mend_file(const OrgId& org, const CallId& id) {
    const auto call = co_await store::find_call(store_, {org, id});
    if (!call) co_return call.error();
    if (!*call) {
      ++report_.files_unowned;
      log::warning("recovery.file_unowned", {{"orgId", org.str()}, {"callId", id.str()}});
      co_return Result<>{};
    }
    const auto status = (*call)->recording_status;
    if (status == RecordingStatus::stored) {
      report_.files_removed += co_await workers_.run([&] { return remove_spool(org, id); });
      co_return Result<>{};
    }
    if (status != RecordingStatus::recording && status != RecordingStatus::none) co_return Result<>{};
    const auto file = co_await claim(org, id);
    if (!file.found) co_return Result<>{};
    if (!file.free) {
      ++report_.files_held;
      co_return Result<>{};
    }
    store::Batch batch;
    queue(batch, **call, file);
    const auto written = co_await store_.write(std::move(batch));
    if (!written && written.error().kind != Fault::conflict) co_return written.error();
    if (written && file.is_empty()) co_await workers_.run([&] { return remove_spool(org, id); });
    co_return Result<>{};
  }

  // One that cannot be read (a bad sector, another user's) is queued as it is: the job says why, tries again
  // and can be mended, and no caller waits for one recording.
  async::Task<File> claim(const OrgId& org, const CallId& id) {
    auto file = co_await workers_.run([&] { return claim_file(org, id); });
    if (file) co_return std::move(*file);
    ++report_.files_unreadable;
    log::error("recovery.file_unreadable", {{"orgId", org.str()},
                                            {"callId", id.str()},
                                            {"code", file.error().code},
                                            {"error", file.error().message}});
    co_return File{.found = true, .ended_at = {}};
  }

  // Locks, repairs and measures; on a worker.
  Result<File> claim_file(const OrgId& org, const CallId& id) {
    const auto path = spool_path(spool_, org, id);
    const auto lock = lock_spool(path);
    if (!lock && lock.error().kind == Fault::not_found) return File{};
    if (!lock) return lock.error();
    if (!lock->has_value()) return File{.found = true, .free = false, .ended_at = {}};
    File file{.found = true, .ended_at = {}};
    std::error_code error;
    const auto size = fs::file_size(path, error);
    auto reader = SpoolReader::open(path);
    // Without a header there is nothing to read: queued all the same, so that the job says why it failed.
    if (!reader && reader.error().kind == Fault::malformed) return file;
    if (!reader) return reader.error();
    const auto summary = repair_spool(path);
    if (!summary) return summary.error();
    file.slots = summary->slots;
    file.cut = error ? 0 : size - std::min<std::uintmax_t>(size, summary->valid_bytes);
    file.ended_at = reader->header().started_at +
                    milliseconds{static_cast<std::int64_t>(summary->slots) * audio::frame_ms};
    return file;
  }

  int remove_spool(const OrgId& org, const CallId& id) {
    const auto path = spool_path(spool_, org, id);
    const auto lock = lock_spool(path);
    return lock && lock->has_value() && ::unlink(path.c_str()) == 0 ? 1 : 0;
  }

  void queue(store::Batch& batch, const domain::Call& call, const File& file) {
    report_.bytes_cut += file.cut;
    if (file.found && !file.is_empty()) {
      store::enqueue_upload(batch, upload_of(call.org, call.id, holder_.node, file.slots, clock_.utc()));
      ++report_.recordings_queued;
    } else if (file.found || call.recording_status == RecordingStatus::recording) {
      // Nothing had been written yet: there is no recording, and that is not a failure.
      store::set_recording_status(batch, {call.org, call.id}, RecordingStatus::none);
      ++report_.recordings_empty;
    }
  }

  async::Task<Result<UtcTime>> last_sign_of_life(const domain::Call& call) {
    UtcTime last = std::max({call.created_at, call.started_at.value_or(call.created_at),
                             call.answered_at.value_or(call.created_at)});
    const auto read = co_await store::visit_turns(store_, {call.org, call.id}, [&](const store::Row& row) {
      if (call.answered_at)
        last = std::max(last, *call.answered_at + milliseconds{store::turn_from(row).end_ms});
    });
    if (!read) co_return read.error();
    co_return last;
  }

  store::Store& store_;
  async::WorkerPool& workers_;
  async::Clock& clock_;
  fs::path spool_;
  store::Holder holder_;
  Recovered report_;
};

}  // namespace

async::Task<Result<Recovered>> recover(store::Store& store, async::WorkerPool& workers, async::Clock& clock,
                                       fs::path spool, store::Holder holder) {
  Recovery recovery{store, workers, clock, std::move(spool), std::move(holder)};
  co_return co_await recovery.run();
}

}  // namespace voxanne::recordings
