// A bounded queue between tasks of one loop. close() lets the reader drain what is buffered and
// then answers nullopt (Boost 1.81's experimental::channel drops it). Many writers, one reader.
#pragma once

#include "async/event.h"

#include <cstddef>
#include <deque>
#include <optional>
#include <utility>

namespace voxanne::async {

template <class T>
class Channel {
 public:
  Channel(Executor executor, std::size_t capacity) : ready_(executor), capacity_(capacity) {}

  // False when full or closed: the writer decides what may be thrown away.
  [[nodiscard]] bool try_push(T value) {
    if (closed_ || items_.size() >= capacity_) return false;
    items_.push_back(std::move(value));
    ready_.set();
    return true;
  }

  Task<std::optional<T>> pop() {
    while (items_.empty()) {
      if (closed_) co_return std::nullopt;
      ready_.reset();
      co_await ready_.wait();
    }
    std::optional<T> value{std::move(items_.front())};
    items_.pop_front();
    co_return value;
  }

  void close() {
    closed_ = true;
    ready_.set();
  }
  void clear() { items_.clear(); }
  bool closed() const noexcept { return closed_; }
  bool empty() const noexcept { return items_.empty(); }
  std::size_t size() const noexcept { return items_.size(); }

 private:
  Event ready_;
  std::deque<T> items_;
  std::size_t capacity_;
  bool closed_ = false;
};

}  // namespace voxanne::async
