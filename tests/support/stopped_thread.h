// One thread of another process, standing still: what a deadlock or an endless computation looks like
// from outside. By ptrace(2), so only of a child of this process, and only by the thread that made this.
#pragma once

#include <sys/types.h>

#include <string>

namespace voxanne::test {

class StoppedThread {
 public:
  // The thread of that name; throws when there is none or it may not be stopped.
  StoppedThread(pid_t process, const std::string& name);
  ~StoppedThread();
  StoppedThread(const StoppedThread&) = delete;
  StoppedThread& operator=(const StoppedThread&) = delete;

 private:
  pid_t thread_ = 0;
};

}  // namespace voxanne::test
