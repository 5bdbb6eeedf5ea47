#include "housekeeping/cleanup.h"

#include "base/json_fields.h"
#include "base/log.h"
#include "recordings/spool_file.h"
#include "store/erasure.h"

#include <algorithm>

namespace voxanne::housekeeping {
namespace {

using std::chrono::days;

constexpr days leftovers_age{1};
constexpr days expected_window{2};
constexpr days idempotency_kept{1};  // as long as an answer is promised to be the same
constexpr days node_is_dead_after{1};
constexpr days runs_kept{90};
constexpr int rows_at_a_time = 100;
constexpr std::int64_t guarded_share = 20;  // one of so many

struct Guarded {
  OrgId org;
  std::int64_t would_delete = 0, recordings = 0;
};

bool too_many(std::int64_t would_delete, std::int64_t recordings) {
  return would_delete > std::max<std::int64_t>(1, recordings / guarded_share);
}

UtcTime since(const store::Stale what, UtcTime now) {
  switch (what) {
    case store::Stale::idempotency_keys:
      return now - idempotency_kept;
    case store::Stale::job_runs:
      return now - runs_kept;
    case store::Stale::sessions:
    case store::Stale::invitations:
      break;
  }
  return now;
}

const char* name_of(store::Stale what) {
  switch (what) {
    case store::Stale::idempotency_keys:
      return R"(,"idempotencyKeys":)";
    case store::Stale::sessions:
      return R"(,"sessions":)";
    case store::Stale::invitations:
      return R"(,"invitations":)";
    case store::Stale::job_runs:
      break;
  }
  return R"(,"jobRuns":)";
}

}  // namespace

class Cleanup::Run {
 public:
  Run(Cleanup& cleanup, jobs::RunOptions options)
      : store_(cleanup.store_),
        objects_(cleanup.objects_),
        workers_(cleanup.workers_),
        options_(cleanup.options_),
        asked_(options),
        now_(cleanup.clock_.utc()) {}

  async::Task<Result<jobs::RunReport>> run() {
    if (const auto done = co_await drop_failed_uploads(); !done) co_return done.error();
    if (const auto done = co_await drop_stale_rows(); !done) co_return done.error();
    auto leftovers =
        co_await find_leftovers(store_, objects_, workers_, options_.spool, now_ - leftovers_age);
    if (!leftovers) co_return leftovers.error();
    // A call whose row still waits for the database looks as if there were none.
    if (options_.records_wait()) leftovers->found.clear();
    if (const auto read = co_await read_retentions(); !read) co_return read.error();
    const auto guarded = co_await guard(*leftovers);
    if (!guarded) co_return guarded.error();
    const bool stopped = !guarded->empty() && !asked_.force;
    if (!stopped || asked_.dry_run) {
      if (const auto done = co_await remove_leftovers(leftovers->found); !done) co_return done.error();
      for (const auto& retention : retentions_) {
        if (const auto done = co_await expire_calls(retention); !done) co_return done.error();
        if (const auto done = co_await expire_recordings(retention); !done) co_return done.error();
      }
    }
    co_return jobs::RunReport{.stopped = stopped,
                              .json = report(stopped ? *guarded : std::vector<Guarded>{})};
  }

 private:
  async::Task<Result<>> drop_failed_uploads() {
    const UtcTime before = now_ - days{options_.failed_upload_days};
    const auto nodes = co_await store::nodes_to_clean(store_, options_.node, now_ - node_is_dead_after);
    if (!nodes) co_return nodes.error();
    for (const auto& node : *nodes) {
      if (asked_.dry_run) {
        const auto count = co_await store::count_failed_uploads(store_, node, before);
        if (!count) co_return count.error();
        failed_uploads_ += *count;
        continue;
      }
      for (;;) {
        const auto rows = co_await store::failed_uploads(store_, node, before, rows_at_a_time);
        if (!rows) co_return rows.error();
        if (rows->empty()) break;
        for (const auto& row : *rows) {
          store::Batch batch;
          store::drop_failed_upload(batch, row);
          const auto written = co_await store_.write(std::move(batch));
          // Queued again meanwhile: its file is wanted.
          if (!written && written.error().kind == Fault::conflict) continue;
          if (!written) co_return written;
          co_await remove_spooled(workers_, options_.spool, row.org, row.call);
          ++failed_uploads_;
        }
      }
    }
    co_return Result<>{};
  }

