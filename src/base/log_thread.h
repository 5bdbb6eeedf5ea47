// While one of these exists, log lines are written by a thread of its own: whoever logs, a media shard
// among them, neither waits for stderr (a pipe whose reader stands still blocks) nor for a thread of
// lower priority that is writing there. When more than `max_waiting` lines wait, further ones are
// dropped, counted and the count is logged.
//
// Lines of the last moment before a crash may be lost. The destructor and flush() write what waits.
//
// Owner: whoever runs the server; one at a time.
#pragma once

#include <cstddef>
#include <thread>

namespace voxanne::log {

class LogThread {
 public:
  static constexpr std::size_t max_waiting = 10'000;

  LogThread();
  ~LogThread();
  LogThread(const LogThread&) = delete;
  LogThread& operator=(const LogThread&) = delete;

  // On the calling thread: before _exit().
  static void flush();

 private:
  std::thread thread_;
};

}  // namespace voxanne::log
