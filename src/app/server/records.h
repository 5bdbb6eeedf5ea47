// What is kept: the database, live events, recordings on their way from spool to object store.
//
// Owner: the server, above the foundation. start() recovers what an earlier process left half
// written. Stopping has two steps: stop_queue() when no call runs any more, stop_store() when nobody
// reads or writes.
#pragma once

#include "app/server/foundation.h"
#include "events/bus.h"
#include "events/live_hub.h"
#include "jobs/runner.h"
#include "recordings/file_store.h"
#include "recordings/playback.h"
#include "recordings/spool_writer.h"
#include "recordings/upload_queue.h"
#include "store/sqlite/sqlite_store.h"

namespace voxanne::app {

struct Records {
  explicit Records(Foundation& house) : foundation(house) {}

  Result<> start();
  void stop_queue();
  void stop_store();
  void wake_uploads();

  Foundation& foundation;
  std::unique_ptr<store::SqliteStore> store;
  std::optional<events::Bus> bus;
  std::optional<events::LiveHub> live;
  std::optional<recordings::SpoolWriter> spool;
  std::optional<recordings::FileStore> objects;
  std::optional<recordings::UploadQueue> uploads;
  std::optional<jobs::Runner<store::Upload>> upload_runner;
  std::optional<recordings::Playback> playback;

 private:
  Result<> open_store();
  Result<> start_queue();
  async::Task<Result<>> seed_demo();
};

}  // namespace voxanne::app
