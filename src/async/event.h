// A manual-reset event: wait() returns once set() was called, at once when it is set already.
// One loop; not thread-safe (asio::post a set() from elsewhere).
#pragma once

#include "async/task.h"
#include "base/time.h"

namespace voxanne::async {

class Event {
 public:
  explicit Event(Executor executor) : timer_(executor, SteadyTime::max()) {}

  void set() {
    set_ = true;
    timer_.cancel();
  }
  void reset() { set_ = false; }
  bool is_set() const noexcept { return set_; }
  Task<> wait();

 private:
  bool set_ = false;
  SteadyTimer timer_;  // never expires: cancelling it wakes every waiter
};

}  // namespace voxanne::async
