// What SQLite's result codes mean to the house (https://www.sqlite.org/rescode.html).
#pragma once

#include "base/result.h"

#include <string_view>

struct sqlite3;

namespace voxanne::store {

// The error of the connection's last call. `what` names the statement or step; messages never hold
// values, only SQLite's own words.
Error sqlite_error(sqlite3* db, int code, std::string_view what);

// The database cannot serve now, whatever it is asked.
bool is_fault(const Error& error);

}  // namespace voxanne::store
