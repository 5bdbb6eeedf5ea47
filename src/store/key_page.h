// Pages of the short lists that have no time of their own and come in the order of their key. Entered at the
// key of the last row shown, they cost the same at any depth; nobody counts them.
//
// A statement of such a list takes ?1 organization, ?2 the key after which to begin, ?3 its limit and ?4 its
// offset, and `key_column` is where its rows have their key.
#pragma once

#include "base/ids.h"
#include "store/page.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace voxanne::store {

struct KeyPage {
  int limit = 20;  // and
  int page = 1;    // as in PageRequest
  std::optional<std::string> after{};
};

template <class T>
struct Listed {
  std::vector<T> items;
  std::optional<std::string> next;  // the key to go on after; null on the last page
};

// To clients a key is an opaque string, as a Cursor is. Error: malformed (bad_cursor).
std::string key_cursor(const std::string& key);
Result<std::string> parse_key_cursor(std::string_view text);

// Errors besides the store's: those of check(PageRequest).
template <class T>
async::Task<Result<Listed<T>>> find_page(Store& store, const Statement& statement, OrgId org, KeyPage page,
                                         T (*from)(const Row&), int key_column) {
  PageRequest request{.limit = page.limit, .page = page.page};
  if (page.after) request.after = Cursor{};
  if (auto valid = check(request); !valid) co_return valid.error();
  const std::int64_t skip = page.after ? 0 : std::int64_t{page.page - 1} * page.limit;
  std::vector<Value> values{org.str(), page.after.value_or(""), std::int64_t{page.limit} + 1, skip};
  Listed<T> listed;
  std::string last;
  const auto read = co_await store.read(statement, std::move(values), [&](const Row& row) {
    if (int(listed.items.size()) == page.limit) {  // the one row too many says that there is a next page
      listed.next = last;
      return;
    }
    listed.items.push_back(from(row));
    last = row.str(key_column);
  });
  if (!read) co_return read.error();
  co_return listed;
}

}  // namespace voxanne::store
