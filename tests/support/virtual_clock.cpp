#include "support/virtual_clock.h"

#include <boost/asio/redirect_error.hpp>

namespace voxanne::test {

async::Task<> VirtualClock::sleep_until(SteadyTime time) {
  if (time <= now_) {
    co_await boost::asio::post(loop_, async::use_task);
    co_return;
  }
  auto timer = std::make_shared<async::SteadyTimer>(loop_.get_executor(), SteadyTime::max());
  sleepers_.emplace(time, timer);
  boost::system::error_code woken;
  co_await timer->async_wait(boost::asio::redirect_error(async::use_task, woken));
  // Woken by run_for(), which took the entry, or by cancellation, which left it.
  std::erase_if(sleepers_, [&](const auto& entry) { return entry.second == timer; });
  co_await async::throw_if_cancelled();
}

void VirtualClock::settle() {
  loop_.restart();
  while (loop_.poll() > 0) {
  }
}

void VirtualClock::run_for(milliseconds duration) {
  const SteadyTime end = now_ + duration;
  for (;;) {
    settle();
    const auto next = sleepers_.begin();
    if (next == sleepers_.end() || next->first > end) break;
    now_ = std::max(now_, next->first);
    const auto timer = next->second;
    sleepers_.erase(next);
    timer->cancel();
  }
  now_ = end;
}

}  // namespace voxanne::test
