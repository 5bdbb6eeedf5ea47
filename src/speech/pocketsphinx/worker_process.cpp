#include "speech/pocketsphinx/worker_process.h"

#include "speech/pocketsphinx/worker.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

namespace voxanne::speech::pocketsphinx {
namespace {

// The child starts with default signals, no standard input and only the connection.
int spawn(pid_t& pid, const std::vector<std::string>& command, int connection) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", 0, 0);
  posix_spawn_file_actions_adddup2(&actions, connection, worker_descriptor);

  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);

  std::vector<char*> arguments;
  for (const auto& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  const int error = ::posix_spawn(&pid, arguments[0], &actions, &attributes, arguments.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return error;
}

}  // namespace

Result<WorkerProcess> WorkerProcess::start(const std::vector<std::string>& command,
                                           async::Executor executor) {
  std::array<int, 2> pair{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) != 0)
    return unavailable("speech_worker_not_started", std::string{"no socket pair: "} + std::strerror(errno));
  pid_t pid = -1;
  // dup2 onto itself would keep close-on-exec.
  if (pair[1] == worker_descriptor) {
    pair[1] = ::fcntl(worker_descriptor, F_DUPFD_CLOEXEC, worker_descriptor + 1);
    ::close(worker_descriptor);
  }
  const int error = spawn(pid, command, pair[1]);
  ::close(pair[1]);
  if (error != 0) {
    ::close(pair[0]);
    return unavailable("speech_worker_not_started",
                       "cannot run " + command.front() + ": " + std::strerror(error));
  }
  Socket socket{executor};
  socket.assign(boost::asio::local::stream_protocol{}, pair[0]);
  return WorkerProcess{pid, std::move(socket)};
}

WorkerProcess::WorkerProcess(WorkerProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), socket_(std::move(other.socket_)) {}

WorkerProcess::~WorkerProcess() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace voxanne::speech::pocketsphinx
