#include "app/server.h"

#include "api/auth.h"
#include "api/router.h"
#include "api/routes/routes.h"
#include "app/lock_file.h"
#include "app/models.h"
#include "app/secrets.h"
#include "app/sip_options.h"
#include "app/voices.h"
#include "async/thread.h"
#include "base/json_text.h"
#include "base/log.h"
#include "calls/switchboard.h"
#include "events/bus.h"
#include "events/live_hub.h"
#include "jobs/runner.h"
#include "knowledge/ingest.h"
#include "knowledge/search.h"
#include "media/shard.h"
#include "net/server.h"
#include "ops/health.h"
#include "recordings/file_store.h"
#include "recordings/playback.h"
#include "recordings/recovery.h"
#include "recordings/signed_url.h"
#include "recordings/upload_queue.h"
#include "speech/pocketsphinx/recognizer.h"
#include "store/demo.h"
#include "store/knowledge.h"
#include "store/organizations.h"
#include "store/sqlite/sqlite_store.h"
#include "telephony/browser/gateway.h"
#include "telephony/sip/gateway.h"
#include "telephony/synthetic/callee.h"

#include <boost/asio/detached.hpp>

#include <unistd.h>

#include <algorithm>
#include <thread>

namespace voxanne::app {
namespace {

constexpr int calls_per_core = 500;  // docs/capacity.md: what a core carries with room to spare
constexpr std::string_view callee_says = "Hello, this is a test call. What time do you open on Monday?";

constexpr store::Statement database_probe{"health.probe", "SELECT 1 FROM organizations LIMIT 1"};

std::string node_name() {
  char name[256] = "node";
  gethostname(name, sizeof name - 1);
  return name;
}

}  // namespace

// In the order of their making; each may use what stands above it.
struct Server::Parts {
  Parts(Config c, std::string p) : config(std::move(c)), program(std::move(p)) {}

  Config config;
  std::string program;
  async::SystemClock clock;
  const unsigned cores = std::max(1u, std::thread::hardware_concurrency());
  const store::Holder holder{.node = node_name(), .boot = make_ulid()};
  std::optional<LockFile> lock;

  async::LoopThread house{"house"};  // health, jobs and other background tasks
  std::vector<std::unique_ptr<async::LoopThread>> web;
  std::vector<std::unique_ptr<media::Shard>> media_shards;
  async::WorkerPool workers{"workers", cores};

  std::unique_ptr<store::SqliteStore> store;
  std::optional<recordings::FileStore> objects;
  std::optional<recordings::UploadQueue> uploads;
  std::optional<jobs::Runner<store::Upload>> upload_runner;
  std::optional<LanguageModels> models;
  std::shared_ptr<speech::pocketsphinx::PocketSphinxRecognizer> recognizer;
  std::optional<events::Bus> bus;
  std::optional<events::LiveHub> live;
  std::optional<recordings::SpoolWriter> spool;
  std::optional<Voices> voices;
  std::optional<calls::Switchboard> switchboard;
  std::optional<telephony::synthetic::Callee> callee;
  std::optional<telephony::browser::Gateway> browser;
  std::optional<telephony::sip::SipThread> sip_thread;
  std::optional<telephony::sip::Gateway> sip;

  std::optional<ops::Health> health;
  std::optional<recordings::Playback> playback;
  std::optional<recordings::UrlSigner> signer;
  std::optional<api::Authenticator> authenticator;
  std::optional<api::Router> router;
  std::optional<api::Services> api_services;
  std::optional<net::Server> http;
  Ports ports;
  bool started = false, stopped = false;

  std::vector<async::Executor> web_executors() const {
    std::vector<async::Executor> out;
    for (const auto& thread : web) out.push_back(thread->executor());
    return out;
  }
  bool development() const { return config.environment == Environment::development; }

