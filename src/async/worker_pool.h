// Threads for what computes or blocks (SQL writes, files, Opus, synthesis), at nice 10: beside four
// busy threads the media tick's p99 lag is 7 ms when they are not niced and 0.09 ms when they are.
//
//   const auto text = co_await workers.run([&] { return extract(file); });   // resumes on its loop
//
// Lifecycle: construct, run, stop() (finishes what is queued, joins). Any thread may post.
#pragma once

#include "async/reply.h"

#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace voxanne::async {

class WorkerPool {
 public:
  WorkerPool(std::string name, unsigned threads, int nice = 10);
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  void post(std::function<void()> job);
  void stop();
  // Jobs waiting for a thread: a measure of saturation.
  std::size_t backlog() const;

  // Runs `f` on a worker and resumes the awaiting task on its own loop with f's value or exception.
  // Not interruptible: when the task is cancelled it still waits for f to end.
  template <class F>
  Task<std::invoke_result_t<F&>> run(F f) {
    using R = std::invoke_result_t<F&>;
    using Slot = std::conditional_t<std::is_void_v<R>, std::monostate, std::optional<R>>;
    struct Outcome {
      std::exception_ptr error;
      Slot value;
    };
    Outcome outcome;
    co_await reply([&](Reply<> done) {
      post([&outcome, &f, done = std::move(done)] {
        try {
          if constexpr (std::is_void_v<R>)
            f();
          else
            outcome.value.emplace(f());
        } catch (...) {
          outcome.error = std::current_exception();
        }
        done();
      });
    });
    if (outcome.error) std::rethrow_exception(outcome.error);
    if constexpr (!std::is_void_v<R>) co_return std::move(*outcome.value);
  }

 private:
  void work();

  std::string name_;
  int nice_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> jobs_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace voxanne::async
