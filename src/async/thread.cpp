#include "async/thread.h"

#include "async/signal_stack.h"
#include "base/unhandled.h"

#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace voxanne::async {

void prepare_thread(const std::string& name, int nice) {
  pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
  // On Linux niceness is per thread; raising it needs a capability that is often absent.
  if (nice != 0) static_cast<void>(setpriority(PRIO_PROCESS, id_t(syscall(SYS_gettid)), nice));
  give_signal_stack();
}

LoopThread::LoopThread(std::string name, int nice)
    : thread_([this, name = std::move(name), nice] {
        prepare_thread(name, nice);
        for (;;) {
          try {
            loop_.run();
            return;
          } catch (const std::exception&) {
            log::unhandled("loop.exception", std::current_exception(), {{"loop", name}});
          }
        }
      }) {}

LoopThread::~LoopThread() { stop(); }

void LoopThread::stop() {
  work_.reset();
  loop_.stop();
  if (thread_.joinable()) thread_.join();
}

}  // namespace voxanne::async
