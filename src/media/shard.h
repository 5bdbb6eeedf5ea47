// A media shard: one loop and thread for calls, scheduled in real time (SCHED_RR) where permitted,
// else at raised priority, with one 5 ms tick that paces every leg on it (a timer per call costs
// more than the call). A call lives on one shard. Nothing on a shard may block or compute for more
// than 2 ms.
//
// Ticks are due at fixed points of the steady clock, so they do not drift; whole intervals that a
// stalled machine slept through are skipped, and whoever counts 20 ms slots catches up (SlotClock).
//
// Lifecycle: made at start by app, stopped after every call has ended. tick_lag() feeds admission,
// /metrics and the benchmark.
#pragma once

#include "async/clock.h"
#include "async/thread.h"
#include "base/metrics.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

namespace voxanne::media {

// Called every 5 ms, on the shard. A leg does its 20 ms work in every fourth call of its own phase,
// so that legs spread over the ticks.
class Ticked {
 public:
  virtual ~Ticked() = default;
  virtual void on_tick(SteadyTime now) = 0;
};

inline constexpr milliseconds tick_interval{5};

class Shard {
 public:
  explicit Shard(std::string name);
  // For tests: on somebody else's loop, without thread and timer; ticks when tick() is called.
  explicit Shard(async::Executor executor);
  ~Shard();
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  async::Executor executor();
  void stop();

  // On the shard's own thread. remove() is safe inside on_tick(), also for another.
  void add(Ticked& ticked);
  void remove(Ticked& ticked);
  std::size_t size() const;  // any thread

  // One tick by hand, for tests.
  void tick(SteadyTime now);

  // How late ticks were, over the last 5 s; any thread.
  struct Lag {
    std::chrono::microseconds p50{0}, p99{0}, worst{0};
    std::uint64_t missed = 0;  // whole intervals skipped since start
  };
  Lag tick_lag() const;
  const metrics::Lag& lags() const;  // since start, for /metrics

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace voxanne::media
