// Threads for what computes or blocks (SQL writes, files, Opus, synthesis), at nice 10: beside four
// busy threads the media tick's p99 lag is 7 ms when they are not niced and 0.09 ms when they are.
//
//   const auto text = co_await workers.run([&] { return extract(file); });   // resumes on its loop
//
// Lifecycle: construct, run, stop() (finishes what is queued, joins). Any thread may post.
#pragma once

#include "async/reply.h"

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/error.hpp>

#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
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

  // As run(), for a task that has a deadline: when it is cancelled it goes on at once, and what f returns is
  // dropped. So f owns whatever it touches, or that outlives stop().
  template <class F>
  Task<std::invoke_result_t<F&>> run_or_leave(F f) {
    struct Outcome {
      std::exception_ptr error;
      std::optional<std::invoke_result_t<F&>> value;
    };
    const auto outcome = std::make_shared<Outcome>();
    const Executor executor = co_await asio::this_coro::executor;
    co_await asio::async_initiate<const asio::use_awaitable_t<Executor>&, void(boost::system::error_code)>(
        [&](auto handler) {
          // Empty once the task goes on; on its loop only. The job owns it, since a slot that did would be
          // owned by what it owns.
          auto slot = asio::get_associated_cancellation_slot(handler);
          auto waiting = std::make_shared<std::optional<decltype(handler)>>(std::move(handler));
          const auto resume = [](auto& waiter, boost::system::error_code why) {
            if (auto resumed = std::exchange(*waiter, std::nullopt)) std::move (*resumed)(why);
          };
          if (slot.is_connected())
            slot.assign([left = std::weak_ptr{waiting}, executor, resume](asio::cancellation_type) {
              if (auto waiter = left.lock())
                asio::post(executor, [waiter = std::move(waiter), resume] {
                  resume(waiter, asio::error::operation_aborted);
                });
            });
          post([outcome, f = std::move(f), home = Home{executor}, waiting = std::move(waiting),
                resume]() mutable {
            try {
              outcome->value.emplace(f());
            } catch (...) {
              outcome->error = std::current_exception();
            }
            home.send([waiter = std::move(waiting), resume] { resume(waiter, {}); });
          });
        },
        use_task);
    if (outcome->error) std::rethrow_exception(outcome->error);
    co_return std::move(*outcome->value);
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
