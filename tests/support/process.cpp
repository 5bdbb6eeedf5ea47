#include "support/process.h"

#include "support/patience.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace voxanne::test {
namespace {

// What a sanitizer found in the child is the test's failure: ctest looks for its name (cmake/house.cmake).
void tell_reports(const std::vector<std::string>& lines) {
  if (slowness == 1) return;
  auto line = std::ranges::find_if(lines, [](const std::string& text) {
    return text.find("Sanitizer: ") != std::string::npos || text.find("runtime error: ") != std::string::npos;
  });
  for (; line != lines.end(); ++line) fprintf(stderr, "%s\n", line->c_str());
}

}  // namespace

Process::Process(Options options) {
  for (const char* name :
       {"PATH", "HOME", "LANG", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS"})
    if (const char* value = std::getenv(name); value && !options.environment.contains(name))
      options.environment[name] = value;
  std::vector<std::string> variables;
  for (const auto& [name, value] : options.environment) variables.push_back(name + "=" + value);
  std::vector<char*> argv, envp;
  for (auto& argument : options.command) argv.push_back(argument.data());
  for (auto& variable : variables) envp.push_back(variable.data());
  argv.push_back(nullptr);
  envp.push_back(nullptr);

  int out[2], err[2];
  if (pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0) throw std::runtime_error("pipe2 failed");
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ < 0) throw std::runtime_error("fork failed");
  if (pid_ == 0) {
    // A crashed test must not leave servers behind.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(127);
    dup2(out[1], 1);
    dup2(err[1], 2);
    if (!options.directory.empty() && chdir(options.directory.c_str()) != 0) _exit(127);
    execvpe(argv[0], argv.data(), envp.data());
    dprintf(2, "cannot start %s: %s\n", argv[0], strerror(errno));
    _exit(127);
  }
  close(out[1]);
  close(err[1]);
  pidfd_ = int(syscall(SYS_pidfd_open, pid_, 0));
  readers_.emplace_back([this, fd = out[0]] { read(fd, true); });
  readers_.emplace_back([this, fd = err[0]] { read(fd, false); });
}

Process::~Process() {
  if (!exit_code_) {
    kill(pid_, SIGKILL);
    wait(std::chrono::seconds{10});
  }
  for (auto& reader : readers_) reader.join();
  if (pidfd_ >= 0) close(pidfd_);
  tell_reports(lines_);
}

void Process::read(int fd, bool is_stdout) {
  std::string partial;
  char block[4096];
  for (ssize_t count; (count = ::read(fd, block, sizeof block)) > 0;) {
    const std::lock_guard lock{mutex_};
    partial.append(block, std::size_t(count));
    if (is_stdout) out_.append(block, std::size_t(count));
    for (std::size_t end; (end = partial.find('\n')) != std::string::npos;) {
      lines_.push_back(partial.substr(0, end));
      partial.erase(0, end + 1);
    }
    changed_.notify_all();
  }
  close(fd);
  const std::lock_guard lock{mutex_};
  if (!partial.empty()) lines_.push_back(partial);
  --open_streams_;
  changed_.notify_all();
}

std::optional<std::string> Process::wait_for_line(const std::string& text, std::chrono::milliseconds limit,
                                                  std::size_t from) {
  std::optional<std::string> found;
  std::unique_lock lock{mutex_};
  changed_.wait_for(lock, patient(limit), [&] {
    for (; from < lines_.size(); ++from)
      if (lines_[from].find(text) != std::string::npos) {
        found = lines_[from];
        return true;
      }
    return open_streams_ == 0;
  });
  return found;
}

std::size_t Process::line_count() const {
  const std::lock_guard lock{mutex_};
  return lines_.size();
}

std::string Process::output() const {
  const std::lock_guard lock{mutex_};
  std::string all;
  for (const auto& line : lines_) all.append(line).push_back('\n');
  return all;
}

std::string Process::out() const {
  const std::lock_guard lock{mutex_};
  return out_;
}

void Process::signal(int number) {
  if (!exit_code_) kill(pid_, number);
}

std::optional<int> Process::wait(std::chrono::milliseconds limit) {
  if (exit_code_) return exit_code_;
  pollfd ended{pidfd_, POLLIN, 0};
  if (poll(&ended, 1, int(patient(limit).count())) <= 0) return std::nullopt;
  int status = 0;
  if (waitpid(pid_, &status, 0) != pid_) return std::nullopt;
  exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  // What it wrote last is still in the pipes; a grandchild may hold them open for longer.
  std::unique_lock lock{mutex_};
  changed_.wait_for(lock, std::chrono::seconds{2}, [&] { return open_streams_ == 0; });
  return exit_code_;
}

}  // namespace voxanne::test
