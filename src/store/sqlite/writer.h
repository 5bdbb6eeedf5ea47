// The one thread that writes: group commit. It takes what is waiting (up to 256 batches) into one
// transaction, commits with one fsync, looks whether the file is still there, and answers.
//
// Lifecycle: construct (the thread starts), submit() from any thread, stop() (writes what is queued,
// joins). Those of a group who asked from the same loop are answered together.
#pragma once

#include "async/mutex.h"
#include "async/reply.h"
#include "store/sqlite/connection.h"
#include "store/sqlite/file_watch.h"

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <thread>
#include <vector>

namespace voxanne::store {

class Writer {
 public:
  class Submission {
   public:
    Submission(Batch submitted, async::Executor asker) : batch(std::move(submitted)), home(asker) {}
    virtual ~Submission() = default;
    // Called once, on the loop of whoever asked.
    virtual void answer(Result<> outcome) = 0;

    Batch batch;
    async::Home home;
  };

  static constexpr std::size_t group_size = 256;

  struct Limits {
    std::size_t batches;
    std::size_t bytes;
  };

  Writer(Connection connection, FileWatch& files, Limits limits);
  ~Writer();

  void submit(std::unique_ptr<Submission> submission);
  // How many transactions have been committed; counted before anybody is answered. From any thread.
  std::uint64_t commits() const { return commits_.load(std::memory_order_acquire); }
  void stop();

 private:
  struct Waiting {
    std::unique_ptr<Submission> submission;
    std::size_t bytes;
  };
  // A batch of the group at hand and what came of it so far.
  struct Member {
    std::unique_ptr<Submission> submission;
    Result<> outcome;
  };

  void work();
  static void answer(std::vector<Member> group);
  std::vector<Member> take();
  void wait_for_company();
  std::size_t waiting();
  void write(std::span<Member> group);
  Result<> commit(std::span<Member> group);
  Result<bool> apply_together(std::span<Member> group);
  Result<bool> apply_separately(std::span<Member> group);
  Result<> apply(const Batch& batch);
  void roll_back();
  void note(const Result<>& committed);

  Connection connection_;
  FileWatch& files_;
  const Limits limits_;
  std::atomic<std::uint64_t> commits_{0};
  bool busy_ = false;    // the last group had several members
  std::string failing_;  // the code of the last failure; empty while all is well

  async::Mutex mutex_;
  async::Semaphore wake_;
  std::deque<Waiting> waiting_;
  std::size_t waiting_bytes_ = 0;
  bool stopping_ = false;

  std::thread thread_;  // last: it uses everything above
};

}  // namespace voxanne::store
