#include "async/clock.h"

namespace voxanne::async {

Task<> SystemClock::sleep_until(SteadyTime time) {
  SteadyTimer timer{co_await asio::this_coro::executor, time};
  co_await timer.async_wait(use_task);
}

}  // namespace voxanne::async
