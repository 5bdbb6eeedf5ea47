#include "store/sqlite/connection.h"

#include "store/sqlite/errors.h"
#include "store/sqlite/rows.h"
#include "store/sqlite/segments.h"

#include <sqlite3.h>

#include <filesystem>
#include <thread>
#include <utility>

namespace voxanne::store {
namespace {

namespace fs = std::filesystem;

std::string literal(std::string_view text) {
  std::string out{"'"};
  for (const char c : text) out.append(c == '\'' ? 2 : 1, c);
  return out + "'";
}

int bind(sqlite3_stmt* statement, int index, const Value& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value))
    return sqlite3_bind_int64(statement, index, *number);
  if (const auto* number = std::get_if<double>(&value)) return sqlite3_bind_double(statement, index, *number);
  if (const auto* text = std::get_if<std::string>(&value))  // outlives the run: no copy
    return sqlite3_bind_text64(statement, index, text->data(), text->size(), SQLITE_STATIC, SQLITE_UTF8);
  return sqlite3_bind_null(statement, index);
}

// Whatever happens, a statement is left ready for its next use and holds no lock or pointer.
struct Rewind {
  sqlite3_stmt* statement;
  ~Rewind() {
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
  }
};

constexpr int steps_between_looks = 20'000;

bool exhausted(const Patience& patience) {
  return (patience.left && patience.left->load(std::memory_order_relaxed)) ||
         std::chrono::steady_clock::now() >= patience.until;
}

// Ends what runs on a connection once its patience is exhausted.
class Interrupter {
 public:
  Interrupter(sqlite3* db, const Patience& patience) : db_(db) {
    sqlite3_progress_handler(
        db, steps_between_looks,
        [](void* arg) { return exhausted(*static_cast<const Patience*>(arg)) ? 1 : 0; },
        const_cast<Patience*>(&patience));
  }
  ~Interrupter() { sqlite3_progress_handler(db_, 0, nullptr, nullptr); }
  Interrupter(const Interrupter&) = delete;
  Interrupter& operator=(const Interrupter&) = delete;

 private:
  sqlite3* db_;
};

Effort effort_of(sqlite3_stmt* statement) {
  const auto count = [&](int what) { return sqlite3_stmt_status(statement, what, 1); };
  return {count(SQLITE_STMTSTATUS_VM_STEP), count(SQLITE_STMTSTATUS_FULLSCAN_STEP),
          count(SQLITE_STMTSTATUS_SORT), count(SQLITE_STMTSTATUS_AUTOINDEX)};
}

}  // namespace

Result<Connection> Connection::open(const std::string& path, Mode mode, milliseconds busy_timeout) {
  // Both can only be said before SQLite's first use in the process; later it is refused, and costs no more
  // than time. Statistics that nobody reads would make every allocation of every connection wait for one
  // lock. What a statement may have to take back, a copy of every page it changes, is kept in memory up to
  // this size, in one piece: creating a call has ten to twenty pages, and malloc keeps what is below 128 KiB.
  static const int unlocked = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  static const int kept = sqlite3_config(SQLITE_CONFIG_STMTJRNL_SPILL, 120 * 1024);
  static_cast<void>(unlocked);
  static_cast<void>(kept);
  sqlite3* db = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  const int code = sqlite3_open_v2(path.c_str(), &db, flags, nullptr);
  Connection connection{db};  // SQLite hands out a handle even when it fails
  if (code != SQLITE_OK) return sqlite_error(db, code, "opening " + path);
  if (const int added = add_segment_functions(db); added != SQLITE_OK)
    return sqlite_error(db, added, "adding functions");
  sqlite3_busy_timeout(db, static_cast<int>(busy_timeout.count()));
  if (mode == Mode::writer)
    if (auto used = connection.use_write_ahead_log(busy_timeout); !used) return used.error();
  // A reader opens read-write so that it can recover a journal, and forbids itself to write. What is
  // temporary is in memory for readers only: the writer's statement journals would then be in pieces of a
  // kilobyte, which costs an eighth of creating a call. What they outgrow (erasing a long call does) goes
  // beside the database, whose disk and whose mode it shares.
  const std::string settings =
      mode == Mode::writer
          ? "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
            "PRAGMA secure_delete = ON; PRAGMA journal_size_limit = 67108864; PRAGMA cache_size = -8192;"
            "PRAGMA temp_store_directory = " +
                literal(fs::absolute(path).parent_path().string()) + ";"
          : "PRAGMA query_only = ON; PRAGMA cache_size = -4096; PRAGMA temp_store = MEMORY;";
  if (auto set = connection.execute(settings); !set) return set.error();
  return connection;
}

