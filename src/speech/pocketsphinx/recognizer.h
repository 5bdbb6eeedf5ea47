// The embedded recognizer: a pool of child processes (worker.h), each serving many calls.
//
//   shard: write(frame) ── one packet ──▶ worker process ── packets ──▶ "speech" loop ── post ──▶ shard
//
// Sockets are SOCK_SEQPACKET: a packet is written whole or not at all, so any shard may write without
// a lock and without waiting; one that finds the socket full has a saturated worker, and its stream
// is given up. A worker that dies or hangs fails its streams (their calls take the next rung) and is
// started again with backoff.
//
// Capacity: decoding costs 0.04 core a talking caller with an organization's model. open() answers
// unavailable (recognition_saturated) while as many callers talk as the workers can follow, or when
// their memory is used up, so that calls go down the ladder and nobody's audio is disturbed.
//
// Owner: app. start() before the first call; stop() after the last stream is gone. open() on the
// call's shard.
#pragma once

#include "async/clock.h"
#include "async/task_group.h"
#include "async/thread.h"
#include "speech/recognizer.h"

#include <atomic>
#include <filesystem>
#include <memory>
#include <vector>

namespace voxanne::speech::pocketsphinx {

struct RecognizerOptions {
  std::vector<std::string> command;  // starts a worker; gets its socket as descriptor 3
  std::filesystem::path models;      // MODELS/ORG/current, as build_model() makes them
  std::string fallback_org;          // whose model serves an organization that has none yet
  unsigned workers = 2;
  int talking_per_worker = 20;  // callers speaking at a time
  int streams_per_worker = 60;  // 6 MB each
  milliseconds hung_after{5'000};
};

class PocketSphinxRecognizer final : public Recognizer {
 public:
  PocketSphinxRecognizer(async::Clock& clock, RecognizerOptions options);
  ~PocketSphinxRecognizer() override;

  // Errors: unavailable (speech_worker_failed).
  Result<> start();
  void stop();

  std::string_view name() const override { return "pocketsphinx"; }
  async::Task<Result<std::unique_ptr<RecognizerStream>>> open(const std::string& org, int rate) override;

  struct Load {
    int workers_alive = 0, streams = 0, talking = 0;
  };
  Load load() const;  // any thread

 private:
  class Worker;
  class Stream;

  async::Clock& clock_;
  const RecognizerOptions options_;
  async::LoopThread loop_{"speech"};
  std::vector<std::shared_ptr<Worker>> workers_;
  bool running_ = false;
};

}  // namespace voxanne::speech::pocketsphinx
