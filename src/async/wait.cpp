#include "async/wait.h"

namespace voxanne::async {

Task<bool> wait_until(Clock& clock, Deadline deadline, Event& event) {
  using namespace asio::experimental::awaitable_operators;
  if (!event.is_set()) co_await (event.wait() || clock.sleep_until(deadline.at()));
  co_return event.is_set();
}

}  // namespace voxanne::async
