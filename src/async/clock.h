// Time as a dependency. Every component that waits or measures is given a Clock; the server's is
// the system's, a test's is virtual (tests/support/virtual_clock.h) and runs a thirty-second
// conversation in milliseconds. now() and utc() may be called from any thread; sleep_until() runs
// on the awaiting task's loop and ends by cancellation like any asio operation.
#pragma once

#include "async/event.h"
#include "base/time.h"

namespace voxanne::async {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual SteadyTime now() const = 0;
  virtual UtcTime utc() const = 0;
  virtual Task<> sleep_until(SteadyTime time) = 0;
  // Until `event` is set or it is `time`, whichever is first; nobody else waits for the event.
  virtual Task<> wait(Event& event, SteadyTime time);

  Task<> sleep_for(milliseconds duration) { return sleep_until(now() + duration); }
};

class SystemClock final : public Clock {
 public:
  SteadyTime now() const override { return std::chrono::steady_clock::now(); }
  UtcTime utc() const override { return std::chrono::floor<milliseconds>(std::chrono::system_clock::now()); }
  Task<> sleep_until(SteadyTime time) override;
  Task<> wait(Event& event, SteadyTime time) override;
};

}  // namespace voxanne::async
