#include "store/sqlite/writer.h"

#include "async/thread.h"
#include "base/log.h"
#include "store/once.h"
#include "store/sqlite/errors.h"

#include <algorithm>
#include <mutex>
#include <new>
#include <string>

namespace voxanne::store {
namespace {

constexpr Statement begin{"begin", "BEGIN IMMEDIATE"};
constexpr Statement commit_group{"commit", "COMMIT"};
constexpr Statement rollback{"rollback", "ROLLBACK"};
constexpr Statement savepoint{"savepoint", "SAVEPOINT batch"};
constexpr Statement release{"release", "RELEASE batch"};
constexpr Statement rollback_batch{"rollback_batch", "ROLLBACK TO batch"};

// A commit costs as much as writing five batches. Where the disk is fast, groups would be small and the
// processor busy with commits: a group of so many siblings shows that others will come, and the next one
// waits for them as long as they keep coming. Whoever writes alone waits for nothing.
constexpr std::size_t siblings = 4;
constexpr std::chrono::microseconds linger{1000}, longest_linger{6000};

std::size_t size_of(const Batch& batch) {
  std::size_t bytes = 0;
  for (const Batch::Step& step : batch.steps)
    for (const Value& value : step.values) {
      bytes += sizeof value;
      if (const auto* text = std::get_if<std::string>(&value)) bytes += text->size();
    }
  return bytes;
}

// One batch may be what filled the disk or the memory: alone, it can only spoil itself.
bool one_batch_may_cause(const Error& error) {
  return error.code == "disk_full" || error.code == "database_io_error" || error.code == "out_of_memory" ||
         error.code == "transaction_lost";
}

}  // namespace

Writer::Writer(Connection connection, FileWatch& files, Limits limits)
    : connection_(std::move(connection)), files_(files), limits_(limits), thread_([this] { work(); }) {}

Writer::~Writer() { stop(); }

void Writer::submit(std::unique_ptr<Submission> submission) {
  const std::size_t bytes = size_of(submission->batch);
  Error refusal;
  {
    const std::lock_guard lock{mutex_};
    if (stopping_) {
      refusal = unavailable("store_stopped", "the store has been stopped");
    } else if (waiting_.size() >= limits_.batches || waiting_bytes_ >= limits_.bytes) {
      // A single batch of any size is taken by an idle writer; the engine's own limits hold for it.
      refusal = Error{Fault::unavailable, "database_busy",
                      "too many writes are waiting for the database: try again in a second", 1s};
    } else {
      waiting_.push_back({std::move(submission), bytes});
      waiting_bytes_ += bytes;
    }
  }
  if (!submission) return wake_.post();
  std::vector<Member> refused;
  refused.push_back({std::move(submission), refusal});
  answer(std::move(refused));
}

void Writer::stop() {
  {
    const std::lock_guard lock{mutex_};
    stopping_ = true;
  }
  wake_.post();
  if (thread_.joinable()) thread_.join();
}

void Writer::work() {
  async::prepare_thread("store-writer", 10);
  for (;;) {
    std::vector<Member> group = take();
    if (group.empty()) return;
    busy_ = group.size() >= siblings;
    write(group);
    answer(std::move(group));
  }
}

// One message to each loop.
void Writer::answer(std::vector<Member> group) {
  std::vector<std::vector<Member>> loops;
  for (Member& member : group) {
    const auto same = std::ranges::find_if(loops, [&](const std::vector<Member>& members) {
      return members.front().submission->home.executor() == member.submission->home.executor();
    });
    (same == loops.end() ? loops.emplace_back() : *same).push_back(std::move(member));
  }
  for (auto& members : loops) {
    async::Home home = std::move(members.front().submission->home);
    home.send([members = std::move(members)]() mutable {
      for (Member& member : members) member.submission->answer(std::move(member.outcome));
    });
  }
}

// Empty: everything was written and the writer is to stop.
std::vector<Writer::Member> Writer::take() {
  std::vector<Member> group;
  group.reserve(group_size);
  for (;;) {
    if (busy_ && waiting() > 0) wait_for_company();
    {
      const std::lock_guard lock{mutex_};
      while (!waiting_.empty() && group.size() < group_size) {
        waiting_bytes_ -= waiting_.front().bytes;
        group.push_back({std::move(waiting_.front().submission), {}});
        waiting_.pop_front();
      }
      if (!group.empty() || stopping_) return group;
    }
    wake_.wait();
  }
}

void Writer::wait_for_company() {
  busy_ = false;
  const auto until = std::chrono::steady_clock::now() + longest_linger;
  std::size_t before = 0;
  for (std::size_t now = waiting(); now > before && now < group_size; now = waiting()) {
    if (std::chrono::steady_clock::now() >= until) return;
    before = now;
    std::this_thread::sleep_for(linger);
  }
}

std::size_t Writer::waiting() {
  const std::lock_guard lock{mutex_};
  return waiting_.size();
}

// Every member has its outcome afterwards.
void Writer::write(std::span<Member> group) {
  Result<> committed;
  try {
    committed = commit(group);
  } catch (const std::bad_alloc&) {
    roll_back();
    committed = unavailable("out_of_memory", "no memory is left to write with");
  }
  note(committed);
  if (committed) return;
  if (group.size() == 1 || !one_batch_may_cause(committed.error())) {
    for (Member& member : group) member.outcome = committed;
    return;
  }
  for (std::size_t i = 0; i < group.size(); ++i) write(group.subspan(i, 1));
}

// The log has one line when writing begins to fail and one when it works again.
void Writer::note(const Result<>& committed) {
  const std::string code = committed ? "" : committed.error().code;
  if (code == failing_) return;
  if (committed)
    log::info("store.recovered", {{"after", failing_}});
  else
    log::error("store.unavailable", {{"code", code}, {"error", committed.error().message}});
  failing_ = code;
}

// A savepoint a batch keeps one that is refused from spoiling the others, and costs a copy of every page
// that the batch touches. Hardly any is refused: savepoints are for groups in which one was.
Result<> Writer::commit(std::span<Member> group) {
  if (auto there = files_.check_lately(std::chrono::steady_clock::now()); !there) return there;
  auto applied = apply_together(group);
  if (applied && !*applied) applied = apply_separately(group);
  if (!applied) {
    roll_back();
    return applied.error();
  }
  Result<> done = connection_.run(commit_group, {});
  if (done) commits_.fetch_add(1, std::memory_order_release);
  // In a file that nobody can find any more a commit is worth nothing.
  if (done) done = files_.check();
  if (!done) roll_back();
  return done;
}

// False when a batch was refused: then nothing is applied and no transaction is open. An error is a fault.
Result<bool> Writer::apply_together(std::span<Member> group) {
  if (auto begun = connection_.run(begin, {}); !begun) return begun.error();
  for (Member& member : group) {
    member.outcome = apply(member.submission->batch);
    if (member.outcome) continue;
    if (is_fault(member.outcome.error())) return member.outcome.error();
    roll_back();
    return false;
  }
  return true;
}

Result<bool> Writer::apply_separately(std::span<Member> group) {
  if (auto begun = connection_.run(begin, {}); !begun) return begun.error();
  for (Member& member : group) {
    if (auto opened = connection_.run(savepoint, {}); !opened) return opened.error();
    member.outcome = apply(member.submission->batch);
    if (!member.outcome) {
      // A fault may have ended the whole transaction by itself.
      const Error& error = member.outcome.error();
      if (is_fault(error)) return error;
      if (!connection_.in_transaction() || !connection_.run(rollback_batch, {}))
        return unavailable("transaction_lost", error.message);
    }
    if (auto closed = connection_.run(release, {}); !closed) return closed.error();
  }
  return true;
}

Result<> Writer::apply(const Batch& batch) {
  if (batch.once) {
    const Value numbered[] = {batch.once->stream, batch.once->number};
    if (auto marked = connection_.run(mark_applied, numbered); !marked) return marked;
    if (connection_.changes() == 0) return {};  // it was applied before
  }
  for (const Batch::Step& step : batch.steps) {
    if (auto ran = connection_.run(*step.statement, step.values); !ran) return ran;
    if (step.expect_rows && connection_.changes() != *step.expect_rows)
      return Error{Fault::conflict, "guard_failed",
                   std::string{step.statement->name} + ": " + std::to_string(connection_.changes()) +
                       " rows, not " + std::to_string(*step.expect_rows)};
  }
  return {};
}

void Writer::roll_back() {
  if (connection_.in_transaction()) static_cast<void>(connection_.run(rollback, {}));
}

}  // namespace voxanne::store
