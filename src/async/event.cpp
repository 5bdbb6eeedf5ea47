#include "async/event.h"

#include <boost/asio/redirect_error.hpp>

namespace voxanne::async {

Task<> Event::wait() {
  while (!set_) {
    boost::system::error_code woken;  // by set() or by the task's own cancellation
    co_await timer_.async_wait(asio::redirect_error(use_task, woken));
    co_await throw_if_cancelled();
  }
}

}  // namespace voxanne::async
