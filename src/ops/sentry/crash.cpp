#include "ops/sentry/crash.h"

#include "async/signal_stack.h"

#include <execinfo.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>

namespace voxanne::ops::sentry::crash {
namespace {

constexpr std::array fatal{SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL};

// All the handler uses is here before it is needed, at addresses that do not move.
struct Prepared {
  std::string path, header;
  const Breadcrumbs* breadcrumbs = nullptr;
  std::array<struct sigaction, fatal.size()> before{};
};
Prepared* prepared = nullptr;
std::atomic<pid_t> dying{0};  // the thread that writes the report

// write(2) and arithmetic only (signal-safety(7)).
class Out {
 public:
  explicit Out(int fd) : fd_(fd) {}
  ~Out() { flush(); }
  Out(const Out&) = delete;
  Out& operator=(const Out&) = delete;

  Out& text(const char* bytes, std::size_t size) {
    while (size > 0) {
      if (used_ == sizeof buffer_) flush();
      const std::size_t part = size < sizeof buffer_ - used_ ? size : sizeof buffer_ - used_;
      memcpy(buffer_ + used_, bytes, part);
      used_ += part;
      bytes += part;
      size -= part;
    }
    return *this;
  }
  Out& text(const char* word) { return text(word, strlen(word)); }
  // One line's worth: what would end it early becomes a space.
  Out& line(const char* bytes, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) {
      const char c = bytes[i] == '\n' || bytes[i] == '\0' ? ' ' : bytes[i];
      text(&c, 1);
    }
    return *this;
  }
  Out& number(std::uint64_t value, unsigned base = 10) {
    char digits[24];
    std::size_t at = sizeof digits;
    do digits[--at] = "0123456789abcdef"[value % base];
    while ((value /= base) > 0);
    return text(digits + at, sizeof digits - at);
  }
  void flush() {
    for (std::size_t at = 0; at < used_;) {
      const auto written = ::write(fd_, buffer_ + at, used_ - at);
      if (written <= 0) break;
      at += std::size_t(written);
    }
    used_ = 0;
  }

 private:
  int fd_;
  std::size_t used_ = 0;
  char buffer_[1'024];
};

void write_report(int number, const siginfo_t& info) {
  const int fd = ::open(prepared->path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return;
  {
    Out out{fd};
    out.text(prepared->header.data(), prepared->header.size());
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    out.text("at ").number(std::uint64_t(now.tv_sec) * 1'000 + std::uint64_t(now.tv_nsec) / 1'000'000);
    out.text("\nsignal ").number(std::uint64_t(number));
    // A code below zero says that a process sent it.
    out.text("\ncode ").number(info.si_code < 0 ? 0 : std::uint64_t(info.si_code));
    if (info.si_code > 0) out.text("\naddress ").number(reinterpret_cast<std::uintptr_t>(info.si_addr), 16);
    char name[17] = {};
    prctl(PR_GET_NAME, name);
    out.text("\nthread ").line(name, strlen(name)).text("\n");
    // The worst that can happen from here on is a second fault, and that much is written by then.
    out.flush();
    void* frames[max_frames];
    const int count = backtrace(frames, max_frames);
    for (int i = 0; i < count; ++i)
      out.text("frame ").number(reinterpret_cast<std::uintptr_t>(frames[i]), 16).text("\n");
    out.flush();
    prepared->breadcrumbs->visit([&](const Breadcrumbs::Slot& slot) {
      if (slot.category_size == 0 || slot.category_size > slot.category.size() ||
          slot.message_size > slot.message.size())
        return;
      out.text("crumb ")
          .number(std::uint64_t(slot.at_ms))
          .text(" ")
          .number(std::uint64_t(slot.level))
          .text(" ");
      out.line(slot.category.data(), slot.category_size)
          .text(" ")
          .line(slot.message.data(), slot.message_size);
      out.text("\n");
    });
    out.text("end\n");
  }
  ::fsync(fd);
  ::close(fd);
}

// Ending now would cut another thread's report short; it ends the process for us.
void let_it_write() {
  constexpr time_t patience = 5;  // a disk may hang
  timespec left{.tv_sec = patience, .tv_nsec = 0};
  while (nanosleep(&left, &left) != 0 && errno == EINTR) {
  }
}

void on_fatal(int number, siginfo_t* info, void*) {
  const auto self = pid_t(syscall(SYS_gettid));
  pid_t first = 0;
  if (dying.compare_exchange_strong(first, self))
    write_report(number, *info);
  else if (first != self)
    let_it_write();
  for (std::size_t i = 0; i < fatal.size(); ++i) sigaction(fatal[i], &prepared->before[i], nullptr);
  // Delivered when this handler returns, to whoever had it before; by default it ends the process.
  syscall(SYS_tgkill, getpid(), self, number);
}

}  // namespace

void install(const Options& options, const Breadcrumbs& breadcrumbs) {
  prepare_stacks();
  std::error_code ignored;
  std::filesystem::create_directories(options.directory, ignored);
  auto made = std::make_unique<Prepared>();
  made->path = (options.directory / ("crash-" + options.session + ".txt")).string();
  made->header = "voxanne-crash 1\nsession " + options.session + "\nrelease " + options.release +
                 "\nenvironment " + options.environment + "\nstarted " +
                 std::to_string(to_unix_ms(options.started)) + "\n";
  const auto hex = [](std::uintptr_t value) {
    char text[2 * sizeof value + 1];
    snprintf(text, sizeof text, "%lx", static_cast<unsigned long>(value));
    return std::string{text};
  };
  for (const auto& module : loaded_modules())
    made->header += "module " + hex(module.bias) + " " + hex(module.first) + " " + hex(module.last) + " " +
                    (module.build_id.empty() ? "-" : module.build_id) + " " + module.path + "\n";
  made->breadcrumbs = &breadcrumbs;

  async::give_signal_stack();  // main's; other threads get theirs as they begin
  delete std::exchange(prepared, made.release());
  struct sigaction action{};
  action.sa_sigaction = on_fatal;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  for (std::size_t i = 0; i < fatal.size(); ++i) sigaction(fatal[i], &action, &prepared->before[i]);
}

void uninstall() {
  if (!prepared) return;
  for (std::size_t i = 0; i < fatal.size(); ++i) sigaction(fatal[i], &prepared->before[i], nullptr);
}

}  // namespace voxanne::ops::sentry::crash
