#include "async/task_group.h"

#include "base/unhandled.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

namespace voxanne::async {

struct TaskGroup::State {
  State(Executor e, std::string n, OnFailure f)
      : executor(e), name(std::move(n)), on_failure(std::move(f)), idle(e) {}

  Executor executor;
  std::string name;
  OnFailure on_failure;
  Event idle;
  std::map<std::uint64_t, asio::cancellation_signal> running;  // by serial number
  std::uint64_t next = 0;
  bool cancelled = false;
};

TaskGroup::TaskGroup(Executor executor, std::string name, OnFailure on_failure)
    : state_(std::make_shared<State>(executor, std::move(name), std::move(on_failure))) {}

TaskGroup::~TaskGroup() {
  // A stopped loop destroys its tasks without completing them: only a live loop is a defect.
  if (!empty() && !state_->executor.context().stopped())
    log::error("task_group.destroyed_with_running_tasks",
               {{"group", state_->name}, {"tasks", state_->running.size()}});
  state_->on_failure = nullptr;
}

void TaskGroup::spawn(Task<> task) {
  if (state_->cancelled) return;
  const std::uint64_t self = state_->next++;
  auto& signal = state_->running[self];
  auto finished = [state = state_, self](std::exception_ptr error) {
    // The signal must outlive this handler, which runs inside its slot's emission on a cancel.
    asio::post(state->executor, [state, self] {
      state->running.erase(self);
      if (state->running.empty()) state->idle.set();
    });
    if (!error || is_cancellation(error)) return;
    if (state->on_failure) return state->on_failure(error);
    log::unhandled("task.failed", error, {{"group", state->name}});
  };
  asio::co_spawn(state_->executor, std::move(task),
                 asio::bind_cancellation_slot(signal.slot(), std::move(finished)));
}

void TaskGroup::cancel_current() {
  // Posted: emitting while a task is on the stack would resume another inside it.
  for (const auto& task : state_->running)
    asio::post(state_->executor, [state = state_, serial = task.first] {
      const auto live = state->running.find(serial);
      if (live != state->running.end()) live->second.emit(asio::cancellation_type::terminal);
    });
}

void TaskGroup::cancel() {
  state_->cancelled = true;
  cancel_current();
}

Task<> TaskGroup::join() {
  const auto state = state_;
  while (!state->running.empty()) {
    state->idle.reset();
    co_await state->idle.wait();
  }
}

bool TaskGroup::empty() const noexcept { return state_->running.empty(); }
Executor TaskGroup::executor() const noexcept { return state_->executor; }

}  // namespace voxanne::async
