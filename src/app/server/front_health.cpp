// What health watches, and what it means for callers when it is away.
#include "app/server/front.h"
#include "base/json_text.h"
#include "media/punctuality.h"
#include "ops/probes.h"
#include "store/nodes.h"
#include "store/uploads.h"

namespace voxanne::app {
namespace {

using ops::Severity;

// Ends when the loop has come round; the probe's own deadline says when that is too late.
async::Task<Result<>> comes_round(async::Executor house, std::function<void(std::function<void()>)> post) {
  const auto there = std::make_shared<async::Event>(house);
  post([house, there] { async::asio::post(house, [there] { there->set(); }); });
  co_await there->wait();
  co_return Result<>{};
}

}  // namespace

async::Task<> Front::count_what_waits() {
  store::Store& store = *records.store;
  if (const auto counted = co_await store::count_uploads(store, foundation.holder.node))
    uploads_waiting = counted->waiting, uploads_failed = counted->failed;
  if (const auto queued = co_await store::count_queued_deliveries(store)) webhooks_waiting = *queued;
  if (const auto counted = co_await store::count_mails(store))
    mails_waiting = counted->waiting, mails_failed = counted->failed;
  if (!knowing.embedder) co_return;
  if (const auto queued = co_await store::count_waiting_documents(store)) documents_waiting = *queued;
}

void Front::start_health() {
  const async::Executor house = foundation.house.executor();
  const Config& config = foundation.config;
  // Two, so that a disk that hangs does not hide what the other probes see.
  probes.emplace("probes", 2, 0);
  health.emplace(house, foundation.clock,
                 ops::Health::Options{.version = VOXANNE_VERSION,
                                      .environment = std::string{to_string(config.environment)},
                                      .notice = foundation.development()
                                                    ? "development: requests without a token from this "
                                                      "machine act as the demo organization"
                                                    : ""});
  health->add(
      {.name = "database", .severity = Severity::degrades, .probe = [this]() -> async::Task<Result<>> {
         // A write, once a second: a read notices neither a full or read-only disk nor a lock.
         co_return co_await store::beat(*records.store, foundation.holder, foundation.clock.utc());
       }});
  health->add({.name = "storage",
               .severity = Severity::degrades,
               .probe = [this, directory = config.recordings_path()]() -> async::Task<Result<>> {
                 co_return co_await records.probe_storage([this, directory]() -> async::Task<Result<>> {
                   co_return co_await probes->run([this, directory]() -> Result<> {
                     if (auto there = records.files->check(); !there) return there;
                     return ops::probe_directory(directory);
                   });
                 });
               }});
  health->add({.name = "recording",
               .severity = Severity::degrades,
               .probe = [this]() -> async::Task<Result<>> { co_return records.spool->health(); }});
  health->add({.name = "events", .severity = Severity::degrades, .probe = [this]() -> async::Task<Result<>> {
                 // Taken only when whoever holds the rings lets go of them.
                 co_await probes->run([this] { static_cast<void>(records.bus->bytes()); });
                 co_return Result<>{};
               }});
  health->add({.name = "jobs",
               .severity = Severity::degrades,
               .probe = [this, probes_until_count = 0]() mutable -> async::Task<Result<>> {
                 if (!records.upload_runner->reads_its_queue()) {
                   // Its own backoff would have it look minutes after the database is back.
                   records.upload_runner->wake();
                   co_return unavailable("jobs_stalled", "the job runner cannot read its queue");
                 }
                 if (probes_until_count-- == 0) {
                   probes_until_count = 9;  // its cost grows with what waits
                   co_await count_what_waits();
                 }
                 co_return Result<>{};
               }});
  health->add(
      {.name = "media", .severity = Severity::stops, .probe = [this, house]() -> async::Task<Result<>> {
         for (const auto& shard : foundation.media) {
           auto round = co_await comes_round(house, [loop = shard->executor()](std::function<void()> back) {
             async::asio::post(loop, std::move(back));
           });
           if (round.has_error()) co_return round;
         }
         co_return Result<>{};
       }});
  health->add({.name = "audio",
               .severity = Severity::degrades,
               .probe = [this, watched = std::vector<media::Punctuality>(
                                   foundation.media.size())]() mutable -> async::Task<Result<>> {
                 bool in_time = true;
                 for (std::size_t i = 0; i < watched.size(); ++i)
                   if (!watched[i].in_time(*foundation.media[i])) in_time = false;
                 if (in_time) co_return Result<>{};
                 co_return unavailable("audio_late", "a media shard paces calls late: sound stutters");
               }});
  if (lines.sip)
    health->add(
        {.name = "sip", .severity = Severity::stops, .probe = [this, house]() -> async::Task<Result<>> {
           const auto state = lines.sip->health();
           if (!state.listening) co_return unavailable("sip_not_listening", "SIP does not listen");
           if (!state.registered)
             co_return unavailable("sip_not_registered", "the trunk does not accept our registration");
           if (!state.trunk_there)
             co_return unavailable("sip_trunk_silent", "the trunk does not answer any more");
           co_return co_await comes_round(
               house, [this](std::function<void()> back) { lines.sip_thread->post(std::move(back)); });
         }});
  health->add(
      {.name = "recognition", .severity = Severity::degrades, .probe = [this]() -> async::Task<Result<>> {
         if (!speech.recognizer || speech.recognizer->load().workers_alive == 0)
           co_return unavailable("recognition_absent", "no speech worker runs; callers are guided by keys");
         co_return Result<>{};
       }});
  if (knowing.embedder)
    health->add({.name = "embeddings",
                 .severity = Severity::optional,
                 .probe = [this]() -> async::Task<Result<>> { co_return knowing.embedder->health(); }});
  if (entrance->published)
    health->add({.name = "signing_keys",
                 .severity = Severity::optional,
                 .probe = [keys = &*entrance->published]() -> async::Task<Result<>> {
                   if (keys->healthy()) co_return Result<>{};
                   co_return unavailable("signing_keys_stale", "JWT_JWKS_URL does not answer with its keys");
                 }});
  for (const auto& thread : foundation.web) health->watch("web", thread->executor());
  for (const auto& shard : foundation.media) health->watch("media", shard->executor());
  health->admission([this] { return lines.switchboard->has_room(); });
  health->on_change([this](std::string_view service, bool holds) {
    std::string data{R"({"service":)"};
    append_json_string(data, service);
    data.append(R"(,"healthy":)").append(holds ? "true}" : "false}");
    records.bus->publish_to_all({.type = events::EventType::provider_health,
                                 .org = {},
                                 .call = {},
                                 .data = std::move(data),
                                 .at = foundation.clock.utc()});
  });
  health->start();
}

}  // namespace voxanne::app
