// The tasks of one owner: spawned, cancelled and joined together. It is its owner's last member,
// so that nothing the tasks use dies before they do. stop() = cancel + join; an owner whose group
// is not empty when destroyed has a defect, which the destructor reports and survives by
// abandoning the tasks' completion (never their memory).
//
// One loop. A task that ends with an exception other than cancellation is logged with the group's
// name and, if given, handed to on_failure; the others go on.
#pragma once

#include "async/event.h"

#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <string>

namespace voxanne::async {

class TaskGroup {
 public:
  using OnFailure = std::function<void(std::exception_ptr)>;

  TaskGroup(Executor executor, std::string name, OnFailure on_failure = {});
  ~TaskGroup();
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  // Starts the task by posting; never runs it inside the call. Dropped when already cancelled.
  void spawn(Task<> task);
  // Asks every task to end (terminal cancellation) and refuses new ones.
  void cancel();
  // Waits until no task runs. Cancellation of the waiter does not cancel the group.
  Task<> join();
  Task<> stop() {
    cancel();
    co_await join();
  }
  // Cancels what runs now, but takes new tasks (a barge-in ends one utterance, not the speaker).
  void cancel_current();

  bool empty() const noexcept;
  Executor executor() const noexcept;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace voxanne::async
