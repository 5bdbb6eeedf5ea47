#include "support/stopped_thread.h"

#include <sys/ptrace.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace voxanne::test {

StoppedThread::StoppedThread(pid_t process, const std::string& name) {
  for (const auto& task : std::filesystem::directory_iterator{"/proc/" + std::to_string(process) + "/task"}) {
    std::string its_name;
    std::getline(std::ifstream{task.path() / "comm"}, its_name);
    if (its_name == name) thread_ = std::stoi(task.path().filename().string());
  }
  if (thread_ == 0) throw std::runtime_error("there is no thread " + name);
  if (ptrace(PTRACE_SEIZE, thread_, nullptr, nullptr) != 0 ||
      ptrace(PTRACE_INTERRUPT, thread_, nullptr, nullptr) != 0)
    throw std::runtime_error("the thread " + name + " cannot be stopped: " + std::strerror(errno));
  int status = 0;
  waitpid(thread_, &status, __WALL);
}

StoppedThread::~StoppedThread() { ptrace(PTRACE_DETACH, thread_, nullptr, nullptr); }

}  // namespace voxanne::test
