// Threads with a name and a priority, and a loop with a thread of its own.
#pragma once

#include "async/task.h"

#include <boost/asio/executor_work_guard.hpp>

#include <string>
#include <thread>

namespace voxanne::async {

// Names the calling thread (15 characters show in ps and gdb) and sets its niceness; a negative
// value is raised priority, ignored where it is not permitted.
void prepare_thread(const std::string& name, int nice);

// One io_context and the thread that runs it. stop() ends the loop after what is queued now and
// joins; the owner has stopped its task groups before. An exception that reaches the loop is
// logged and the loop goes on: one defect must not end every call.
class LoopThread {
 public:
  explicit LoopThread(std::string name, int nice = 0);
  ~LoopThread();
  LoopThread(const LoopThread&) = delete;
  LoopThread& operator=(const LoopThread&) = delete;

  Loop& loop() noexcept { return loop_; }
  Executor executor() noexcept { return loop_.get_executor(); }
  void stop();

 private:
  Loop loop_{1};
  asio::executor_work_guard<Executor> work_{loop_.get_executor()};
  std::thread thread_;
};

// Runs the task on the loop and blocks this (other) thread for its value: for main and tests.
template <class T>
T run_on(Executor executor, Task<T> task);

}  // namespace voxanne::async

#include <boost/asio/use_future.hpp>

namespace voxanne::async {

template <class T>
T run_on(Executor executor, Task<T> task) {
  return asio::co_spawn(executor, std::move(task), asio::use_future).get();
}

}  // namespace voxanne::async
