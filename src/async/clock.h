// Time as a dependency. Every component that waits or measures is given a Clock; the server's is
// the system's, a test's is virtual (tests/support/virtual_clock.h) and runs a thirty-second
// conversation in milliseconds. now() and utc() may be called from any thread; sleep_until() runs
// on the awaiting task's loop and ends by cancellation like any asio operation.
#pragma once

#include "async/event.h"
#include "base/time.h"

#include <functional>
#include <memory>

namespace voxanne::async {

// Something that is called once, unless this is destroyed before. Lives on one loop.
class Alarm {
 public:
  virtual ~Alarm() = default;
};

class Clock {
 public:
  virtual ~Clock() = default;
  virtual SteadyTime now() const = 0;
  virtual UtcTime utc() const = 0;
  virtual Task<> sleep_until(SteadyTime time) = 0;
  // Calls `ring` on `executor`'s loop, which is the caller's, when it is `time`: for ten thousand that
  // would each need a task to wait in. `ring` may destroy the alarm.
  virtual std::unique_ptr<Alarm> alarm(Executor executor, SteadyTime time, std::function<void()> ring);

  Task<> sleep_for(milliseconds duration) { return sleep_until(now() + duration); }
};

class SystemClock final : public Clock {
 public:
  SteadyTime now() const override { return std::chrono::steady_clock::now(); }
  UtcTime utc() const override { return std::chrono::floor<milliseconds>(std::chrono::system_clock::now()); }
  Task<> sleep_until(SteadyTime time) override;
  std::unique_ptr<Alarm> alarm(Executor executor, SteadyTime time, std::function<void()> ring) override;
};

}  // namespace voxanne::async
