// Whether the database's files are still the ones that were opened. SQLite goes on writing into a
// deleted file without an error, so a write is acknowledged only while both the database and its
// write-ahead log are found under their names with the inodes they had.
#pragma once

#include "base/result.h"
#include "base/time.h"

#include <sys/types.h>

#include <atomic>
#include <string>

namespace voxanne::store {

class FileWatch {
 public:
  // Both files exist: the writer's connection has been opened.
  explicit FileWatch(std::string path);

  // Looks now: two stat calls. Any thread.
  Result<> check();
  // Looks at most once a second, and answers what was seen last in between. Any thread.
  Result<> check_lately(SteadyTime now);

 private:
  enum class Verdict : int { present, deleted, replaced };
  struct Identity {
    dev_t device;
    ino_t inode;
    bool operator==(const Identity&) const = default;
  };
  static Verdict compare(const std::string& path, const Identity& known);
  Result<> answer(Verdict verdict) const;

  const std::string path_, log_path_;
  const Identity file_, log_;
  std::atomic<Verdict> verdict_{Verdict::present};
  std::atomic<SteadyTime> next_look_{SteadyTime{}};
};

}  // namespace voxanne::store
