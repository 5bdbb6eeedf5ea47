#include "async/signal_stack.h"

#include <signal.h>
#include <sys/mman.h>

#include <cstddef>

namespace voxanne::async {

namespace {

class SignalStack {
 public:
  SignalStack() {
    room_ = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (room_ == MAP_FAILED) return;
    stack_t stack{};
    stack.ss_sp = room_;
    stack.ss_size = size;
    sigaltstack(&stack, &before_);
  }
  ~SignalStack() {
    if (room_ == MAP_FAILED) return;
    sigaltstack(&before_, nullptr);
    munmap(room_, size);
  }
  SignalStack(const SignalStack&) = delete;
  SignalStack& operator=(const SignalStack&) = delete;

 private:
  static constexpr std::size_t size = 128 * 1024;  // touched only by a handler

  void* room_ = MAP_FAILED;
  stack_t before_{};  // a sanitizer's, or none
};

}  // namespace

void give_signal_stack() { static thread_local const SignalStack stack; }

}  // namespace voxanne::async