  Result<> start();
  void make_loops();
  async::Task<Result<>> seed_demo();
  Result<> open_store();
  Result<> make_recordings();
  Result<> make_speech();
  Result<> make_calls();
  Result<> make_sip();
  Result<> make_http(const Secret& root);
  void make_health();
  void announce();
  void stop();
};

Server::Server(Config config, std::string program)
    : parts_(std::make_unique<Parts>(std::move(config), std::move(program))) {}
Server::~Server() { stop(); }

Result<> Server::start() {
  auto started = parts_->start();
  if (started.has_error()) stop();
  return started;
}
void Server::stop() { parts_->stop(); }
Server::Ports Server::ports() const { return parts_->ports; }
events::Bus& Server::events() { return *parts_->bus; }
std::size_t Server::active_calls() const { return parts_->switchboard ? parts_->switchboard->active() : 0; }

Result<> Server::Parts::start() {
  for (const std::string& warning : config.warnings) log::warning("config.warning", {{"setting", warning}});
  if (auto prepared = prepare_data_dir(config.data_dir); prepared.has_error()) return prepared;
  auto locked = LockFile::acquire(config.data_dir / "lock");
  if (locked.has_error()) return locked.error();
  lock.emplace(std::move(*locked));
  const auto root = root_secret(config);
  if (root.has_error()) return root.error();

  make_loops();
  if (auto opened = open_store(); opened.has_error()) return opened;
  if (auto made = make_recordings(); made.has_error()) return made;
  if (auto made = make_speech(); made.has_error()) return made;
  if (auto made = make_calls(); made.has_error()) return made;
  if (auto made = make_sip(); made.has_error()) return made;
  make_health();
  if (auto made = make_http(*root); made.has_error()) return made;
  announce();
  started = true;
  return {};
}

void Server::Parts::make_loops() {
  for (unsigned i = 0; i < cores; ++i) {
    web.push_back(std::make_unique<async::LoopThread>("web" + std::to_string(i)));
    media_shards.push_back(std::make_unique<media::Shard>("media" + std::to_string(i)));
  }
}

Result<> Server::Parts::open_store() {
  auto opened =
      store::SqliteStore::open({.path = config.database_path().string(), .inline_readers = web_executors()});
  if (opened.has_error()) return opened.error();
  store = std::move(*opened);
  bus.emplace(clock);
  live.emplace(*bus, clock);
  if (!development()) return {};
  return async::run_on(house.executor(), seed_demo());
}

// What the demo organization knows is put in once; a manager's changes to it stay.
async::Task<Result<>> Server::Parts::seed_demo() {
  const UtcTime now = clock.utc();
  if (auto seeded = co_await store::demo::seed(*store, now); seeded.has_error()) co_return seeded;
  const OrgId org{std::string{store::demo::organization_id}};
  const DocumentId document{std::string{store::demo::document_id}};
  auto known = co_await store::find_document(*store, org, document);
  if (known.has_error()) co_return known.error();
  if (*known) co_return Result<>{};
  auto ingested = co_await knowledge::ingest(*store, workers,
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

Result<> Server::Parts::make_recordings() {
  objects.emplace(config.recordings_path(), workers);
  auto recovered = async::run_on(house.executor(),
                                 recordings::recover(*store, workers, clock, config.spool_path(), holder));
  if (recovered.has_error()) return recovered.error();
  const auto tell = [this](events::EventType type, const store::Upload& upload, std::string data) {
    bus->publish(
        {.type = type, .org = upload.org, .call = upload.call, .data = std::move(data), .at = clock.utc()});
  };
  uploads.emplace(*store, *objects, workers, clock,
                  recordings::UploadQueue::Options{
                      .spool = config.spool_path(),
                      .node = holder.node,
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
  upload_runner.emplace(house.executor(), clock, *uploads, recordings::upload_runner_options());
  async::asio::post(house.executor(), [this] { upload_runner->start(); });
  return {};
}

// Nothing here holds up the start: until recognition is up, calls are guided by keys.
Result<> Server::Parts::make_speech() {
  models.emplace(house.executor(), *store, workers, config.data_dir / "models");
  models->start();
  if (development()) models->refresh(OrgId{std::string{store::demo::organization_id}});
  recognizer = std::make_shared<speech::pocketsphinx::PocketSphinxRecognizer>(
      clock, speech::pocketsphinx::RecognizerOptions{
                 .command = {program, "speech-worker", "--fd", "3"},
                 .models = models->directory(),
                 .fallback_org = LanguageModels::general,
                 .workers = config.speech_workers > 0 ? unsigned(config.speech_workers) : cores});
  if (auto running = recognizer->start(); running.has_error()) {
    log::error("recognition.absent", {{"code", running.error().code}, {"error", running.error().message}});
    recognizer.reset();
  }
  voices.emplace(clock, workers, recognizer);
  async::asio::co_spawn(house.executor(), voices->prepare_prompts(), async::asio::detached);
  return {};
}

Result<> Server::Parts::make_calls() {
  spool.emplace(recordings::SpoolWriter::Options{.spool = config.spool_path()});
  calls::Services services{
      .clock = clock,
      .store = *store,
      .events = *bus,
      .spool = *spool,
      .providers =
          [this](const media::Shard& shard, const calls::Subject& subject, calls::Hands hands) {
            return voices->providers_for(shard, subject, std::move(hands));
          },
      .look_up = [this](OrgId org, std::string question)
          -> async::Task<Result<std::optional<conversation::KnowledgeAnswer>>> {
        auto found = co_await knowledge::look_up(*store, std::move(org), std::move(question));
        if (found.has_error()) co_return found.error();
        if (!*found) co_return std::nullopt;
        co_return conversation::KnowledgeAnswer{.sentence = std::move((*found)->sentence),
                                                .source = std::move((*found)->source),
                                                .score = (*found)->score};
      },
      .upload_queued = [this] { async::asio::post(house.executor(), [this] { upload_runner->wake(); }); },
      .holder = holder};
  calls::Switchboard::Options options{.max_calls = config.max_calls > 0 ? config.max_calls
                                                                        : calls_per_core * int(cores)};
  if (development())
    options.catch_all = std::pair{OrgId{std::string{store::demo::organization_id}},
                                  AssistantId{std::string{store::demo::assistant_id}}};
  std::vector<media::Shard*> shards;
  for (const auto& shard : media_shards) shards.push_back(shard.get());
  switchboard.emplace(std::move(services), std::move(options), std::move(shards));

  browser.emplace(
      telephony::browser::Gateway::Options{}, clock,
      [this]() -> media::Shard& { return switchboard->choose_shard(); },
      [this](std::unique_ptr<telephony::Leg> leg, telephony::browser::InboundCall call) {
        switchboard->take_for(
            std::move(leg), std::move(call.info), std::move(call.org), std::move(call.assistant),
            [side = std::move(call.side)](domain::Speaker speaker, std::string_view text, bool final) {
              side->show_transcript(speaker, text, final);
            });
      });

  callee.emplace([this](std::function<void(telephony::synthetic::Callee::Speech)> done) {
    auto render = [](Voices& with, auto tell) -> async::Task<> {
      auto speech = co_await with.render(std::string{callee_says}, "rms", audio::narrowband);
      tell(speech ? std::move(*speech) : telephony::synthetic::Callee::Speech{});
    };
    async::asio::co_spawn(house.executor(), render(*voices, std::move(done)), async::asio::detached);
  });
  return {};
}

Result<> Server::Parts::make_sip() {
  calls::Switchboard::Dialers dialers{{domain::PhoneNumber::Carrier::builtin, &*callee}};
  if (!config.sip_listen.empty()) {
    auto options = sip_options(config);
    if (options.has_error()) return options.error();
    sip_thread.emplace();
    sip.emplace(*sip_thread, clock, std::move(*options),
                telephony::sip::Inbound{
                    .choose_shard = [this]() -> media::Shard& { return switchboard->choose_shard(); },
                    .on_inbound =
                        [this](std::unique_ptr<telephony::Leg> leg, telephony::InboundInfo info) {
                          switchboard->take(std::move(leg), std::move(info));
                        }});
    if (auto listening = sip->start(); listening.has_error()) return listening;
    for (const auto& listen : sip->listening())
      (listen.transport == telephony::sip::Transport::udp ? ports.sip_udp : ports.sip_tcp) = listen.port;
    dialers.emplace(domain::PhoneNumber::Carrier::sip, &*sip);
  }
  switchboard->set_dialers(std::move(dialers));
  return {};
}

void Server::Parts::make_health() {
  health.emplace(
      house.executor(), clock,
      ops::Health::Options{.version = VOXANNE_VERSION,
                           .environment = std::string{to_string(config.environment)},
                           .notice = development() ? "development: requests without a token from this "
                                                     "machine act as the demo organization"
                                                   : ""});
  health->add(
      {.name = "database", .severity = ops::Severity::degrades, .probe = [this]() -> async::Task<Result<>> {
         co_return co_await store->read(database_probe, {}, [](const store::Row&) {});
       }});
  if (sip)
    health->add({.name = "sip", .severity = ops::Severity::stops, .probe = [this]() -> async::Task<Result<>> {
                   const auto state = sip->health();
                   if (!state.listening) co_return unavailable("sip_not_listening", "SIP does not listen");
                   if (!state.registered)
                     co_return unavailable("sip_not_registered",
                                           "the trunk does not accept our registration");
                   co_return Result<>{};
                 }});
  for (const auto& thread : web) health->watch("web", thread->executor());
  for (const auto& shard : media_shards) health->watch("media", shard->executor());
  health->add({.name = "recognition",
               .severity = ops::Severity::degrades,
               .probe = [this]() -> async::Task<Result<>> {
                 if (!recognizer || recognizer->load().workers_alive == 0)
                   co_return unavailable("recognition_absent",
                                         "no speech worker runs; callers are guided by keys");
                 co_return Result<>{};
               }});
  health->admission([this] { return switchboard->has_room(); });
  health->start();
}

Result<> Server::Parts::make_http(const Secret& root) {
  std::vector<api::TokenKey> keys;
  auto local = local_key(root);
  if (local.has_error()) return local.error();
  keys.push_back(std::move(*local));
  if (!config.jwt_secret.empty()) {
    auto shared = api::TokenKey::make(config.jwt_secret);
    if (shared.has_error()) return shared.error();
    keys.push_back(std::move(*shared));
  }
  authenticator.emplace(
      api::Authenticator::Options{.keys = std::move(keys),
                                  .rules = {.audience = config.jwt_audience, .issuer = config.jwt_issuer},
                                  .development = development(),
                                  .allowed_origins = config.allowed_origins,
                                  .shards = cores,
                                  .admit = [this](const api::Identity& identity) -> async::Task<Result<>> {
                                    co_return co_await store::ensure_organization(*store, identity.org,
                                                                                  clock.utc());
                                  }},
      clock);
  playback.emplace(*store, *objects, workers, config.spool_path());
  signer.emplace(root);
  router.emplace(*authenticator);
  api_services.emplace(
      api::Services{.store = *store,
                    .clock = clock,
                    .authenticator = *authenticator,
                    .calls = *switchboard,
                    .bus = *bus,
                    .live = *live,
                    .health = *health,
                    .browser_calls = *browser,
                    .playback = *playback,
                    .signer = *signer,
                    .public_url = config.public_url,
                    .workers = workers,
                    .knowledge_changed = [this](const OrgId& org) { models->refresh(org); }});
  api::add_routes(*router, *api_services);
  http.emplace(net::Server::Options{.host = config.host,
                                    .port = std::uint16_t(config.port),
                                    .max_body_for = router->body_limits(),
                                    .common_headers = api::security_headers(),
                                    .render_error = api::server_error},
               web_executors(), router->handler());
  if (auto listening = http->start(); listening.has_error()) return listening;
  ports.http = http->port();
  return {};
}

void Server::Parts::announce() {
  log::info("server.ready", {{"version", VOXANNE_VERSION},
                             {"environment", to_string(config.environment)},
                             {"host", config.host},
                             {"port", ports.http},
                             {"sipUdpPort", ports.sip_udp},
                             {"sipTcpPort", ports.sip_tcp},
                             {"dataDir", std::filesystem::absolute(config.data_dir).string()}});
  if (development())
    log::warning("development.open", {{"notice",
                                       "DEVELOPMENT: requests from this machine need no token; never "
                                       "serve callers like this"}});
}

bool Server::wait_until_hearing(milliseconds limit) {
  return parts_->recognizer &&
         parts_->models->wait_until_built(OrgId{std::string{store::demo::organization_id}}, limit);
}

void Server::Parts::stop() {
  if (std::exchange(stopped, true)) return;
  if (health) health->set_draining(true);
  if (sip) sip->drain();
  if (switchboard) switchboard->drain(started ? seconds{config.drain_seconds} : seconds{0});
  if (http) http->stop(5s);
  if (sip) sip->stop();
  if (health) async::run_on(house.executor(), health->stop());
  if (spool) spool->stop();
  if (upload_runner) async::run_on(house.executor(), upload_runner->stop());
  if (models) async::run_on(house.executor(), models->stop());
  if (recognizer) recognizer->stop();
  workers.stop();
  // The loops stop before what their remaining handlers refer to is destroyed.
  for (const auto& shard : media_shards) shard->stop();
  for (const auto& thread : web) thread->stop();
  if (store) store->stop();
  house.stop();
}

}  // namespace voxanne::app
