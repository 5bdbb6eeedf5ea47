#include "store/sqlite/file_watch.h"

#include <sys/stat.h>

#include <cerrno>
#include <system_error>

namespace voxanne::store {
namespace {

template <class Identity>
Identity identity_of(const std::string& path) {
  struct stat found{};
  if (stat(path.c_str(), &found) != 0) throw std::system_error(errno, std::generic_category(), path);
  return {found.st_dev, found.st_ino};
}

}  // namespace

FileWatch::FileWatch(std::string path)
    : path_(std::move(path)),
      log_path_(path_ + "-wal"),
      file_(identity_of<Identity>(path_)),
      log_(identity_of<Identity>(log_path_)) {}

FileWatch::Verdict FileWatch::compare(const std::string& path, const Identity& known) {
  struct stat found{};
  // Another error (a directory that cannot be searched) does not say that the file is gone.
  if (stat(path.c_str(), &found) != 0)
    return errno == ENOENT || errno == ENOTDIR ? Verdict::deleted : Verdict::present;
  return Identity{found.st_dev, found.st_ino} == known ? Verdict::present : Verdict::replaced;
}

Result<> FileWatch::check() {
  Verdict verdict = compare(path_, file_);
  if (verdict == Verdict::present) verdict = compare(log_path_, log_);
  verdict_ = verdict;
  return answer(verdict);
}

Result<> FileWatch::check_lately(SteadyTime now) {
  SteadyTime due = next_look_.load(std::memory_order_relaxed);
  // Whoever moves the time looks; the others take its last answer.
  if (now >= due && next_look_.compare_exchange_strong(due, now + 1s)) return check();
  return answer(verdict_.load(std::memory_order_relaxed));
}

Result<> FileWatch::answer(Verdict verdict) const {
  switch (verdict) {
    case Verdict::present:
      return {};
    case Verdict::deleted:
      return Error{Fault::unavailable, "database_deleted",
                   path_ +
                       " (or its -wal) was moved or deleted while in use: put it back, or restore a "
                       "backup and start again",
                   1s};
    case Verdict::replaced:
      return Error{Fault::unavailable, "database_replaced",
                   path_ +
                       " (or its -wal) was replaced while in use: put the original back, or start again "
                       "to serve the new one",
                   1s};
  }
  return internal("bad_verdict", "unreachable");
}

}  // namespace voxanne::store
