// Deadlines are values that are passed down, so that retries and sub-steps share one budget.
#pragma once

#include "async/clock.h"
#include "base/result.h"

#include <boost/asio/experimental/awaitable_operators.hpp>

#include <algorithm>
#include <exception>

namespace voxanne::async {

class Deadline {
 public:
  static Deadline never() { return Deadline{SteadyTime::max()}; }
  static Deadline after(const Clock& clock, milliseconds budget) { return Deadline{clock.now() + budget}; }
  explicit Deadline(SteadyTime at) : at_(at) {}

  SteadyTime at() const noexcept { return at_; }
  bool passed(const Clock& clock) const { return clock.now() >= at_; }
  milliseconds remaining(const Clock& clock) const {
    return std::max(milliseconds{0}, std::chrono::floor<milliseconds>(at_ - clock.now()));
  }

 private:
  SteadyTime at_;
};

namespace detail {

template <class T>
Task<Result<T>> caught(Task<Result<T>> task, std::exception_ptr& thrown) {
  try {
    co_return co_await std::move(task);
  } catch (...) {
    thrown = std::current_exception();
  }
  co_return internal("thrown", "the task ended with an exception");
}

}  // namespace detail

// The task's own result or exception, or Fault::timed_out once the deadline passes; the task is then
// cancelled and awaited, so it must honour cancellation promptly.
template <class T>
Task<Result<T>> with_deadline(Clock& clock, Deadline deadline, Task<Result<T>> task) {
  using namespace asio::experimental::awaitable_operators;
  if (deadline.at() == SteadyTime::max()) co_return co_await std::move(task);
  // The operator waits for a success, and an exception is none: it would be told when the time is over.
  std::exception_ptr thrown;
  auto outcome = co_await (detail::caught(std::move(task), thrown) || clock.sleep_until(deadline.at()));
  if (auto* result = std::get_if<0>(&outcome)) {
    if (thrown) std::rethrow_exception(thrown);
    co_return std::move(*result);
  }
  co_return timed_out("deadline_passed", "the deadline for this step passed");
}

}  // namespace voxanne::async
