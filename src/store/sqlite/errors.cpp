#include "store/sqlite/errors.h"

#include <sqlite3.h>

#include <cerrno>
#include <string>

namespace voxanne::store {
namespace {

using namespace std::chrono_literals;

Error fault(std::string code, std::string message) {
  return {Fault::unavailable, std::move(code), std::move(message), 1s};
}

bool out_of_space(int error) { return error == ENOSPC || error == EDQUOT || error == EFBIG; }

// What the system said to the write that failed last; sqlite3_system_errno() may have been overwritten by
// the rollback that followed it.
bool out_of_space(sqlite3* db) {
  int error = 0;
  sqlite3_file_control(db, "main", SQLITE_FCNTL_LAST_ERRNO, &error);
  if (out_of_space(error)) return true;
  sqlite3_file* log = nullptr;
  sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
  if (log == nullptr || log->pMethods == nullptr) return false;
  log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &error);
  return out_of_space(error);
}

}  // namespace

Error sqlite_error(sqlite3* db, int code, std::string_view what) {
  const int extended = sqlite3_extended_errcode(db);
  const std::string detail = std::string{what} + ": " + sqlite3_errmsg(db) + " (SQLite " +
                             std::to_string((extended & 0xff) == (code & 0xff) ? extended : code) + ")";
  switch (code & 0xff) {
    case SQLITE_FULL:
      return fault("disk_full", "the disk that holds the database is full, free some space; " + detail);
    case SQLITE_IOERR:
      if (out_of_space(db))
        return fault("disk_full", "the disk that holds the database is full, free some space; " + detail);
      return fault("database_io_error", "the disk that holds the database fails; " + detail);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return fault("database_locked",
                   "another process holds a lock on the database, end it (a shell, a backup); " + detail);
    case SQLITE_READONLY:
      if (extended == SQLITE_READONLY_DBMOVED)
        return fault("database_deleted", "the database file was moved or deleted; " + detail);
      return fault("database_read_only",
                   "the database cannot be written, check its file system and permissions; " + detail);
    case SQLITE_CANTOPEN:
      return fault("database_cannot_open", "the database or its journal cannot be opened; " + detail);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return fault("database_corrupt", "the database is damaged, restore a backup; " + detail);
    case SQLITE_NOMEM:
      return fault("out_of_memory", "memory is exhausted; " + detail);
    case SQLITE_TOOBIG:
      return {Fault::too_large, "value_too_large", detail};
    case SQLITE_CONSTRAINT:
      if (extended == SQLITE_CONSTRAINT_FOREIGNKEY)
        return {Fault::conflict, "reference_missing", "something it refers to does not exist; " + detail};
      if (extended == SQLITE_CONSTRAINT_UNIQUE || extended == SQLITE_CONSTRAINT_PRIMARYKEY ||
          extended == SQLITE_CONSTRAINT_ROWID)
        return {Fault::conflict, "already_exists", detail};
      return internal("constraint_violated", detail);
    default:
      return internal("database_error", detail);
  }
}

bool is_fault(const Error& error) { return error.kind == Fault::unavailable; }

}  // namespace voxanne::store
