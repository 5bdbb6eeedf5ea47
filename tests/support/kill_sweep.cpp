#include "support/kill_sweep.h"

#include "support/patience.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <stdexcept>
#include <string_view>
#include <thread>

namespace voxanne::test {
namespace {

// The name of a change, null for every other call. Not every machine has the older calls.
const char* change_of(long number, std::uint64_t first, std::uint64_t second, std::uint64_t third) {
  const bool opens_for_writing = (third & (O_CREAT | O_WRONLY | O_RDWR | O_TRUNC)) != 0;
  switch (number) {
    case SYS_openat:
      return opens_for_writing ? "openat" : nullptr;
    case SYS_write:
    case SYS_writev:
    case SYS_pwrite64:
    case SYS_pwritev:
      return first > 2 ? "write" : nullptr;
    case SYS_ftruncate:
      return "ftruncate";
    case SYS_fallocate:
      return "fallocate";
    case SYS_copy_file_range:
    case SYS_sendfile:
      return "copy";
    case SYS_fsync:
    case SYS_fdatasync:
      return "fsync";
    case SYS_renameat:
    case SYS_renameat2:
      return "rename";
    case SYS_unlinkat:
      return "unlink";
    case SYS_linkat:
      return "link";
    case SYS_mkdirat:
      return "mkdir";
#ifdef SYS_open
    case SYS_open:
      return (second & (O_CREAT | O_WRONLY | O_RDWR | O_TRUNC)) != 0 ? "open" : nullptr;
    case SYS_creat:
      return "open";
    case SYS_rename:
      return "rename";
    case SYS_unlink:
    case SYS_rmdir:
      return "unlink";
    case SYS_link:
      return "link";
    case SYS_mkdir:
      return "mkdir";
#endif
    default:
      return nullptr;
  }
}

bool is_file(pid_t pid, std::uint64_t descriptor) {
  struct stat status{};
  const auto path = "/proc/" + std::to_string(pid) + "/fd/" + std::to_string(descriptor);
  return ::stat(path.c_str(), &status) == 0 && (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode));
}

pid_t start(std::vector<std::string>& command, std::map<std::string, std::string>& environment) {
  for (const char* name :
       {"PATH", "HOME", "LANG", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS"})
    if (const char* value = std::getenv(name); value && !environment.contains(name))
      environment[name] = value;
  // The leak checker traces too, and cannot where somebody does already.
  if (slowness > 1) environment["ASAN_OPTIONS"] += ":detect_leaks=0";
  std::vector<std::string> variables;
  for (const auto& [name, value] : environment) variables.push_back(name + "=" + value);
  std::vector<char*> argv, envp;
  for (auto& argument : command) argv.push_back(argument.data());
  for (auto& variable : variables) envp.push_back(variable.data());
  argv.push_back(nullptr);
  envp.push_back(nullptr);
  const pid_t pid = ::fork();
  if (pid < 0) throw std::runtime_error("fork failed");
  if (pid > 0) return pid;
  const int nowhere = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  ::dup2(nowhere, 1);
  if (slowness == 1) ::dup2(nowhere, 2);  // a sanitizer's report is the test's failure
  ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
  ::raise(SIGSTOP);
  ::execve(argv[0], argv.data(), envp.data());
  ::_exit(127);
}

int code_of(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

RunUntilChange trace(pid_t pid, int change) {
  RunUntilChange result;
  int status = 0, seen = 0;
  if (::waitpid(pid, &status, __WALL) != pid || !WIFSTOPPED(status))
    throw std::runtime_error("the program cannot be traced");
  ::ptrace(PTRACE_SETOPTIONS, pid, nullptr,
           PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK |
               PTRACE_O_TRACEVFORK);
  ::ptrace(PTRACE_SYSCALL, pid, nullptr, nullptr);
  for (;;) {
    const pid_t stopped = ::waitpid(-1, &status, __WALL | __WNOTHREAD);
    if (stopped < 0) {
      if (errno == EINTR) continue;
      return result;  // nobody is left
    }
    if (WIFEXITED(status) || WIFSIGNALED(status)) {
      if (stopped == pid) result.exit_code = code_of(status);
      continue;
    }
    long pass_on = 0;
    const int signal = WSTOPSIG(status);
    if (signal == (SIGTRAP | 0x80)) {
      __ptrace_syscall_info info{};
      const bool known = ::ptrace(PTRACE_GET_SYSCALL_INFO, stopped, sizeof info, &info) > 0;
      if (known && info.op == PTRACE_SYSCALL_INFO_ENTRY && !result.killed) {
        const char* what =
            change_of(long(info.entry.nr), info.entry.args[0], info.entry.args[1], info.entry.args[2]);
        const bool by_descriptor =
            what && (std::string_view{what} == "write" || std::string_view{what} == "fsync");
        if (what && (!by_descriptor || is_file(stopped, info.entry.args[0])) && ++seen == change) {
          result.killed = true;
          result.before = what;
          ::kill(pid, SIGKILL);
          continue;  // dead before the call is made
        }
      }
    } else if (signal != SIGTRAP && signal != SIGSTOP) {
      pass_on = signal;
    }
    ::ptrace(PTRACE_SYSCALL, stopped, nullptr, pass_on);
  }
}

}  // namespace

RunUntilChange run_until_change(std::vector<std::string> command,
                                std::map<std::string, std::string> environment, int change) {
  // What is traced belongs to the thread that traces: waiting for it touches no other child of the test.
  RunUntilChange result;
  std::exception_ptr failed;
  std::thread tracer{[&] {
    try {
      result = trace(start(command, environment), change);
    } catch (...) {
      failed = std::current_exception();
    }
  }};
  tracer.join();
  if (failed) std::rethrow_exception(failed);
  return result;
}

}  // namespace voxanne::test
