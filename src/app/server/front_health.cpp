// What health watches, and what it means for callers when it is away.
#include "app/server/front.h"
#include "ops/probes.h"
#include "store/nodes.h"

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
                 co_return co_await probes->run([directory] { return ops::probe_directory(directory); });
               }});
  health->add({.name = "recording",
               .severity = Severity::degrades,
               .probe = [this]() -> async::Task<Result<>> { co_return records.spool->health(); }});
  health->add({.name = "events", .severity = Severity::degrades, .probe = [this]() -> async::Task<Result<>> {
                 // Taken only when whoever holds the rings lets go of them.
                 co_await probes->run([this] { static_cast<void>(records.bus->bytes()); });
                 co_return Result<>{};
               }});
  health->add({.name = "jobs", .severity = Severity::degrades, .probe = [this]() -> async::Task<Result<>> {
                 if (records.upload_runner->reads_its_queue()) co_return Result<>{};
                 co_return unavailable("jobs_stalled", "the job runner cannot read its queue");
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
  if (lines.sip)
    health->add(
        {.name = "sip", .severity = Severity::stops, .probe = [this, house]() -> async::Task<Result<>> {
           const auto state = lines.sip->health();
           if (!state.listening) co_return unavailable("sip_not_listening", "SIP does not listen");
           if (!state.registered)
             co_return unavailable("sip_not_registered", "the trunk does not accept our registration");
           co_return co_await comes_round(
               house, [this](std::function<void()> back) { lines.sip_thread->post(std::move(back)); });
         }});
  health->add(
      {.name = "recognition", .severity = Severity::degrades, .probe = [this]() -> async::Task<Result<>> {
         if (!speech.recognizer || speech.recognizer->load().workers_alive == 0)
           co_return unavailable("recognition_absent", "no speech worker runs; callers are guided by keys");
         co_return Result<>{};
       }});
  for (const auto& thread : foundation.web) health->watch("web", thread->executor());
  for (const auto& shard : foundation.media) health->watch("media", shard->executor());
  health->admission([this] { return lines.switchboard->has_room(); });
  health->start();
}

}  // namespace voxanne::app
