#include "knowledge/formats/confined.h"

#include "base/descriptor.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace voxanne::knowledge::formats {
namespace {

constexpr uid_t nobody = 65'534;
constexpr std::size_t most_complaints = 16u << 10;

#if defined(__x86_64__)
constexpr std::uint32_t architecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t architecture = AUDIT_ARCH_AARCH64;
#else
#error "name the architecture that system calls are numbered by"
#endif

#define VOXANNE_REFUSE(call)                                              \
  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(call), 0, 1), \
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM)

// What is refused after the program has begun: sockets, other processes, the files of others.
const sock_filter refusals[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, architecture, 1, 0),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
    VOXANNE_REFUSE(SYS_socket),
    VOXANNE_REFUSE(SYS_socketpair),
    VOXANNE_REFUSE(SYS_connect),
    VOXANNE_REFUSE(SYS_bind),
    VOXANNE_REFUSE(SYS_sendto),
    VOXANNE_REFUSE(SYS_sendmsg),
    VOXANNE_REFUSE(SYS_io_uring_setup),
    VOXANNE_REFUSE(SYS_clone),
    VOXANNE_REFUSE(SYS_clone3),
    VOXANNE_REFUSE(SYS_ptrace),
    VOXANNE_REFUSE(SYS_process_vm_readv),
    VOXANNE_REFUSE(SYS_process_vm_writev),
    VOXANNE_REFUSE(SYS_kill),
    VOXANNE_REFUSE(SYS_tgkill),
    VOXANNE_REFUSE(SYS_unlinkat),
    VOXANNE_REFUSE(SYS_renameat2),
    VOXANNE_REFUSE(SYS_mkdirat),
#if defined(__x86_64__)
    VOXANNE_REFUSE(SYS_fork),
    VOXANNE_REFUSE(SYS_vfork),
    VOXANNE_REFUSE(SYS_unlink),
    VOXANNE_REFUSE(SYS_rename),
    VOXANNE_REFUSE(SYS_mkdir),
#endif
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
};
#undef VOXANNE_REFUSE

struct Plan {
  const char* program;
  char* const* arguments;
  char* const* environment;
  int in, out, err;
  int file;   // the program where it was opened, or -1 where it is run by its path
  int files;  // a Landlock ruleset, or -1 where the kernel has none
  Confines confines;
};

void limit(int what, rlim_t value) {
  const rlimit both{value, value};
  ::setrlimit(static_cast<__rlimit_resource>(what), &both);
}

// In the child, which shares our memory until it runs the program: system calls only, and nothing returns.
[[noreturn]] void become(const Plan& plan) {
  sigset_t none;
  sigemptyset(&none);
  for (const int number : {SIGPIPE, SIGTERM, SIGINT, SIGHUP}) ::signal(number, SIG_DFL);
  const bool placed = ::dup2(plan.in, 0) == 0 && ::dup2(plan.out, 1) == 1 && ::dup2(plan.err, 2) == 2;
  if (!placed) ::_exit(126);
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) ::_exit(126);
  if (plan.files >= 0 && ::syscall(SYS_landlock_restrict_self, plan.files, 0) != 0) ::_exit(126);
  if (plan.file >= 0 && plan.file != 3 && ::dup3(plan.file, 3, O_CLOEXEC) != 3) ::_exit(126);
  ::syscall(SYS_close_range, plan.file >= 0 ? 4u : 3u, ~0u, 0u);
  limit(RLIMIT_AS, plan.confines.max_memory);
  limit(RLIMIT_CPU, plan.confines.max_cpu_seconds);
  limit(RLIMIT_FSIZE, plan.confines.max_output);
  limit(RLIMIT_NOFILE, 32);
  limit(RLIMIT_CORE, 0);
  // A network without interfaces, where that is permitted; the filter below refuses sockets in any case.
  ::syscall(SYS_unshare, CLONE_NEWNET);
  if (::geteuid() == 0) {
    if (::syscall(SYS_setgroups, 0, nullptr) != 0 || ::syscall(SYS_setresgid, nobody, nobody, nobody) != 0 ||
        ::syscall(SYS_setresuid, nobody, nobody, nobody) != 0)
      ::_exit(126);
    limit(RLIMIT_NPROC, 0);
  }
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const sock_fprog filter{static_cast<unsigned short>(std::size(refusals)),
                          const_cast<sock_filter*>(refusals)};
  if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0) ::_exit(126);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  // What was opened needs no way to it, which nobody might not be permitted to go.
  if (plan.file >= 0) ::syscall(SYS_execveat, 3, "", plan.arguments, plan.environment, AT_EMPTY_PATH);
  ::execve(plan.program, plan.arguments, plan.environment);
  ::_exit(127);
}

std::string find_program(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::string_view places = path && *path ? path : "/usr/local/bin:/usr/bin:/bin";
  while (!places.empty()) {
    const auto end = std::min(places.find(':'), places.size());
    const std::string candidate = std::string{places.substr(0, end)} + "/" + name;
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
    places.remove_prefix(std::min(end + 1, places.size()));
  }
  return {};
}

