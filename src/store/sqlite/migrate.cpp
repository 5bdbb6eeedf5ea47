#include "store/sqlite/migrate.h"

#include "base/log.h"
#include "store/sqlite/errors.h"

#include <string>

namespace voxanne::store {
namespace {

constexpr Statement history_exists{"migrations.history_exists",
                                   "SELECT count(*) FROM sqlite_schema WHERE name = 'schema_migrations'"};
constexpr Statement newest{"migrations.newest", "SELECT coalesce(max(version), 0) FROM schema_migrations"};
constexpr Statement record{"migrations.record",
                           "INSERT INTO schema_migrations (version, name, applied_at) VALUES "
                           "(?1, ?2, unixepoch() * 1000)"};

Result<std::int64_t> number(Connection& connection, const Statement& statement) {
  std::int64_t value = 0;
  const auto ran = connection.run(statement, {}, [&](const Row& row) { value = row.integer(0); });
  if (!ran) return ran.error();
  return value;
}

Result<> apply(Connection& connection, const Migration& step) {
  if (auto ran = connection.execute(std::string{step.sql}); !ran) return ran;
  const Value values[] = {std::int64_t{step.number}, std::string{step.name}};
  return connection.run(record, values);
}

}  // namespace

Result<int> schema_version(Connection& connection) {
  const auto exists = number(connection, history_exists);
  if (!exists) return exists.error();
  if (*exists == 0) return 0;
  const auto version = number(connection, newest);
  if (!version) return version.error();
  return static_cast<int>(*version);
}

Result<> migrate(Connection& connection, std::span<const Migration> steps) {
  for (;;) {
    const auto seen = schema_version(connection);
    if (!seen) return seen.error();
    const int latest = steps.empty() ? 0 : steps.back().number;
    if (*seen > latest)
      return unavailable("database_newer_schema", "the database has schema version " + std::to_string(*seen) +
                                                      ", this program knows " + std::to_string(latest) +
                                                      ": start a newer version of the program");
    if (*seen == latest) return {};

    if (auto begun = connection.execute("BEGIN IMMEDIATE"); !begun) return begun;
    // Another process may have been faster: only what is read under the lock counts.
    const auto version = schema_version(connection);
    Result<> done = version ? Result<>{} : Result<>{version.error()};
    const Migration* step = nullptr;
    if (version && *version < latest) {
      if (*version == 0)
        done = connection.execute(
            "CREATE TABLE schema_migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL, "
            "applied_at INTEGER NOT NULL) STRICT");
      for (const Migration& candidate : steps)
        if (step == nullptr && candidate.number > *version) step = &candidate;
      if (done) done = apply(connection, *step);
    }
    if (done) done = connection.execute("COMMIT");
    if (!done) {
      if (connection.in_transaction()) static_cast<void>(connection.execute("ROLLBACK"));
      if (is_fault(done.error())) return done;
      return unavailable("migration_failed",
                         "migration " + std::to_string(step ? step->number : 0) +
                             " failed, nothing of it was applied: " + done.error().message);
    }
    if (step) log::info("store.migrated", {{"version", step->number}, {"name", step->name}});
  }
}

}  // namespace voxanne::store
