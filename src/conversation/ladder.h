// The providers of one role in order of preference. Breakers are shared by the calls of one shard,
// so that a provider that failed for one call is not waited for by the next. A rung without one is
// always tried.
#pragma once

#include "async/circuit_breaker.h"
#include "async/clock.h"
#include "async/deadline.h"
#include "base/log.h"
#include "base/result.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace voxanne::conversation {

template <class Provider>
struct Rung {
  std::shared_ptr<Provider> provider;
  std::shared_ptr<async::CircuitBreaker> breaker{};  // none: always tried
};

template <class Provider>
using Ladder = std::vector<Rung<Provider>>;

// One use of a rung. What became of it is told to its breaker, and "no verdict" when it is dropped
// (the caller interrupted), so that a half-open breaker is not left waiting.
class Trial {
 public:
  Trial(std::shared_ptr<async::CircuitBreaker> breaker, async::Clock& clock)
      : breaker_(std::move(breaker)), clock_(&clock) {}
  Trial(Trial&& other) noexcept : breaker_(std::move(other.breaker_)), clock_(other.clock_) {}
  Trial& operator=(Trial&& other) noexcept {
    std::swap(breaker_, other.breaker_);
    std::swap(clock_, other.clock_);
    return *this;
  }
  ~Trial() {
    if (breaker_) breaker_->abandoned(clock_->now());
  }

  void succeeded() {
    if (const auto breaker = std::move(breaker_)) breaker->success();
  }
  // It does its work so far: others may use it, while the verdict is still to come.
  void promising() {
    if (breaker_) breaker_->success();
  }
  // A provider that let a deadline pass costs the caller seconds each time: it is left alone at
  // once, others after failures in a row.
  void failed(const Error& error) {
    const auto breaker = std::move(breaker_);
    if (!breaker) return;
    const milliseconds pause = error.retry_after                ? milliseconds{*error.retry_after}
                               : error.kind == Fault::timed_out ? milliseconds{10'000}
                                                                : milliseconds{0};
    breaker->failure(clock_->now(), pause);
  }

 private:
  std::shared_ptr<async::CircuitBreaker> breaker_;
  async::Clock* clock_;
};

template <class Provider>
bool may_try(const Rung<Provider>& rung, SteadyTime now) {
  return !rung.breaker || rung.breaker->allow(now);
}

// A provider's answer by a deadline; what it throws is its failure, not the call's.
template <class T>
async::Task<Result<T>> answer_of(async::Clock& clock, async::Deadline deadline, async::Task<Result<T>> task) {
  std::string what;
  try {
    co_return co_await async::with_deadline(clock, deadline, std::move(task));
  } catch (const std::exception& e) {
    what = e.what();
  }
  co_await async::throw_if_cancelled();  // ours; a provider's own cancellation is its failure
  co_return internal("provider_threw", "the provider ended with an exception: " + what);
}

}  // namespace voxanne::conversation
