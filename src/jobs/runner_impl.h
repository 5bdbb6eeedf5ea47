// The bodies of jobs::Runner; included by runner.h only.
#pragma once

#include "base/unhandled.h"

#include <boost/asio/experimental/awaitable_operators.hpp>

namespace voxanne::jobs {

template <class Item>
async::Task<> Runner<Item>::work() {
  while (!stopping_) {
    look_.reset();
    const int free = options_.parallel - running_;
    if (free > 0) {
      auto claimed = co_await queue_.claim(free, clock_.utc() + options_.lease);
      if (!claimed) {
        if (misses_ == 0)
          log::warning("jobs.queue_unavailable", {{"queue", options_.name}, {"code", claimed.error().code}});
        ++misses_;
      } else {
        misses_ = 0;
        for (Item& item : *claimed) {
          ++running_;
          items_.spawn(run(std::move(item)));
        }
        if (!claimed->empty()) continue;
      }
    }
    co_await sleep();
  }
}

// Until something changes or the next item is due.
template <class Item>
async::Task<> Runner<Item>::sleep() {
  using namespace async::asio::experimental::awaitable_operators;
  milliseconds pause = options_.poll;
  if (misses_ > 0) {
    pause = options_.backoff.wait(misses_ - 1, random_);
  } else if (running_ < options_.parallel) {
    if (const auto due = co_await queue_.next_due(); due && *due)
      pause = std::clamp(**due - clock_.utc(), milliseconds{0}, options_.poll);
  }
  if (!stopping_) co_await (look_.wait() || clock_.sleep_for(pause));
}

template <class Item>
async::Task<> Runner<Item>::run(Item item) {
  struct Place {
    Runner& runner;
    ~Place() {
      --runner.running_;
      runner.look_.set();
    }
  } const place{*this};
  const auto lease = async::Deadline::after(clock_, options_.lease);
  Outcome outcome{Outcome::Kind::retry, cancelled()};
  try {
    outcome = co_await attempt(item, lease);
  } catch (const std::exception&) {
    // Stopped: guarded() lets nothing else through.
  }
  // The stop that ended the work must not keep its outcome from being recorded.
  co_await async::asio::this_coro::reset_cancellation_state(async::asio::disable_cancellation());
  co_await record(item, outcome, lease);
}

template <class Item>
async::Task<Outcome> Runner<Item>::attempt(Item& item, async::Deadline lease) {
  using namespace async::asio::experimental::awaitable_operators;
  auto first = co_await (guarded(item) || clock_.sleep_until(lease.at()));
  if (auto* outcome = std::get_if<0>(&first)) co_return std::move(*outcome);
  co_return Outcome{Outcome::Kind::retry, timed_out("lease_ran_out", "the work took longer than its lease")};
}

template <class Item>
async::Task<Outcome> Runner<Item>::guarded(Item& item) {
  try {
    co_return co_await queue_.handle(item);
  } catch (const std::exception& e) {
    if (async::is_cancellation(std::current_exception())) throw;
    const auto [org, call] = queue_.subject(item);
    log::unhandled("jobs.exception", std::current_exception(),
                   {{"queue", options_.name}, {"orgId", org}, {"callId", call}});
    co_return Outcome{Outcome::Kind::retry, internal("exception", e.what())};
  }
}

// Tried as long as the lease lasts; after it the item comes back by itself.
template <class Item>
async::Task<> Runner<Item>::record(Item& item, const Outcome& outcome, async::Deadline lease) {
  const auto [org, call] = queue_.subject(item);
  if (outcome.kind != Outcome::Kind::done && outcome.error.kind != Fault::cancelled)
    log::warning("jobs.attempt_failed", {{"queue", options_.name},
                                         {"orgId", org},
                                         {"callId", call},
                                         {"code", outcome.error.code},
                                         {"attempts", queue_.attempts(item)},
                                         {"final", outcome.kind == Outcome::Kind::failed}});
  const UtcTime next = next_attempt(item, outcome);
  for (int tries = 0;; ++tries) {
    const auto recorded = co_await queue_.complete(item, outcome, next);
    if (recorded) co_return;
    const bool again = recorded.error().kind == Fault::unavailable && !stopping_ && !lease.passed(clock_);
    if (!again) {
      log::warning(
          "jobs.outcome_not_recorded",
          {{"queue", options_.name}, {"orgId", org}, {"callId", call}, {"code", recorded.error().code}});
      co_return;
    }
    co_await clock_.sleep_for(options_.backoff.wait(tries, random_));
  }
}

template <class Item>
UtcTime Runner<Item>::next_attempt(const Item& item, const Outcome& outcome) {
  if (outcome.error.kind == Fault::cancelled) return clock_.utc();
  const milliseconds wait = options_.backoff.wait(std::max(0, queue_.attempts(item) - 1), random_);
  return clock_.utc() + std::max<milliseconds>(wait, outcome.error.retry_after.value_or(seconds{0}));
}

template <class Item>
async::Task<> Runner<Item>::stop() {
  using namespace async::asio::experimental::awaitable_operators;
  stopping_ = true;
  look_.set();
  co_await loop_.join();
  co_await (items_.join() || clock_.sleep_for(options_.grace));
  co_await items_.stop();
}

}  // namespace voxanne::jobs
