// What every part of the server stands on: configuration, data directory and its lock, clock,
// loops, workers.
//
// Owner: the server, which starts it first and stops it last. start() and stop() block; call them
// from outside all loops.
#pragma once

#include "app/config.h"
#include "app/lock_file.h"
#include "app/server/meters.h"
#include "async/clock.h"
#include "async/thread.h"
#include "async/worker_pool.h"
#include "media/shard.h"
#include "ops/sentry/client.h"
#include "store/nodes.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace voxanne::app {

// This machine's, under which its records are kept.
std::string node_name();

struct Foundation {
  // `program` is our own executable, which speech workers and readers of documents are started from.
  Foundation(Config config, std::string program);

  // The root secret. Errors: of the data directory and its lock.
  Result<Secret> start();
  void stop_workers() {
    workers.stop();
    documents.stop();
    voicing.stop();
  }
  // Last of all: tells what is left to tell.
  void stop_tracker();
  // Before what the loops' remaining handlers refer to is destroyed.
  void stop_shards();

  bool development() const { return config.environment == Environment::development; }
  std::vector<async::Executor> web_executors() const;
  std::vector<async::Executor> media_executors() const;
  std::vector<media::Shard*> media_shards() const;

  const Config config;
  const std::string program;
  async::SystemClock clock;
  const unsigned cores;
  const store::Holder holder;
  std::optional<LockFile> lock;
  ops::Metrics metrics;
  CallMeters call_meters{metrics};
  std::optional<ops::sentry::Client> tracker;  // from start() on
  async::LoopThread house{"house"};            // health, jobs and other background tasks
  std::vector<std::unique_ptr<async::LoopThread>> web;
  std::vector<std::unique_ptr<media::Shard>> media;
  async::WorkerPool workers;
  // Reading documents, for up to 20 s each, and nothing else: playback, files and a caller's question wait
  // for none. Two at a time, since each may take the memory of its child
  // (knowledge/formats/confined_reader.h).
  async::WorkerPool documents;
  // Synthesis alone: a caller's next word waits for no document that is read and no disk that hangs.
  async::WorkerPool voicing;

 private:
  void start_tracker();
};

}  // namespace voxanne::app