// Several that open a new file at once each hold a read lock that keeps the others from the change: SQLite
// refuses at once rather than let them wait for each other. Whoever is refused has let go, and tries again.
Result<> Connection::use_write_ahead_log(milliseconds patience) {
  const auto until = std::chrono::steady_clock::now() + patience;
  for (;;) {
    auto used = execute("PRAGMA journal_mode = WAL");
    if (used || used.error().code != "database_locked" || std::chrono::steady_clock::now() >= until)
      return used;
    std::this_thread::sleep_for(5ms);
  }
}

Connection::Connection(Connection&& other) noexcept
    : db_(std::exchange(other.db_, nullptr)),
      statements_(std::move(other.statements_)),
      on_run_(std::move(other.on_run_)) {}

Connection::~Connection() {
  for (const auto& [name, statement] : statements_) sqlite3_finalize(statement);
  sqlite3_close(db_);
}

Result<sqlite3_stmt*> Connection::prepared(const Statement& statement) {
  if (const auto known = statements_.find(&statement); known != statements_.end()) return known->second;
  sqlite3_stmt* made = nullptr;
  const char* rest = nullptr;
  const int code = sqlite3_prepare_v3(db_, statement.sql.data(), static_cast<int>(statement.sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &made, &rest);
  if (code != SQLITE_OK) return sqlite_error(db_, code, statement.name);
  statements_.emplace(&statement, made);
  return made;
}

// Steps to the end; `each` sees the statement at each row and answers whether to go on.
template <class Each>
Result<> Connection::step_all(const Statement& statement, std::span<const Value> values, Each each) {
  const auto found = prepared(statement);
  if (!found) return found.error();
  sqlite3_stmt* const query = *found;
  const Rewind rewind{query};
  if (sqlite3_bind_parameter_count(query) != static_cast<int>(values.size()))
    return internal("wrong_parameters", std::string{statement.name} + " takes " +
                                            std::to_string(sqlite3_bind_parameter_count(query)) +
                                            " values, not " + std::to_string(values.size()));
  for (std::size_t i = 0; i < values.size(); ++i)
    if (const int code = bind(query, static_cast<int>(i) + 1, values[i]); code != SQLITE_OK)
      return sqlite_error(db_, code, statement.name);
  for (;;) {
    const int code = sqlite3_step(query);
    if (code == SQLITE_DONE) {
      if (on_run_) on_run_(statement, effort_of(query));
      return {};
    }
    if (code == SQLITE_INTERRUPT)
      return Error{
          Fault::impossible, "query_too_broad",
          std::string{statement.name} + " takes too long; look for something rarer, or in a shorter time"};
    if (code != SQLITE_ROW) return sqlite_error(db_, code, statement.name);
    if (!each(query))
      return Error{Fault::too_large, "result_too_large",
                   std::string{statement.name} + " has too many rows, ask for them in pages"};
  }
}

Result<> Connection::run(const Statement& statement, std::span<const Value> values, const RowVisitor& visit) {
  return step_all(statement, values, [&](sqlite3_stmt* query) {
    if (visit) visit(StatementRow{query});
    return true;
  });
}

Result<> Connection::run_into(const Statement& statement, std::span<const Value> values, RowBuffer& rows,
                              const Patience& patience) {
  const Interrupter interrupter{db_, patience};
  return step_all(statement, values, [&](sqlite3_stmt* query) { return rows.append(query); });
}

Result<> Connection::execute(const std::string& sql) {
  const int code = sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return sqlite_error(db_, code, "SQL script");
  return {};
}

std::int64_t Connection::changes() const { return sqlite3_changes64(db_); }
bool Connection::in_transaction() const { return sqlite3_get_autocommit(db_) == 0; }

}  // namespace voxanne::store
