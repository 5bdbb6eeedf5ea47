// The database file before SQLite sees it, so that what is wrong is said in our words: SQLite answers
// "unable to open database file" to all of it.
#pragma once

#include "base/result.h"

#include <string>

namespace voxanne::store {

// Creates an empty file (mode 0600) where there is none. Errors: unavailable with
// database_directory_missing, database_is_directory, database_permission_denied, database_not_sqlite,
// disk_full, database_cannot_open.
Result<> prepare_file(const std::string& path);

}  // namespace voxanne::store
