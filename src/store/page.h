// Which part of a newest-first list is wanted, and what came.
#pragma once

#include "store/cursor.h"

#include <optional>

namespace voxanne::store {

struct PageRequest {
  int limit = 20;  // 1–100
  int page = 1;    // from 1; page × limit ≤ 10,000. Not read when there is a cursor
  std::optional<Cursor> after{};
};

struct PageInfo {
  int rows = 0;
  std::optional<std::int64_t> total;  // exact, or null where no counter serves the filter
  std::optional<Cursor> next;         // null on the last page
};

// Errors: impossible (bad_limit, bad_page, page_too_deep).
Result<> check(const PageRequest& request);

}  // namespace voxanne::store
