// What is kept: the database, the journal before it, live events, recordings on their way from spool to
// object store.
//
// Owner: the server, above the foundation. start() applies what an earlier process journalled and then
// recovers what it left half written. Stopping has two steps: stop_queue() when no call runs any more,
// stop_store() when nobody reads or writes; the house loop outlives it.
#pragma once

#include "app/server/foundation.h"
#include "events/bus.h"
#include "events/live_hub.h"
#include "housekeeping/cleanup.h"
#include "housekeeping/eraser.h"
#include "jobs/runner.h"
#include "jobs/scheduler.h"
#include "recordings/file_store.h"
#include "recordings/playback.h"
#include "recordings/s3/s3_store.h"
#include "recordings/spool_writer.h"
#include "recordings/upload_queue.h"
#include "store/journal/journal.h"
#include "store/journal/reserve_file.h"
#include "store/sqlite/sqlite_store.h"

namespace voxanne::app {

struct Records {
  explicit Records(Foundation& house);

  Result<> start();
  void stop_queue();
  void stop_store();
  void wake_uploads();
  // Whether recordings can be stored now; on the house loop. `directory`: the same of files.
  async::Task<Result<>> probe_storage(std::function<async::Task<Result<>>()> directory);
  // Who is told, on the house loop, of each organization whose knowledge an erasure has changed: also of
  // those of the time before.
  void on_knowledge_erased(std::function<void(const OrgId&)> tell);

  Foundation& foundation;
  store::ReserveFile reserve;
  std::unique_ptr<store::SqliteStore> store;
  std::optional<store::PromptStore> prompt;  // the same for whoever a client waits for
  std::unique_ptr<store::Journal> journal;   // the store for what must not be lost: a call's records
  std::optional<events::Bus> bus;
  std::optional<events::LiveHub> live;
  std::optional<recordings::SpoolWriter> spool;
  std::unique_ptr<recordings::ObjectStore> objects;
  recordings::s3::S3Store* bucket = nullptr;  // the same, where it is one, or
  recordings::FileStore* files = nullptr;     // where it is a directory
  std::optional<recordings::UploadQueue> uploads;
  std::optional<jobs::Runner<store::Upload>> upload_runner;
  std::optional<recordings::Playback> playback;
  std::optional<housekeeping::Cleanup> cleanup;
  std::optional<housekeeping::Eraser> eraser, prompt_eraser;  // what is owed; what a client asks for
  std::optional<jobs::Scheduler> scheduler;

 private:
  Result<> open_store();
  Result<> open_journal();
  void open_objects();
  Result<> start_queue();
  void start_scheduler();
  async::Task<Result<>> seed_demo();
  async::Task<> tend_reserve();
  async::Task<> tend_erasures();

  bool storage_was_away_ = false;
  // On the house loop.
  std::function<void(const OrgId&)> tell_knowledge_erased_;
  std::vector<OrgId> knowledge_erased_;  // while there is nobody to tell
  async::TaskGroup tasks_;
};

// What the configuration says of the daily cleanup; `node` is whose spool it cleans.
housekeeping::CleanupOptions cleanup_options(const Config& config, std::string node);

}  // namespace voxanne::app