// Reading programs, libraries and their data, and nothing else of the disk: our own files least of all.
// `program` (or -1) is one more that may be run.
Descriptor readable_files(int program) {
  landlock_ruleset_attr all{};
  all.handled_access_fs = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;  // every right of the first version
  Descriptor rules{static_cast<int>(::syscall(SYS_landlock_create_ruleset, &all, sizeof all, 0))};
  if (rules.get() < 0) return rules;
  if (program >= 0) {
    landlock_path_beneath_attr rule{};
    rule.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_EXECUTE;
    rule.parent_fd = program;
    ::syscall(SYS_landlock_add_rule, rules.get(), LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
  }
  for (const char* place : {"/usr", "/lib", "/lib64", "/etc/ld.so.cache"}) {
    const Descriptor parent{::open(place, O_PATH | O_CLOEXEC)};
    landlock_path_beneath_attr rule{};
    rule.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE;
    if (!std::string_view{place}.starts_with("/etc"))
      rule.allowed_access |= LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_DIR;
    rule.parent_fd = parent.get();
    if (parent.get() >= 0)
      ::syscall(SYS_landlock_add_rule, rules.get(), LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
  }
  return rules;
}

Descriptor in_memory(std::string_view bytes) {
  Descriptor file{::memfd_create("voxanne-document", MFD_CLOEXEC)};
  while (file.get() >= 0 && !bytes.empty()) {
    const auto written = ::write(file.get(), bytes.data(), bytes.size());
    if (written <= 0) return Descriptor{};
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  if (file.get() >= 0) ::lseek(file.get(), 0, SEEK_SET);
  return file;
}

// The child begins with every signal blocked, so that no handler of ours runs in it.
pid_t start(const Plan& plan) {
  sigset_t all, before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t child = ::vfork();
  if (child == 0) become(plan);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return child;
}

// Whatever comes until both ends are closed; false: the time or the room ran out.
ChildOutput::End read_all(int out, int err, const Confines& confines, ChildOutput& output) {
  const auto until = std::chrono::steady_clock::now() + confines.within;
  std::array<pollfd, 2> ends{{{out, POLLIN, 0}, {err, POLLIN, 0}}};
  std::string block(64u << 10, '\0');
  while (ends[0].fd >= 0 || ends[1].fd >= 0) {
    const auto left = std::chrono::ceil<milliseconds>(until - std::chrono::steady_clock::now());
    if (left.count() <= 0) return ChildOutput::End::out_of_time;
    if (::poll(ends.data(), ends.size(), static_cast<int>(left.count())) < 0 && errno != EINTR)
      return ChildOutput::End::out_of_time;
    for (auto& end : ends) {
      if (end.fd < 0 || !(end.revents & (POLLIN | POLLHUP | POLLERR))) continue;
      const auto count = ::read(end.fd, block.data(), block.size());
      if (count <= 0) {
        if (count == 0 || errno != EINTR) end.fd = -1;
        continue;
      }
      std::string& into = &end == &ends[0] ? output.out : output.err;
      const std::size_t room = &end == &ends[0] ? confines.max_output : most_complaints;
      if (&end == &ends[0] && into.size() + static_cast<std::size_t>(count) > room)
        return ChildOutput::End::too_much_output;
      into.append(block.data(),
                  std::min(static_cast<std::size_t>(count), room - std::min(room, into.size())));
    }
  }
  return ChildOutput::End::exited;
}

}  // namespace

bool withholds_files() { return readable_files(-1).get() >= 0; }

Result<ChildOutput> run_confined(const std::vector<std::string>& command, std::string_view input,
                                 const Confines& confines) {
  const bool by_path = command.front().find('/') != std::string::npos;
  const std::string program = by_path ? command.front() : find_program(command.front());
  Descriptor file{by_path ? ::open(program.c_str(), O_PATH | O_CLOEXEC) : -1};
  if (program.empty() || (by_path && !file))
    return unavailable("program_missing", "the program " + command.front() + " is not installed");
  const auto failed = [](const char* what) {
    return unavailable("child_not_started", std::string{what} + ": " + std::strerror(errno));
  };
  Descriptor in = in_memory(input);
  std::array<int, 2> out_pipe{}, err_pipe{};
  if (in.get() < 0) return failed("no room for the document");
  if (::pipe2(out_pipe.data(), O_CLOEXEC) != 0) return failed("no pipe");
  Descriptor out{out_pipe[0]}, out_end{out_pipe[1]};
  if (::pipe2(err_pipe.data(), O_CLOEXEC) != 0) return failed("no pipe");
  Descriptor err{err_pipe[0]}, err_end{err_pipe[1]};
  // Placing them at 0 to 2 must not step on one another.
  const auto above = [](Descriptor& one) {
    if (one.get() <= 2) one = Descriptor{::fcntl(one.get(), F_DUPFD_CLOEXEC, 3)};
  };
  above(file);
  const Descriptor files = readable_files(file.get());
  above(in);
  above(out_end);
  above(err_end);

  std::vector<char*> arguments;
  for (const auto& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  char language[] = "LC_ALL=C.UTF-8", path[] = "PATH=/usr/bin:/bin";
  // A library of our own program, which would look for its settings before main() and end it without them.
  char no_gnutls[] = "GNUTLS_NO_IMPLICIT_INIT=1";
  char* environment[] = {language, path, no_gnutls, nullptr};
  const pid_t child = start({program.c_str(), arguments.data(), environment, in.get(), out_end.get(),
                             err_end.get(), file.get(), files.get(), confines});
  if (child < 0) return failed("no process");
  out_end.close();
  err_end.close();

  ChildOutput output;
  output.end = read_all(out.get(), err.get(), confines, output);
  if (output.end != ChildOutput::End::exited) ::kill(child, SIGKILL);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (output.end == ChildOutput::End::exited && WIFSIGNALED(status)) output.end = ChildOutput::End::killed;
  output.status = WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status);
  return output;
}

}  // namespace voxanne::knowledge::formats
