#include "async/clock.h"

#include <boost/asio/experimental/awaitable_operators.hpp>

namespace voxanne::async {

Task<> Clock::wait(Event& event, SteadyTime time) {
  using namespace asio::experimental::awaitable_operators;
  co_await (event.wait() || sleep_until(time));
}

Task<> SystemClock::sleep_until(SteadyTime time) {
  SteadyTimer timer{co_await asio::this_coro::executor, time};
  co_await timer.async_wait(use_task);
}

// One timer instead of two tasks: ten thousand listeners wait like this.
Task<> SystemClock::wait(Event& event, SteadyTime time) { return event.wait_until(time); }

}  // namespace voxanne::async
