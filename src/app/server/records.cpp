#include "app/server/records.h"

#include "app/server/storage.h"
#include "backup/backup.h"
#include "base/json_text.h"
#include "base/metrics.h"
#include "knowledge/ingest.h"
#include "recordings/recovery.h"
#include "store/demo.h"
#include "store/knowledge.h"
#include "store/statements.h"

namespace voxanne::app {
namespace {

constexpr std::uint64_t reserve_bytes = 32u << 20;  // the records of some thousand calls
constexpr seconds between_looks_at_erasures{60};
constexpr seconds between_looks_at_the_reserve{30};

}  // namespace

Records::Records(Foundation& house)
    : foundation(house),
      reserve(house.config.data_dir / "reserve", reserve_bytes),
      tasks_(house.house.executor(), "records") {}

Result<> Records::start() {
  if (auto opened = open_store(); opened.has_error()) return opened;
  if (auto opened = open_journal(); opened.has_error()) return opened;
  const Config& config = foundation.config;
  open_objects();
  auto recovered = async::run_on(foundation.house.executor(),
                                 recordings::recover(*store, foundation.workers, foundation.clock,
                                                     config.spool_path(), foundation.holder));
  if (recovered.has_error()) return recovered.error();
  spool.emplace(recordings::SpoolWriter::Options{.spool = config.spool_path()});
  playback.emplace(*store, *objects, foundation.workers, config.spool_path());
  if (auto started = start_queue(); started.has_error()) return started;
  start_scheduler();
  async::asio::post(foundation.house.executor(), [this] {
    journal->start();
    tasks_.spawn(tend_reserve());
    tasks_.spawn(tend_erasures());
  });
  return {};
}

Result<> Records::open_store() {
  if (backup::restore_is_unfinished(foundation.config.data_dir))
    return unavailable("restore_unfinished",
                       "a restore into " + foundation.config.data_dir.string() +
                           " was interrupted: run voxanne restore again, which begins it anew");
  const auto path = foundation.config.database_path();
  if (!std::filesystem::exists(path) && store::holds_segments(foundation.config.data_dir / "journal"))
    return unavailable("database_missing",
                       path.string() +
                           " is not there, and the journal holds records that wait for it: put it (or its "
                           "backup) back, or move the directory journal away to give them up");
  const auto statements = std::make_shared<metrics::Counter>();
  foundation.metrics.counter("voxanne_store_statements_total", "statements that the database carried out", {},
                             [statements] { return double(statements->value()); });
  auto opened = store::SqliteStore::open(
      {.path = path.string(),
       .inline_readers = foundation.web_executors(),
       .calls = foundation.media_executors(),
       .on_run = [statements](const store::Statement&, const store::Effort&) { statements->add(); }});
  if (opened.has_error()) return opened.error();
  store = std::move(*opened);
  prompt.emplace(*store, foundation.clock);
  const Config& config = foundation.config;
  bus.emplace(
      foundation.clock,
      events::Bus::Options{.first_seq = static_cast<std::uint64_t>(to_unix_ms(foundation.clock.utc())),
                           .max_bytes = std::size_t(config.websocket_backlogs_megabytes) << 20,
                           .max_behind = std::size_t(config.websocket_backlog_kilobytes) << 10});
  live.emplace(*bus, foundation.clock);
  if (!foundation.development()) return {};
  return async::run_on(foundation.house.executor(), seed_demo());
}

// What waited when the last process ended is applied before anything is recovered: an open call's verdict
// may be in it.
Result<> Records::open_journal() {
  const auto house = foundation.house.executor();
  auto opened = store::Journal::open(*store, foundation.clock, house,
                                     {.directory = foundation.config.data_dir / "journal",
                                      .statements = store::all_statements(),
                                      .prompt = &*prompt,
                                      .on_disk_full = [this] { reserve.release(); },
                                      .on_drained = [this] { upload_runner->wake(); }});
  if (opened.has_error()) return opened.error();
  journal = std::move(*opened);
  return async::run_on(house, journal->drain());
}

void Records::open_objects() {
  objects = object_store(foundation.config, foundation.house.executor(), foundation.clock, foundation.workers,
                         foundation.holder.node);
  bucket = dynamic_cast<recordings::s3::S3Store*>(objects.get());
  files = dynamic_cast<recordings::FileStore*>(objects.get());
}

async::Task<Result<>> Records::probe_storage(std::function<async::Task<Result<>>()> directory) {
  const auto well = bucket ? co_await bucket->probe() : co_await directory();
  // What was put off because of it is due at once.
  if (well && storage_was_away_ && uploads->storage_is_back()) upload_runner->wake();
  storage_was_away_ = !well;
  co_return well;
}

async::Task<> Records::tend_reserve() {
  for (;;) {
    co_await foundation.workers.run([this] { return reserve.make(); });
    co_await foundation.clock.sleep_for(between_looks_at_the_reserve);
  }
}

// What one still owes because the store was away, or the process died.
async::Task<> Records::tend_erasures() {
  for (;;) {
    static_cast<void>(co_await eraser->resume());
    playback->forget_old();
    co_await foundation.clock.sleep_for(between_looks_at_erasures);
  }
}

// What the demo organization knows is put in once; a manager's changes to it stay.
async::Task<Result<>> Records::seed_demo() {
  const UtcTime now = foundation.clock.utc();
  if (auto seeded = co_await store::demo::seed(*store, now); seeded.has_error()) co_return seeded;
  const OrgId org{std::string{store::demo::organization_id}};
  const DocumentId document{std::string{store::demo::document_id}};
  auto known = co_await store::find_document(*store, org, document);
  if (known.has_error()) co_return known.error();
  if (*known) co_return Result<>{};
  auto ingested = co_await knowledge::ingest(*store, foundation.documents,
                                             {.org = org,
                                              .title = "Harbour Dental",
                                              .file_name = "harbour-dental.md",
                                              .content_type = "text/markdown",
                                              .bytes = std::string{store::demo::knowledge_markdown()},
                                              .id = document},
                                             now);
  if (ingested.has_error()) co_return ingested.error();
  co_return Result<>{};
}

Result<> Records::start_queue() {
  const auto tell = [this](events::EventType type, const store::Upload& upload, std::string data) {
    bus->publish({.type = type,
                  .org = upload.org,
                  .call = upload.call,
                  .data = std::move(data),
                  .at = foundation.clock.utc()});
  };
  uploads.emplace(*store, *objects, foundation.workers, foundation.clock,
                  recordings::UploadQueue::Options{
                      .spool = foundation.config.spool_path(),
                      .node = foundation.holder.node,
                      .boot = foundation.holder.boot,
                      .on_stored =
                          [tell](const store::Upload& upload) {
                            tell(events::EventType::call_updated, upload, R"({"recordingStatus":"stored"})");
                          },
                      .on_failed =
                          [tell](const store::Upload& upload, const Error& error) {
                            std::string data{R"({"code":)"};
                            append_json_string(data, error.code);
                            tell(events::EventType::recording_failed, upload, data + "}");
                          }});
  const async::Executor house = foundation.house.executor();
  upload_runner.emplace(house, foundation.clock, *uploads, recordings::upload_runner_options());
  async::asio::post(house, [this] { upload_runner->start(); });
  return {};
}

void Records::start_scheduler() {
  auto options = cleanup_options(foundation.config, foundation.holder.node);
  options.records_wait = [this] { return journal->pending() > 0; };
  options.forget = [this](const OrgId& org, const CallId& call) {
    bus->forget(org, call);
    playback->forget(org, call);
  };
  const auto knowledge_changed = [this](const OrgId& org) {
    async::asio::post(foundation.house.executor(), [this, org] {
      if (tell_knowledge_erased_)
        tell_knowledge_erased_(org);
      else
        knowledge_erased_.push_back(org);
    });
  };
  const housekeeping::EraserOptions erasing{
      .spool = options.spool, .forget = options.forget, .knowledge_changed = knowledge_changed};
  eraser.emplace(*store, *objects, foundation.workers, foundation.clock, erasing);
  prompt_eraser.emplace(*prompt, *objects, foundation.workers, foundation.clock, erasing);
  cleanup.emplace(*store, *objects, foundation.workers, foundation.clock, std::move(options));
  const async::Executor house = foundation.house.executor();
  scheduler.emplace(house, foundation.clock, *store, foundation.holder.node);
  scheduler->add("cleanup", jobs::Cron::parse(foundation.config.cleanup_cron).value(), *cleanup);
  async::asio::post(house, [this] { scheduler->start(); });
}

housekeeping::CleanupOptions cleanup_options(const Config& config, std::string node) {
  return {.spool = config.spool_path(),
          .node = std::move(node),
          .failed_upload_days = config.failed_upload_days,
          .recording_retention_days = config.recording_retention_days};
}

void Records::on_knowledge_erased(std::function<void(const OrgId&)> tell) {
  async::asio::post(foundation.house.executor(), [this, tell = std::move(tell)]() mutable {
    for (const auto& org : std::exchange(knowledge_erased_, {})) tell(org);
    tell_knowledge_erased_ = std::move(tell);
  });
}

void Records::wake_uploads() {
  async::asio::post(foundation.house.executor(), [this] { upload_runner->wake(); });
}

void Records::stop_queue() {
  if (spool) spool->stop();
  const auto house = foundation.house.executor();
  async::run_on(house, tasks_.stop());
  if (scheduler) async::run_on(house, scheduler->stop());
  if (upload_runner) async::run_on(house, upload_runner->stop());
}

void Records::stop_store() {
  if (journal) async::run_on(foundation.house.executor(), journal->stop());
  if (store) store->stop();
}

}  // namespace voxanne::app
