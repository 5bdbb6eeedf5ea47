// A child process of a test: started with its own environment, its output kept and searchable while
// it runs, ended by process id. The destructor kills what still runs.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace voxanne::test {

class Process {
 public:
  struct Options {
    std::vector<std::string> command;
    std::map<std::string, std::string> environment;  // added to a minimal one (PATH, HOME, LANG)
    std::string directory;                           // empty: the test's own
  };
  explicit Process(Options options);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  // The first line (of stdout and stderr together) that contains `text`, from line `from` on; nullopt
  // when the time passes or the process ends without it.
  std::optional<std::string> wait_for_line(const std::string& text, std::chrono::milliseconds limit,
                                           std::size_t from = 0);
  std::size_t line_count() const;
  std::string output() const;  // stdout and stderr as they came
  std::string out() const;     // stdout alone

  void signal(int number);
  // The exit code, 128 + signal for a killed one; nullopt when it still runs after `limit`.
  std::optional<int> wait(std::chrono::milliseconds limit);
  pid_t pid() const { return pid_; }

 private:
  void read(int fd, bool is_stdout);

  pid_t pid_ = -1;
  int pidfd_ = -1;
  std::optional<int> exit_code_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> lines_;
  std::string out_;
  int open_streams_ = 2;
  std::vector<std::thread> readers_;
};

}  // namespace voxanne::test
