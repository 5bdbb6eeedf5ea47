// A clock that stands still until the test moves it. run_for() runs the loop until nothing is
// ready, then jumps to the next sleeper, and so on: thirty seconds of waiting take milliseconds,
// in the same order as they would have.
//
//   async::Loop loop; VirtualClock clock{loop};
//   group.spawn(conversation.run());
//   clock.run_for(30s);
#pragma once

#include "async/clock.h"

#include <map>
#include <memory>

namespace voxanne::test {

class VirtualClock final : public async::Clock {
 public:
  explicit VirtualClock(async::Loop& loop) : loop_(loop) {}

  SteadyTime now() const override { return now_; }
  UtcTime utc() const override { return utc_start_ + std::chrono::floor<milliseconds>(now_ - SteadyTime{}); }
  async::Task<> sleep_until(SteadyTime time) override;

  // Runs everything that becomes due within `duration`, then stands at its end.
  void run_for(milliseconds duration);
  // Runs what is ready without moving time.
  void settle();

 private:
  async::Loop& loop_;
  SteadyTime now_{std::chrono::hours{1}};
  UtcTime utc_start_{std::chrono::sys_days{std::chrono::year{2026} / 6 / 1}};
  std::multimap<SteadyTime, std::shared_ptr<async::SteadyTimer>> sleepers_;
};

}  // namespace voxanne::test
