// The parent's end of one speech worker: starts it, routes its answers to their streams, notices
// that it died or hangs, starts it again.
//
// Executor: start(), stop() and everything about the process on the recognizer's loop; attach(),
// detach(), send() and the counters on any thread. A mutex guards the table of streams, held for a
// lookup.
#pragma once

#include "async/channel.h"
#include "async/clock.h"
#include "async/task_group.h"
#include "speech/pocketsphinx/protocol.h"

#include <boost/asio/posix/stream_descriptor.hpp>

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace voxanne::speech::pocketsphinx {

// A stream's answers, on its call's shard. Closed: the worker is lost to it.
struct Answers {
  explicit Answers(async::Executor e) : executor(e), queue(e, 64) {}
  async::Executor executor;
  async::Channel<Hypothesis> queue;
};

class WorkerProcess {
 public:
  WorkerProcess(async::Executor executor, async::Clock& clock, std::vector<std::string> command,
                milliseconds hung_after);
  ~WorkerProcess();
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;

  // The first start; blocks for a fork. Errors: unavailable (speech_worker_failed).
  Result<> start();
  async::Task<> stop();

  std::uint32_t attach(std::shared_ptr<Answers> answers);
  void detach(std::uint32_t stream);
  // False when the worker is gone or its socket full.
  bool send(const Envelope& envelope);
  bool send_audio(std::uint32_t stream, std::span<const audio::Sample> samples);
  // A final is due from now on: when it does not come, the worker hangs.
  void expect_final(std::uint32_t stream);
  void count_talking(int change) { talking_ += change; }

  bool alive() const { return socket_.load() >= 0; }
  int streams() const { return streams_count_.load(); }
  int talking() const { return talking_.load(); }

 private:
  struct Entry {
    std::shared_ptr<Answers> answers;
    std::optional<SteadyTime> final_due;
  };

  Result<int> spawn();
  async::Task<> supervise();
  async::Task<> read_answers(int socket);
  async::Task<> watch();
  void dispatch(Envelope envelope);
  void lose_all();
  void reap();
  bool send_bytes(std::string_view packet);

  async::Executor executor_;
  async::Clock& clock_;
  const std::vector<std::string> command_;
  const milliseconds hung_after_;
  std::atomic<int> socket_{-1};
  pid_t pid_ = -1;
  std::atomic<int> streams_count_{0}, talking_{0};
  mutable std::mutex mutex_;  // of the table, and of closing the socket while others send
  std::map<std::uint32_t, Entry> table_;
  std::uint32_t next_ = 1;
  async::TaskGroup tasks_;
};

}  // namespace voxanne::speech::pocketsphinx
