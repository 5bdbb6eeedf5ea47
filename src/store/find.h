// Reading whole values: the shape that every typed lookup has. The values and the function that reads a
// row are taken by value, since they are used after the caller's full expression may have ended.
#pragma once

#include "store/store.h"

#include <optional>
#include <vector>

namespace voxanne::store {

template <class T>
async::Task<Result<std::optional<T>>> find_one(Store& store, const Statement& statement,
                                               std::vector<Value> values, T (*from)(const Row&)) {
  std::optional<T> found;
  const auto read =
      co_await store.read(statement, std::move(values), [&](const Row& row) { found = from(row); });
  if (!read) co_return read.error();
  co_return found;
}

template <class T>
async::Task<Result<std::vector<T>>> find_all(Store& store, const Statement& statement,
                                             std::vector<Value> values, T (*from)(const Row&)) {
  std::vector<T> found;
  const auto read =
      co_await store.read(statement, std::move(values), [&](const Row& row) { found.push_back(from(row)); });
  if (!read) co_return read.error();
  co_return found;
}

}  // namespace voxanne::store
