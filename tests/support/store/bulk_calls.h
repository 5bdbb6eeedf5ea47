// As many calls as a test or a measurement wants, put straight into the database file within seconds: what
// they are counted by (call_counters, call_hours) and found by (calls_search, calls_words) is kept exactly
// as it would be had each been placed and ended.
//
//   { auto store = SqliteStore::open(…); … store->stop(); }      makes the schema and the organization
//   add_calls(path, {.org = "demo", .count = 1'000'000, .newest = now});
//
// Blocks; nobody else may write to the file meanwhile. Throws std::runtime_error with SQLite's words.
#pragma once

#include "base/time.h"

#include <cstdint>
#include <string>

namespace voxanne::test {

struct BulkCalls {
  std::string org;
  std::int64_t count = 0;
  UtcTime newest{};               // the last call's createdAt
  std::chrono::hours span{2160};  // they are spread evenly over so long before it
  bool searchable = true;         // in calls_search: most of the time that filling takes
  int with_transcript = 0;        // every n-th call has two turns; 0: none
};

void add_calls(const std::string& database, const BulkCalls& calls);

}  // namespace voxanne::test
