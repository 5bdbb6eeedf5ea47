// Gives memory back to the system after many connections have ended: the allocator keeps what they held
// in thousands of pieces between what still lives, and would keep it for good.
//
// Owner: the front. start() once connections can come; stop() before their count is gone; both block,
// from outside all loops.
#pragma once

#include "async/clock.h"
#include "async/task_group.h"

#include <cstddef>
#include <functional>

namespace voxanne::app {

class MemoryReturn {
 public:
  // On a loop that may be held up for some milliseconds.
  MemoryReturn(async::Clock& clock, async::Executor executor) : clock_(clock), tasks_(executor, "memory") {}

  void start(std::function<std::size_t()> connections);
  void stop();

 private:
  async::Task<> watch(std::function<std::size_t()> connections);

  async::Clock& clock_;
  async::TaskGroup tasks_;
};

}  // namespace voxanne::app
