// The schema as numbered, forward-only steps, embedded in the binary.
//
// A step is applied once, in a transaction with its line in schema_migrations. A released step is never
// edited, and each is safe while the version before it serves: it adds tables, columns with defaults
// and indexes, and takes away only what no serving version reads.
#pragma once

#include <span>
#include <string_view>

namespace voxanne::store {

struct Migration {
  int number;  // 1, 2, 3 … without a gap
  std::string_view name;
  std::string_view sql;
};

std::span<const Migration> sqlite_migrations();

}  // namespace voxanne::store
