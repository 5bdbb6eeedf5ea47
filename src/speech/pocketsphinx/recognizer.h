// The embedded recognizer: PocketSphinx in a pool of child processes, one decoder per live stream.
//
//   shard: write(frame) ─post→ link thread ─socket pair→ worker: decodes ─→ link ─post→ shard: next()
//
// Lifecycle: construct, start(), open() from any shard, stop() before the shards end; streams may
// outlive stop() and then answer unavailable. A worker that dies or hangs takes its streams with it
// (next() answers unavailable) and is restarted with backoff. When every worker has as many callers
// as it can decode in real time with closed models by their measured cost, or answers late, open() answers
// unavailable `recognition_saturated`, so that new calls go down the ladder and nobody else's are disturbed.
// A model whose opening ended a worker is not tried again for a while: the default one serves.
#pragma once

#include "async/task_group.h"
#include "async/thread.h"
#include "speech/pocketsphinx/worker_link.h"
#include "speech/recognizer.h"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace voxanne::speech::pocketsphinx {

struct RecognizerOptions {
  std::vector<std::string> command;  // starts a worker (worker.h), which finds its connection as descriptor 3
  std::filesystem::path models;      // MODELS/ORG as build_model() leaves it
  std::string fallback_org;          // whose model serves an organization that has none yet
  unsigned workers = 0;              // 0: one per core
  // How many callers a worker takes: of its core, `core_share` is for decoding, and a caller talks
  // `talking_share` of the time.
  double core_share = 0.6, talking_share = 0.5;
  unsigned most_callers = 0;  // of one worker, whatever they cost; 0: no such limit
  milliseconds saturated_lag{500};
  milliseconds hang_after = WorkerOptions{}.hang_after;
  milliseconds distrust_model_for{300'000};
};

struct RecognizerLoad {
  unsigned workers = 0, workers_alive = 0;
  unsigned streams = 0, capacity = 0;    // callers now, and at most
  double share = 0;                      // streams / capacity
  std::uint64_t turned_away = 0;         // saturated, since the start
  milliseconds lag{0};                   // of the slowest worker
  unsigned general_ready = 0;            // decoders that have general English as well
  std::uint64_t general_utterances = 0;  // understood with it since the start
};

class PocketSphinxRecognizer final : public Recognizer {
 public:
  PocketSphinxRecognizer(async::Clock& clock, RecognizerOptions options);
  ~PocketSphinxRecognizer() override;

  // Blocks until a first worker answers, at most 150 ms (usually 10). unavailable
  // (`speech_worker_not_started`) when the command cannot be run at all.
  Result<> start();
  void stop();

  std::string_view name() const override { return "pocketsphinx"; }
  async::Task<Result<std::unique_ptr<RecognizerStream>>> open(std::string org, int rate) override;

  // Any thread; at most a second old.
  RecognizerLoad load() const;
  // Process ids of the living workers, for operators and tests. Any thread but the link's.
  std::vector<int> worker_pids();

 private:
  class Stream;
  class Link;
  std::shared_ptr<Link> link_;
};

}  // namespace voxanne::speech::pocketsphinx
