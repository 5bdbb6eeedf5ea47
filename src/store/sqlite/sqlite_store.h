// The embedded engine: one SQLite database in WAL mode, synchronous=FULL.
//
//   Writing: one thread at nice 10 takes up to 256 waiting batches into one transaction, a savepoint
//   each, commits, and then answers every asker on its own loop; one fsync serves them all. A batch
//   that is a conflict is rolled back to its savepoint; a fault (disk full, I/O) rolls all back, and
//   each batch is tried once more alone, so that it can only spoil itself.
//
//   Reading: a loop named in `inline_readers` (the web shards) has a connection of its own and reads
//   within co_await, without leaving its thread; any other loop (a media shard must never block), and
//   every heavy statement, reads on a worker, and the rows are visited back on the asker's loop. Quick
//   reads have a worker of their own, and so have the heavy ones of the loops named in `calls`: whoever
//   rings does not wait behind what a dashboard or a job searches for. Whoever waits for a worker may be
//   cancelled: what a stuck disk still yields is dropped. A read that takes longer than longest_read is
//   ended: impossible (query_too_broad).
//
//   Faults: while the database is away (deleted, replaced, full, locked, read-only) answers are
//   `unavailable` with a precise code, and it comes back by itself when the fault goes. A deleted or
//   replaced file is noticed by its inode before a write is acknowledged, and within a second by
//   readers; it is never recreated behind anybody's back: the original has to come back, or the
//   server be started again.
//
// Lifecycle: open() (blocking: creates, migrates), use, stop(). Answers are posted to the loops that
// asked, so every such loop is destroyed after stop(), whether it still runs or not.
//
// Codes of `unavailable`: disk_full, database_io_error, database_locked, database_read_only,
// database_deleted, database_replaced, database_corrupt, database_busy (the queue is full),
// store_stopped.
#pragma once

#include "store/sqlite/connection.h"
#include "store/store.h"

#include <memory>
#include <string>
#include <vector>

namespace voxanne::store {

struct SqliteOptions {
  std::string path;
  // Loops of one thread each that may spend up to 1 ms on a read.
  std::vector<async::Executor> inline_readers{};
  std::vector<async::Executor> calls{};  // loops whose heavy reads have workers of their own
  unsigned read_workers = 2;             // for heavy ones, and as many for those of calls
  milliseconds longest_read{10'000};     // on a worker
  // Waiting batches and the bytes of their values, beyond which a write is refused.
  std::size_t max_queued_batches = 8'192;
  std::size_t max_queued_bytes = 64u << 20;
  // How long a write waits for a lock that another process holds.
  milliseconds busy_timeout{1'000};
  // For tests and measurements: what each statement took. Called on the threads that run them.
  OnRun on_run{};
};

class SqliteStore final : public Store {
 public:
  // Creates the file (mode 0600) where there is none and brings its schema up to date. Errors:
  // unavailable with database_directory_missing, database_is_directory, database_permission_denied,
  // database_not_sqlite, database_newer_schema, migration_failed or a code from above.
  static Result<std::unique_ptr<SqliteStore>> open(SqliteOptions options);
  ~SqliteStore() override;

  async::Task<Result<>> read(const Statement& statement, std::vector<Value> values,
                             RowVisitor visit) override;
  async::Task<Result<>> write(Batch batch) override;

  // Writes what is queued and refuses the rest. The files are closed by the destructor, but for what a loop
  // reads in the turn it is in. Idempotent.
  void stop();

 private:
  struct State;
  explicit SqliteStore(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace voxanne::store