  async::Task<Result<>> drop_stale_rows() {
    for (const auto what : store::all_stale) {
      const UtcTime before = since(what, now_);
      const auto count = co_await store::count_stale(store_, what, before);
      if (!count) co_return count.error();
      stale_.emplace_back(what, *count);
      for (std::int64_t left = asked_.dry_run ? 0 : *count; left > 0; left -= store::stale_at_a_time) {
        store::Batch batch;
        store::drop_stale(batch, what, before);
        if (const auto written = co_await store_.write(std::move(batch)); !written) co_return written;
      }
    }
    co_return Result<>{};
  }

  async::Task<Result<>> read_retentions() {
    for (OrgId after;;) {
      auto page = co_await store::retentions_after(store_, after, rows_at_a_time);
      if (!page) co_return page.error();
      if (page->empty()) co_return Result<>{};
      after = page->back().org;
      for (auto& retention : *page) {
        if (!retention.recording_days) retention.recording_days = options_.recording_retention_days;
        if (retention.recording_days || retention.call_days) retentions_.push_back(std::move(retention));
      }
    }
  }

  // Before which a recording goes, by itself or with its call.
  std::optional<UtcTime> recordings_end(const store::Retention& retention) const {
    std::optional<int> kept = retention.recording_days;
    if (retention.call_days) kept = std::min(kept.value_or(*retention.call_days), *retention.call_days);
    if (!kept) return std::nullopt;
    return now_ - days{*kept};
  }

  // Organizations of whose recordings too many would go.
  async::Task<Result<std::vector<Guarded>>> guard(const Leftovers& leftovers) {
    std::map<OrgId, std::int64_t> going;
    for (const auto& leftover : leftovers.found)
      if (!leftover.let_go) ++going[leftover.org];
    for (const auto& retention : retentions_) {
      const auto end = recordings_end(retention);
      if (!end) continue;
      store::CallPosition from{};
      for (;;) {
        const auto page = co_await store::stored_recordings(store_, retention.org, from,
                                                            *end - expected_window, rows_at_a_time);
        if (!page) co_return page.error();
        if (page->empty()) break;
        going[retention.org] += std::ssize(*page);
        from = {page->back().created_at, page->back().seq};
      }
    }
    std::vector<Guarded> out;
    for (const auto& [org, count] : going) {
      const auto all = leftovers.recordings.find(org);
      const auto recordings = std::max(count, all == leftovers.recordings.end() ? 0 : all->second);
      if (too_many(count, recordings)) out.push_back({org, count, recordings});
    }
    co_return out;
  }

  async::Task<Result<>> remove_leftovers(const std::vector<Leftover>& found) {
    for (const auto& leftover : found) {
      (leftover.object_key.empty() ? spool_files_ : orphaned_objects_) += 1;
      orphaned_bytes_ += leftover.bytes;
      if (asked_.dry_run) continue;
      if (const auto done = co_await remove_leftover(objects_, workers_, leftover); !done) co_return done;
    }
    co_return Result<>{};
  }

  async::Task<Result<>> expire_recordings(const store::Retention& retention) {
    if (!retention.recording_days) co_return Result<>{};
    const UtcTime before = now_ - days{*retention.recording_days};
    for (store::CallPosition from{};;) {
      const auto page =
          co_await store::stored_recordings(store_, retention.org, from, before, rows_at_a_time);
      if (!page) co_return page.error();
      if (page->empty()) co_return Result<>{};
      from = {page->back().created_at, page->back().seq};
      for (const auto& call : *page) {
        store::Batch batch;
        store::expire_recording(batch, retention.org, call, now_);
        if (const auto gone = co_await apply(std::move(batch), retention.org, call); !gone)
          co_return gone.error();
        else if (*gone)
          ++expired_recordings_;
      }
    }
  }

