// Lines on their way to the thread that writes them. push() takes no lock, so that a thread of high
// priority never waits for one of low priority.
#pragma once

#include <semaphore.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace voxanne::log {

class LogQueue {
 public:
  explicit LogQueue(std::size_t max_waiting) : max_waiting_(max_waiting) { sem_init(&work_, 0, 0); }
  ~LogQueue() {
    take();
    sem_destroy(&work_);
  }
  LogQueue(const LogQueue&) = delete;
  LogQueue& operator=(const LogQueue&) = delete;

  // Any thread.
  void push(std::string text) {
    if (waiting_.fetch_add(1, std::memory_order_relaxed) >= max_waiting_) {
      waiting_.fetch_sub(1, std::memory_order_relaxed);
      dropped_.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    auto* line = new Line{newest_.load(std::memory_order_relaxed), std::move(text)};
    while (!newest_.compare_exchange_weak(line->older, line, std::memory_order_release,
                                          std::memory_order_relaxed)) {
    }
    wake();
  }
  void wake() { sem_post(&work_); }

  // The one reader: waits for a line or a wake(), takes what is there, oldest first.
  void wait() {
    while (sem_wait(&work_) != 0) {
    }
  }
  std::vector<std::string> take() {
    std::vector<std::string> lines;
    for (Line* line = newest_.exchange(nullptr, std::memory_order_acquire); line;) {
      lines.push_back(std::move(line->text));
      delete std::exchange(line, line->older);
    }
    waiting_.fetch_sub(lines.size(), std::memory_order_relaxed);
    return {std::make_move_iterator(lines.rbegin()), std::make_move_iterator(lines.rend())};
  }
  std::uint64_t take_dropped() { return dropped_.exchange(0, std::memory_order_relaxed); }

 private:
  struct Line {
    Line* older;
    std::string text;
  };

  const std::size_t max_waiting_;
  std::atomic<Line*> newest_{nullptr};
  std::atomic<std::size_t> waiting_{0};
  std::atomic<std::uint64_t> dropped_{0};
  sem_t work_;
};

}  // namespace voxanne::log
