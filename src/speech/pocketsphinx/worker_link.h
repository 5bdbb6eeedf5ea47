// One worker process as seen from the server: started, watched, restarted. Everything runs on the
// link's loop; answers go to the streams' inboxes.
//
//   run():  start → (read ∥ write ∥ heartbeat) until one ends → kill → streams gone → backoff → start …
//
// A worker that dies, sends what is no answer, does not answer a ping within `hang_after`, or does
// not take what it is sent, is killed; its streams answer unavailable from then on. Owner:
// PocketSphinxRecognizer.
#pragma once

#include "async/backoff.h"
#include "async/clock.h"
#include "async/event.h"
#include "speech/pocketsphinx/inbox.h"
#include "speech/pocketsphinx/protocol.h"
#include "speech/pocketsphinx/worker_process.h"

#include <map>
#include <random>
#include <string>
#include <vector>

namespace voxanne::speech::pocketsphinx {

struct WorkerOptions {
  std::vector<std::string> command;
  milliseconds ping_every{500};
  // Generous: a worker at nice 10 on a machine that others keep busy is slow, not hung.
  milliseconds hang_after{10'000};
  async::Backoff backoff{.base = milliseconds{250}, .max = milliseconds{30'000}};
};

class WorkerLink {
 public:
  WorkerLink(const WorkerOptions& options, async::Clock& clock, async::Executor executor);

  // Until cancelled.
  async::Task<> run();

  bool alive() const { return process_ != nullptr && answering_; }
  pid_t pid() const { return process_ ? process_->pid() : -1; }
  std::size_t streams() const { return streams_.size(); }
  // Core share of one talking caller with a closed model, measured; a guess at first.
  double real_time_factor() const { return real_time_factor_; }
  // Decoders that have general English, and utterances that were given to such so far.
  unsigned general_ready() const { return general_ready_; }
  std::uint64_t general_utterances() const { return general_utterances_; }
  // How long the last ping took: how far decoding is behind.
  milliseconds lag() const { return lag_; }

  void open(OpenStream open, InboxAddress inbox);
  void send(const Request& request);
  void close(StreamId stream);
  // Models whose opening a worker did not survive, since the last call.
  std::vector<std::string> take_suspects() { return std::exchange(suspects_, {}); }

 private:
  struct Stream {
    InboxAddress inbox;
    std::string model;
    bool opened = false;
  };

  async::Task<> serve();
  async::Task<> read();
  async::Task<> write();
  async::Task<> heartbeat();
  void take(const Answer& answer);
  void lose_streams();

  const WorkerOptions& options_;
  async::Clock& clock_;
  async::Executor executor_;
  async::Event outgoing_ready_;
  std::unique_ptr<WorkerProcess> process_;
  bool answering_ = false;  // a first ping was answered
  std::map<StreamId, Stream> streams_;
  std::vector<std::string> suspects_;
  std::string outgoing_;
  double real_time_factor_ = 0.05;
  unsigned general_ready_ = 0;
  std::uint64_t general_utterances_ = 0;
  milliseconds lag_{0};
  std::uint32_t ping_ = 0, pong_ = 0;
  SteadyTime pinged_at_{};
  std::minstd_rand random_{std::random_device{}()};
};

}  // namespace voxanne::speech::pocketsphinx
