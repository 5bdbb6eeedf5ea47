#include "store/journal/journal.h"

#include "async/backoff.h"
#include "async/reply.h"
#include "async/thread.h"
#include "async/wait.h"
#include "base/log.h"
#include "store/once.h"

#include <algorithm>
#include <random>
#include <unordered_set>

namespace voxanne::store {
namespace {

constexpr std::size_t round_size = 256;  // the engine's own group
constexpr async::Backoff retry{.base = 100ms, .max = 1'000ms};
// Longer than any call, and than any process goes on giving the same batch.
constexpr std::chrono::hours streams_are_kept{48};
constexpr std::chrono::hours between_forgetting{1};

bool is_away(const Error& error) { return error.kind == Fault::unavailable; }

}  // namespace

Journal::Journal(Store& database, async::Clock& clock, async::Executor loop, Options options)
    : database_(database),
      prompt_(database, clock, options.patience),
      clock_(clock),
      loop_(loop),
      options_(std::move(options)),
      catalogue_(catalogue_of(options_.statements)),
      forgot_at_(clock.now()),
      wake_(loop),
      end_(loop),
      tasks_(loop, "store.journal") {}

Journal::~Journal() { worker_.stop(); }

Result<std::unique_ptr<Journal>> Journal::open(Store& database, async::Clock& clock, async::Executor loop,
                                               Options options) {
  const auto identity = async::run_on(loop, database_identity(database));
  if (!identity) return identity.error();
  std::unique_ptr<Journal> journal{new Journal{database, clock, loop, std::move(options)}};
  auto segments = Segments::open({.directory = journal->options_.directory,
                                  .database = *identity,
                                  .before = journal->options_.before_step});
  if (!segments) return segments.error();
  journal->segments_ = std::make_unique<Segments>(std::move(*segments));
  journal->pending_ = journal->segments_->pending();
  if (journal->pending_ > 0) log::info("journal.found", {{"batches", journal->pending_}});
  return journal;
}

std::size_t Journal::pending() const {
  const std::lock_guard lock{mutex_};
  return pending_;
}

async::Task<Result<>> Journal::read(const Statement& statement, std::vector<Value> values, RowVisitor visit) {
  return database_.read(statement, std::move(values), std::move(visit));
}

// ── Writing ────────────────────────────────────────────────────────────────────────────────────────

bool Journal::keeps_to_journal(const std::string& stream, bool& waits) const {
  const std::lock_guard lock{mutex_};
  waits = waiting_.contains(stream);
  return waits || away_;
}

bool Journal::is_known_away() const {
  const std::lock_guard lock{mutex_};
  return away_;
}

async::Task<Result<>> Journal::write(Batch batch) {
  if (!batch.once) {
    if (is_known_away()) co_return database_silent();
    Store& database = options_.prompt ? static_cast<Store&>(*options_.prompt) : database_;
    auto written = co_await database.write(std::move(batch));
    if (!written) make_room(written.error());
    co_return written;
  }
  bool waits = false;
  if (keeps_to_journal(batch.once->stream, waits)) {
    auto kept = co_await keep(batch, false);
    // Out of order it must not go, but nothing else keeps it from the database.
    if (kept || waits) co_return kept;
    co_return co_await try_database(batch);
  }
  auto written = co_await try_database(batch);
  if (written || !is_away(written.error())) co_return written;
  co_return co_await keep(batch, true);
}

async::Task<Result<>> Journal::try_database(const Batch& batch) {
  auto written = co_await prompt_.follow_up(batch);
  if (!written) make_room(written.error());
  co_return written;
}

async::Task<Result<>> Journal::keep(const Batch& batch, bool database_failed) {
  std::string payload = encode_batch(batch);
  if (payload.size() > max_frame_payload)
    co_return Error{Fault::too_large, "journal_batch_too_large", "a batch is larger than the journal takes"};
  co_return co_await async::reply<Result<>>([&](async::Reply<Result<>> answer) {
    submit({std::move(payload), batch.once->stream, database_failed, std::move(answer)});
  });
}

void Journal::submit(Submission submission) {
  Error refusal;
  {
    const std::lock_guard lock{mutex_};
    if (stopped_) {
      refusal = unavailable("journal_stopped", "the journal has been stopped");
    } else if (queued_bytes_ > options_.max_queued_bytes) {
      refusal = unavailable("journal_busy", "too many records are waiting for the journal's disk");
    } else {
      queued_bytes_ += submission.payload.size();
      queue_.push_back(std::move(submission));
      if (!flushing_) {
        flushing_ = true;
        worker_.post([this] { flush(); });
      }
      return;
    }
  }
  submission.answer(refusal);
}

// On the worker. What came while a group was synced is the next group.
void Journal::flush() {
  std::vector<Submission> group;
  {
    const std::lock_guard lock{mutex_};
    group.swap(queue_);
    queued_bytes_ = 0;
    flushing_ = false;
  }
  if (!group.empty()) flush_group(std::move(group));
}

void Journal::flush_group(std::vector<Submission> group) {
  std::vector<std::string> payloads;
  payloads.reserve(group.size());
  for (Submission& submission : group) payloads.push_back(std::move(submission.payload));
  Result<> kept = segments_->append(payloads);
  if (!kept && kept.error().code == "disk_full" && options_.on_disk_full) {
    options_.on_disk_full();
    kept = segments_->append(payloads);
  }
  note(kept);
  if (kept) {
    const std::lock_guard lock{mutex_};
    pending_ += group.size();
    for (const Submission& submission : group) {
      ++waiting_[submission.stream];
      away_ = away_ || submission.database_failed;
    }
  }
  // Before the answers: whoever has theirs may let the journal go.
  if (kept) async::asio::post(loop_, [this] { wake_.set(); });
  for (const Submission& submission : group) submission.answer(kept);
}

// One line when keeping begins to fail and one when it works again.
void Journal::note(const Result<>& kept) {
  const std::string code = kept ? "" : kept.error().code;
  if (code == failing_) return;
  if (kept)
    log::info("journal.recovered", {{"after", failing_}});
  else
    log::error("journal.unavailable", {{"code", code}, {"error", kept.error().message}});
  failing_ = code;
}

void Journal::make_room(const Error& error) {
  if (error.code == "disk_full" && options_.on_disk_full) worker_.post(options_.on_disk_full);
}

// ── Draining ───────────────────────────────────────────────────────────────────────────────────────

void Journal::start() {
  wake_.set();
  tasks_.spawn(drain_for_ever());
}

async::Task<> Journal::stop() {
  stopping_ = true;
  wake_.set();
  end_.set();
  co_await tasks_.join();
  {
    const std::lock_guard lock{mutex_};
    stopped_ = true;
  }
  co_await worker_.run([this] { flush(); });
}

async::Task<> Journal::drain_for_ever() {
  std::minstd_rand random{std::random_device{}()};
  int misses = 0;
  while (!stopping_) {
    wake_.reset();
    if (pending() == 0) {
      co_await forget_old_streams();
      if (!stopping_)
        co_await async::wait_until(clock_, async::Deadline::after(clock_, between_forgetting), wake_);
      continue;
    }
    if (misses == 0) log::warning("journal.holds", {{"batches", pending()}});
    if (const auto drained = co_await drain(); drained) {
      misses = 0;
      log::info("journal.drained");
      if (options_.on_drained) options_.on_drained();
    } else {
      co_await async::wait_until(clock_, async::Deadline::after(clock_, retry.wait(misses++, random)), end_);
    }
  }
}

async::Task<Result<>> Journal::drain() {
  for (;;) {
    if (ahead_.empty()) {
      auto read = co_await worker_.run([this] { return read_ahead(); });
      if (!read) co_return read.error();
      if (read->empty()) co_return Result<>{};
      for (std::string& payload : *read) {
        auto batch = decode_batch(payload, catalogue_);
        ahead_.push_back({std::move(payload), std::move(batch)});
      }
    }
    // A stream's batches go one after another: had the first failed, the second would overtake it.
    std::unordered_set<std::string_view> streams;
    std::size_t size = 0;
    for (; size < std::min(ahead_.size(), round_size); ++size) {
      const auto& batch = ahead_[size].batch;
      if (batch && !streams.insert(batch->once->stream).second) break;
    }
    const auto outcomes = co_await apply_round(size);
    const auto failed = std::ranges::find_if(
        outcomes, [](const auto& outcome) { return !outcome && is_away(outcome.error()); });
    // Behind the first that failed, what was applied is given again and changes nothing.
    co_await finish(std::size_t(failed - outcomes.begin()), outcomes);
    if (failed != outcomes.end()) {
      make_room(failed->error());
      co_return failed->error();
    }
    if (stopping_) co_return cancelled();
  }
}

// On the worker, which also appends: when nothing is left, nothing waits, whatever was counted (a frame
// may have been found damaged since).
Result<std::vector<std::string>> Journal::read_ahead() {
  auto read = segments_->read();
  if (read && read->empty()) {
    const std::lock_guard lock{mutex_};
    pending_ = 0;
    waiting_.clear();
    away_ = false;
  }
  return read;
}

async::Task<std::vector<Result<>>> Journal::apply_round(std::size_t size) {
  std::vector<Result<>> outcomes(size, Result<>{unavailable("not_written", "the write did not end")});
  async::TaskGroup writes{co_await async::asio::this_coro::executor, "store.journal.round"};
  const auto apply = [](Store& database, const Batch& batch, Result<>& outcome) -> async::Task<> {
    outcome = co_await database.write(batch);
  };
  for (std::size_t i = 0; i < size; ++i)
    if (ahead_[i].batch)
      writes.spawn(apply(database_, *ahead_[i].batch, outcomes[i]));
    else
      outcomes[i] = ahead_[i].batch.error();
  co_await writes.join();
  co_return outcomes;
}

// The first `count` are applied or refused for good.
async::Task<> Journal::finish(std::size_t count, const std::vector<Result<>>& outcomes) {
  if (count == 0) co_return;
  std::vector<std::string> refused;
  for (std::size_t i = 0; i < count; ++i) {
    if (outcomes[i]) continue;
    const auto& batch = ahead_[i].batch;
    log::error("journal.batch_refused",
               {{"stream", batch ? batch->once->stream : ""},
                {"statement", batch && !batch->steps.empty() ? batch->steps.front().statement->name : ""},
                {"code", outcomes[i].error().code},
                {"error", outcomes[i].error().message}});
    refused.push_back(ahead_[i].payload);
  }
  co_await worker_.run([&] {
    for (const std::string& payload : refused) segments_->set_aside(payload);
    if (options_.before_step) options_.before_step("applied");
    segments_->done(count);
  });
  const std::lock_guard lock{mutex_};
  away_ = false;
  pending_ -= std::min(pending_, count);
  for (; count > 0; --count) {
    if (ahead_.front().batch)
      if (const auto entry = waiting_.find(ahead_.front().batch->once->stream);
          entry != waiting_.end() && --entry->second == 0)
        waiting_.erase(entry);
    ahead_.pop_front();
  }
}

async::Task<> Journal::forget_old_streams() {
  if (clock_.now() - forgot_at_ < between_forgetting) co_return;
  forgot_at_ = clock_.now();
  static_cast<void>(co_await forget_streams(database_, clock_.utc() - streams_are_kept));
}

}  // namespace voxanne::store
