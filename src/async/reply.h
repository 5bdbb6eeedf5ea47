// A wait that another thread ends. The task gives a Reply away and resumes on its own loop with what the
// Reply is called with:
//
//   const int n = co_await async::reply<int>([&](async::Reply<int> reply) {
//     somewhere_else([reply] { reply(42); });
//   });
//
// A Reply keeps the loop of the task running until it has been called, once, from any thread. What keeps
// it running goes over together with the answer: whoever called touches nothing of that loop afterwards,
// since it may be gone by then. Not interruptible: a cancelled task still waits for its reply.
#pragma once

#include "async/task.h"

#include <boost/asio/async_result.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

#include <atomic>
#include <exception>
#include <memory>
#include <optional>
#include <thread>
#include <tuple>
#include <type_traits>
#include <utility>

namespace voxanne::async {

// Where an answer goes: a loop that is kept running until then.
class Home {
 public:
  explicit Home(Executor executor)
      : work_(executor), posting_(asio::use_service<Posting>(executor.context())) {}

  Executor executor() const { return work_.get_executor(); }

  // Runs f() on the loop; once, from any thread.
  template <class F>
  void send(F f) {
    Posting& posting = posting_;
    const Executor executor = work_.get_executor();
    posting.count.fetch_add(1, std::memory_order_relaxed);
    asio::post(executor, [work = std::move(work_), f = std::move(f)]() mutable { f(); });
    posting.count.fetch_sub(1, std::memory_order_release);
  }

 private:
  // Asio's post() wakes the loop after the loop may have taken the handler, run it and been destroyed:
  // its destruction waits for those who are just posting.
  struct Posting final : asio::execution_context::service {
    using key_type = Posting;
    static inline asio::execution_context::id id;
    explicit Posting(asio::execution_context& context) : service(context) {}
    void shutdown() noexcept override {
      while (count.load(std::memory_order_acquire) > 0) std::this_thread::yield();
    }
    std::atomic<int> count{0};
  };

  asio::executor_work_guard<Executor> work_;
  Posting& posting_;
};

template <class... Answer>
class Reply {
 public:
  template <class Handler>
  Reply(Executor executor, Handler handler)
      : core_(std::make_shared<CoreOf<Handler>>(executor, std::move(handler))) {}

  void operator()(Answer... answer) const { core_->send(std::move(answer)...); }

 private:
  struct Core {
    virtual ~Core() = default;
    virtual void send(Answer... answer) = 0;
  };
  template <class Handler>
  struct CoreOf final : Core {
    CoreOf(Executor executor, Handler h) : home(executor), handler(std::move(h)) {}
    void send(Answer... answer) override {
      home.send([moved = std::move(handler), values = std::tuple<Answer...>{std::move(answer)...}]() mutable {
        std::apply(std::move(moved), std::move(values));
      });
    }
    Home home;
    Handler handler;
  };
  std::shared_ptr<Core> core_;
};

// `give` is called at once with the Reply.
template <class Answer = void, class Give>
Task<Answer> reply(Give give) {
  const Executor executor = co_await asio::this_coro::executor;
  if constexpr (std::is_void_v<Answer>) {
    co_await asio::async_initiate<const asio::use_awaitable_t<Executor>&, void()>(
        [&](auto handler) { give(Reply<>{executor, std::move(handler)}); }, use_task);
  } else {
    co_return co_await asio::async_initiate<const asio::use_awaitable_t<Executor>&, void(Answer)>(
        [&](auto handler) { give(Reply<Answer>{executor, std::move(handler)}); }, use_task);
  }
}

// Runs the task on its own loop and resumes the awaiting one on its own, with the task's value or
// exception. Not interruptible: cancelling a task on another loop, as Asio would, races with its end.
template <class T>
Task<T> on_loop(Executor there, Task<T> task) {
  if (co_await asio::this_coro::executor == there) co_return co_await std::move(task);
  std::exception_ptr failed;
  if constexpr (std::is_void_v<T>) {
    co_await reply([&](Reply<> done) {
      asio::co_spawn(there, std::move(task), [&failed, done](std::exception_ptr error) {
        failed = std::move(error);
        done();
      });
    });
    if (failed) std::rethrow_exception(failed);
  } else {
    std::optional<T> value;
    co_await reply([&](Reply<> done) {
      asio::co_spawn(there, std::move(task), [&failed, &value, done](std::exception_ptr error, T ended) {
        failed = std::move(error);
        if (!failed) value = std::move(ended);
        done();
      });
    });
    if (failed) std::rethrow_exception(failed);
    co_return std::move(*value);
  }
}

}  // namespace voxanne::async
