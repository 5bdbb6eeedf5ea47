// Brings a database's schema up to date: each missing step in a transaction of its own, together with
// its line in schema_migrations. Two processes may try at once; the second finds the work done.
#pragma once

#include "store/migrations/migrations.h"
#include "store/sqlite/connection.h"

namespace voxanne::store {

// The number of the newest step applied; 0 for an empty database.
Result<int> schema_version(Connection& connection);

// Errors: unavailable (database_newer_schema: by a newer version of the program; migration_failed;
// or a fault of the database).
Result<> migrate(Connection& connection, std::span<const Migration> steps);

}  // namespace voxanne::store
