// One SQLite connection and its prepared statements, each kept for good once used. One thread at a
// time. SQLite's C API is called here, in
// rows.cpp and in errors.cpp only.
#pragma once

#include "store/store.h"

#include <span>
#include <string>
#include <unordered_map>

struct sqlite3;
struct sqlite3_stmt;

namespace voxanne::store {

class RowBuffer;

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
  Result<> run_into(const Statement& statement, std::span<const Value> values, RowBuffer& rows);
  // Several statements without parameters or rows: migrations, pragmas.
  Result<> execute(const std::string& sql);

  // Rows changed by the last statement itself, triggers and cascades left out.
  std::int64_t changes() const;
  bool in_transaction() const;

 private:
  explicit Connection(sqlite3* db) : db_(db) {}
  Result<sqlite3_stmt*> prepared(const Statement& statement);
  template <class Each>
  Result<> step_all(const Statement& statement, std::span<const Value> values, Each each);

  sqlite3* db_;
  std::unordered_map<const Statement*, sqlite3_stmt*> statements_;  // by address: they are static
};

}  // namespace voxanne::store
