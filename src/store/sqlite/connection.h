// One SQLite connection and its prepared statements, each kept for good once used. One thread at a
// time. SQLite's C API is called here, in rows.cpp, in segments.cpp and in errors.cpp only.
#pragma once

#include "store/store.h"

#include <atomic>
#include <functional>
#include <span>
#include <string>
#include <unordered_map>

struct sqlite3;
struct sqlite3_stmt;

namespace voxanne::store {

class RowBuffer;

// What one run of a statement took. Rows met by a walk over a whole table, sorts and indexes made on the
// spot are what no route may need.
struct Effort {
  int steps = 0;  // of SQLite's virtual machine
  int walked = 0, sorts = 0, made_indexes = 0;
};
// How long a run may take. Looked at about once a millisecond.
struct Patience {
  SteadyTime until = SteadyTime::max();
  const std::atomic<bool>* left = nullptr;  // nobody waits for it any more
};
// Told after each run, on the thread that ran it.
using OnRun = std::function<void(const Statement&, const Effort&)>;

class Connection {
 public:
  enum class Mode { reader, writer };

  // The file has to exist. A reader never waits for a lock longer than a few milliseconds.
  static Result<Connection> open(const std::string& path, Mode mode, milliseconds busy_timeout);
  Connection(Connection&& other) noexcept;
  Connection& operator=(Connection&&) = delete;
  ~Connection();

  // Runs the statement to its end, visiting each row. Its text is prepared on first use.
  Result<> run(const Statement& statement, std::span<const Value> values, const RowVisitor& visit = {});
  // Error beyond the patience: impossible (query_too_broad).
  Result<> run_into(const Statement& statement, std::span<const Value> values, RowBuffer& rows,
                    const Patience& patience = {});
  // Several statements without parameters or rows: migrations, pragmas.
  Result<> execute(const std::string& sql);

  // For tests and measurements; costs a little each time.
  void watch(OnRun on_run) { on_run_ = std::move(on_run); }

  // Rows changed by the last statement itself, triggers and cascades left out.
  std::int64_t changes() const;
  bool in_transaction() const;

 private:
  explicit Connection(sqlite3* db) : db_(db) {}
  Result<> use_write_ahead_log(milliseconds patience);
  Result<sqlite3_stmt*> prepared(const Statement& statement);
  template <class Each>
  Result<> step_all(const Statement& statement, std::span<const Value> values, Each each);

  sqlite3* db_;
  std::unordered_map<const Statement*, sqlite3_stmt*> statements_;  // by address: they are static
  OnRun on_run_;
};

}  // namespace voxanne::store
