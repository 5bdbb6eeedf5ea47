// Which part of a newest-first list is wanted, and what came.
#pragma once

#include "store/cursor.h"
#include "store/store.h"

#include <optional>

namespace voxanne::store {

struct PageRequest {
  static constexpr int max_limit = 100;
  static constexpr int max_depth = 10'000;

  int limit = 20;  // 1 to max_limit
  int page = 1;    // from 1; page × limit ≤ max_depth. Not read when there is a cursor
  std::optional<Cursor> after{};
};

struct PageInfo {
  int rows = 0;
  std::optional<std::int64_t> total;  // exact, or null where no counter serves the filter
  std::optional<Cursor> next;         // null on the last page
};

// Errors: impossible (bad_limit, bad_page, page_too_deep).
Result<> check(const PageRequest& request);

// For the typed records: every paged statement starts its columns with these and takes ?1, ?2 as the
// position `before` which it begins, ?3 as its limit and ?4 as its offset; its filter's values follow.
inline Cursor start_of(const PageRequest& request) { return request.after.value_or(Cursor{}); }
namespace page_column {
enum : int { seq, created_at };
}
async::Task<Result<PageInfo>> read_page(Store& store, const Statement& statement, std::vector<Value> filter,
                                        PageRequest request, Cursor before, RowVisitor visit);

}  // namespace voxanne::store
