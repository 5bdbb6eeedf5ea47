// Nothing is lost while the database is away: a Store that keeps numbered batches (Batch::once) on disk
// when the database behind it cannot take them, and applies them, in order and once, when it can.
//
//   write(batch) ─▶ database ──────────────▶ durable
//                     │ away, or silent for `patience`
//                     ▼
//                  journal (DIRECTORY, synced in groups) ─▶ durable ─ ─ drainer ─ ─▶ database
//
// A stream with a batch in the journal keeps to the journal until that has been applied, so that its
// order holds; and while the database is known to be away, nobody waits for it. Batches without a number
// and reads go to the database alone, the former by the way of those who do not wait for ever (`prompt`);
// such a batch is refused while the database is known to be away. What the database refuses for good (a
// guard, a key) is answered to who wrote it, or, when it is found while draining, logged and set aside in
// DIRECTORY/refused.bad.
//
// A batch whose outcome was unknown may be in the database already: its number keeps it from being
// applied again (store.h).
//
// Lifecycle: open() and drain() before anything is recovered or served (what a dead process left is
// applied first); start(); co_await stop() before the database's stop(): what is in the journal then
// stays there for the next start. Owner: app. write() on any loop; start(), drain() and stop() on `loop`.
#pragma once

#include "async/clock.h"
#include "async/event.h"
#include "async/task_group.h"
#include "async/worker_pool.h"
#include "store/journal/batch_codec.h"
#include "store/journal/segments.h"
#include "store/prompt_store.h"

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

namespace voxanne::store {

class Journal final : public Store {
 public:
  struct Options {
    std::filesystem::path directory;
    // What may be found in a batch; all_statements() but for tests.
    std::vector<const Statement*> statements;
    // How long a batch waits for the database before it is journalled.
    milliseconds patience{1'500};
    // The database for batches without a number; null: the database itself.
    PromptStore* prompt = nullptr;
    // Bytes of batches that wait for the disk, beyond which a write is refused.
    std::size_t max_queued_bytes = 32u << 20;
    // The disk is full, for the database or for the journal: make room. On the journal's worker.
    std::function<void()> on_disk_full{};
    // Everything journalled has been applied. On `loop`.
    std::function<void()> on_drained{};
    // Told before each step that may be a process's last; for tests that kill it there.
    std::function<void(std::string_view step)> before_step{};
  };

  // Blocks on files and asks the database for its identity: outside all loops. Errors: those of
  // Segments::open() and of the database.
  static Result<std::unique_ptr<Journal>> open(Store& database, async::Clock& clock, async::Executor loop,
                                               Options options);
  ~Journal() override;

  async::Task<Result<>> read(const Statement& statement, std::vector<Value> values,
                             RowVisitor visit) override;
  // Besides the errors of the database and of `prompt`: unavailable (database_silent; journal_full,
  // journal_io_error, journal_busy, journal_stopped) when neither could keep the batch, too_large
  // (journal_batch_too_large).
  async::Task<Result<>> write(Batch batch) override;

  // Applies what waits. Error: unavailable, when the database is away; the rest waits on.
  async::Task<Result<>> drain();
  void start();
  async::Task<> stop();

  // Batches in the journal; any thread.
  std::size_t pending() const;

 private:
  struct Submission {
    std::string payload;
    std::string stream;
    bool database_failed;
    std::function<void(Result<>)> answer;
  };
  struct Ahead {
    std::string payload;
    Result<Batch> batch;
  };

  Journal(Store& database, async::Clock& clock, async::Executor loop, Options options);

  bool is_known_away() const;
  bool keeps_to_journal(const std::string& stream, bool& waits) const;
  async::Task<Result<>> try_database(const Batch& batch);
  async::Task<Result<>> keep(const Batch& batch, bool database_failed);
  void submit(Submission submission);
  void flush();
  void flush_group(std::vector<Submission> group);
  void note(const Result<>& kept);
  void make_room(const Error& error);

  Result<std::vector<std::string>> read_ahead();
  async::Task<> drain_for_ever();
  async::Task<std::vector<Result<>>> apply_round(std::size_t size);
  async::Task<> finish(std::size_t count, const std::vector<Result<>>& outcomes);
  async::Task<> forget_old_streams();

  Store& database_;
  PromptStore prompt_;  // the same
  async::Clock& clock_;
  async::Executor loop_;
  Options options_;
  const Catalogue catalogue_;
  std::unique_ptr<Segments> segments_;  // on the worker
  std::string failing_;                 // on the worker: the code of its last failure
  async::WorkerPool worker_{"journal", 1};

  mutable std::mutex mutex_;  // the following
  std::vector<Submission> queue_;
  std::size_t queued_bytes_ = 0;
  bool flushing_ = false, stopped_ = false;
  bool away_ = false;  // the database failed, and nothing has been applied since; only while pending_ > 0
  std::size_t pending_ = 0;
  std::unordered_map<std::string, std::size_t> waiting_;  // streams and their batches in the journal

  // On the loop.
  std::deque<Ahead> ahead_;  // read from the journal, not done
  bool stopping_ = false;
  SteadyTime forgot_at_;
  async::Event wake_, end_;
  async::TaskGroup tasks_;
};

}  // namespace voxanne::store
