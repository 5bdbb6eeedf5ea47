#include "store/page.h"

namespace voxanne::store {

Result<> check(const PageRequest& request) {
  if (request.limit < 1 || request.limit > PageRequest::max_limit)
    return Error{Fault::impossible, "bad_limit", "limit must be 1 to 100"};
  if (request.after) return {};
  if (request.page < 1) return Error{Fault::impossible, "bad_page", "page must be at least 1"};
  if (static_cast<std::int64_t>(request.page) * request.limit > PageRequest::max_depth)
    return Error{Fault::impossible, "page_too_deep",
                 "numbered pages reach 10,000 rows deep: go on with the cursor"};
  return {};
}

async::Task<Result<PageInfo>> read_page(Store& store, const Statement& statement, std::vector<Value> filter,
                                        PageRequest request, Cursor before, RowVisitor visit) {
  if (auto valid = check(request); !valid) co_return valid.error();
  const std::int64_t skip = request.after ? 0 : std::int64_t{request.page - 1} * request.limit;
  std::vector<Value> values{before.created_at, before.seq, std::int64_t{request.limit} + 1, skip};
  for (Value& value : filter) values.push_back(std::move(value));

  PageInfo info;
  Cursor last;
  const auto read = co_await store.read(statement, std::move(values), [&](const Row& row) {
    if (info.rows == request.limit) {  // the one row too many says that there is a next page
      info.next = last;
      return;
    }
    visit(row);
    last = {row.integer(page_column::created_at), row.integer(page_column::seq)};
    ++info.rows;
  });
  if (!read) co_return read.error();
  co_return info;
}

}  // namespace voxanne::store
