#include "telephony/sip/sip_thread.h"

#include "async/mutex.h"
#include "async/thread.h"
#include "base/unhandled.h"

#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

#include "telephony/sip/libre.h"

#define DEBUG_MODULE "sip"
#define DEBUG_LEVEL 0
extern "C" {
#include <re/re_dbg.h>
}

namespace voxanne::telephony::sip {
namespace {

std::atomic<bool> exists{false};

// libre indexes its table by descriptor, and the descriptors of a process are shared with HTTP and RTP.
int descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return 65536;
  return static_cast<int>(std::clamp<rlim_t>(limit.rlim_cur, 1024, 65536));
}

void on_library_warning(int, const char* text, std::size_t length, void*) {
  std::string_view line{text, length};
  if (line.ends_with('\n')) line.remove_suffix(1);
  log::debug("sip.library", {{"text", line}});
}

}  // namespace

struct SipThread::Impl {
  int wake = -1;
  async::Mutex mutex;
  std::vector<std::function<void()>> queue;
  std::thread thread;

  static void on_wake(int, void* arg) {
    auto& self = *static_cast<Impl*>(arg);
    std::uint64_t count = 0;
    static_cast<void>(read(self.wake, &count, sizeof count));
    std::vector<std::function<void()>> batch;
    {
      const std::lock_guard lock{self.mutex};
      batch.swap(self.queue);
    }
    for (auto& command : batch) {
      try {
        command();
      } catch (const std::exception&) {
        log::unhandled("sip.command_failed", std::current_exception());
      }
    }
  }

  void run(std::promise<void> ready) {
    async::prepare_thread("sip", 0);
    dbg_handler_set(on_library_warning, nullptr);
    fd_setsize(descriptor_limit());
    const int error = libre_init();
    if (error != 0 || fd_listen(wake, FD_READ, on_wake, this) != 0) {
      ready.set_exception(std::make_exception_ptr(std::runtime_error("libre cannot start its loop")));
      return;
    }
    ready.set_value();
    re_main(nullptr);
    fd_close(wake);
    // No libre_close(): a session that still waits for an ACK keeps a socket in libre's tables, and
    // closing those prints each to stderr. A later SipThread takes the tables over as they are.
  }
};

SipThread::SipThread() : impl_(std::make_unique<Impl>()) {
  if (exists.exchange(true)) throw std::logic_error("a second SipThread: libre has one loop in a process");
  impl_->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  std::promise<void> ready;
  auto started = ready.get_future();
  impl_->thread = std::thread{[this, ready = std::move(ready)]() mutable { impl_->run(std::move(ready)); }};
  try {
    started.get();
  } catch (...) {
    impl_->thread.join();
    close(impl_->wake);
    exists = false;
    throw;
  }
}

SipThread::~SipThread() {
  post([] { re_cancel(); });
  impl_->thread.join();
  close(impl_->wake);
  exists = false;
}

void SipThread::post(std::function<void()> command) {
  {
    const std::lock_guard lock{impl_->mutex};
    impl_->queue.push_back(std::move(command));
  }
  const std::uint64_t one = 1;
  static_cast<void>(write(impl_->wake, &one, sizeof one));
}

}  // namespace voxanne::telephony::sip