  async::Task<Result<>> expire_calls(const store::Retention& retention) {
    if (!retention.call_days) co_return Result<>{};
    const UtcTime before = now_ - days{*retention.call_days};
    for (store::CallPosition from{};;) {
      const auto page = co_await store::settled_calls(store_, retention.org, from, before, rows_at_a_time);
      if (!page) co_return page.error();
      if (page->empty()) co_return Result<>{};
      from = {page->back().created_at, page->back().seq};
      for (auto call : *page) {
        // First the file, while a row knows of it.
        if (call.recording != domain::RecordingStatus::none) {
          store::Batch expiry;
          store::expire_recording(expiry, retention.org, call, now_);
          const auto gone = co_await apply(std::move(expiry), retention.org, call);
          if (!gone) co_return gone.error();
          if (!*gone) continue;
        }
        call.recording = domain::RecordingStatus::none;
        call.object_key.clear();
        store::Batch batch;
        store::erase_call_records(batch, {retention.org, call.id}, store::Keep::open_messages);
        if (const auto gone = co_await apply(std::move(batch), retention.org, call); !gone)
          co_return gone.error();
        else if (!*gone)
          continue;
        ++expired_calls_;
        if (!asked_.dry_run) options_.forget(retention.org, call.id);
      }
    }
  }

  // The rows, and then the files of one call. False: it has changed meanwhile and stays.
  async::Task<Result<bool>> apply(store::Batch batch, OrgId org, const store::OldCall& call) {
    if (asked_.dry_run) co_return true;
    const auto written = co_await store_.write(std::move(batch));
    if (!written && written.error().kind == Fault::conflict) co_return false;
    if (!written) co_return written.error();
    if (!call.object_key.empty())
      if (const auto removed = co_await objects_.remove(call.object_key); !removed) co_return removed.error();
    if (call.recording != domain::RecordingStatus::none)
      co_await remove_spooled(workers_, options_.spool, std::move(org), call.id);
    co_return true;
  }

  std::string report(const std::vector<Guarded>& stopped) const {
    std::string out = R"({"dryRun":)";
    out.append(asked_.dry_run ? "true" : "false");
    append_int(out, R"(,"failedUploads":)", failed_uploads_);
    for (const auto& [what, count] : stale_) append_int(out, name_of(what), count);
    append_int(out, R"(,"orphans":{"objects":)", orphaned_objects_);
    append_int(out, R"(,"spoolFiles":)", spool_files_);
    append_int(out, R"(,"bytes":)", static_cast<std::int64_t>(orphaned_bytes_));
    append_int(out, R"(},"expired":{"recordings":)", expired_recordings_);
    append_int(out, R"(,"calls":)", expired_calls_);
    out += R"(},"stopped":[)";
    for (const auto& one : stopped) {
      if (out.back() == '}') out.push_back(',');
      append_string(out, R"({"orgId":)", one.org.str());
      append_int(out, R"(,"wouldDelete":)", one.would_delete);
      append_int(out, R"(,"recordings":)", one.recordings);
      out.push_back('}');
    }
    return out + "]}";
  }

  store::Store& store_;
  recordings::ObjectStore& objects_;
  async::WorkerPool& workers_;
  const CleanupOptions& options_;
  const jobs::RunOptions asked_;
  const UtcTime now_;
  std::vector<store::Retention> retentions_;

  std::int64_t failed_uploads_ = 0, orphaned_objects_ = 0, spool_files_ = 0, expired_recordings_ = 0,
               expired_calls_ = 0;
  std::uint64_t orphaned_bytes_ = 0;
  std::vector<std::pair<store::Stale, std::int64_t>> stale_;
};

async::Task<Result<jobs::RunReport>> Cleanup::run(jobs::RunOptions options) {
  Run run{*this, options};
  co_return co_await run.run();
}

}  // namespace voxanne::housekeeping
