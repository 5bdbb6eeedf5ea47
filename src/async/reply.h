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

#include <exception>
#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

namespace voxanne::async {

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
    CoreOf(Executor executor, Handler h) : work(executor), handler(std::move(h)) {}
    void send(Answer... answer) override {
      const Executor executor = work.get_executor();
      asio::post(executor, [moved_work = std::move(work), moved_handler = std::move(handler),
                            values = std::tuple<Answer...>{std::move(answer)...}]() mutable {
        std::apply(std::move(moved_handler), std::move(values));
      });
    }
    asio::executor_work_guard<Executor> work;
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
