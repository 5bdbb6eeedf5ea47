// The API as a client meets it: every route over a loopback socket, a real SQLite store behind a gate that
// may be shut, tokens that are really verified, and living calls that are faked.
#pragma once

#include "api/access/accounts.h"
#include "api/access/doorkeeper.h"
#include "api/routes/openapi.h"
#include "api/routes/routes.h"
#include "async/thread.h"
#include "base/seal.h"
#include "calls/call_control.h"
#include "housekeeping/eraser.h"
#include "knowledge/ingest.h"
#include "knowledge/retriever.h"
#include "net/server.h"
#include "notify/targets.h"
#include "recordings/file_store.h"
#include "recordings/playback.h"
#include "recordings/signed_url.h"
#include "store/calls.h"
#include "store/organizations.h"
#include "store/sqlite/sqlite_store.h"
#include "support/api/description.h"
#include "support/http.h"
#include "support/patience.h"
#include "support/store/fuse.h"
#include "support/store/gate_store.h"
#include "support/temp_dir.h"
#include "telephony/browser/gateway.h"

#include <gtest/gtest.h>
#include <boost/json.hpp>

#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace voxanne::api {

// Remembers what it was asked and answers as it is told.
class FakeCalls final : public calls::CallControl {
 public:
  explicit FakeCalls(store::Store& store) : store_(store) {}

  async::Task<Result<domain::Call>> place(calls::PlaceCall request) override {
    if (refusal) co_return *refusal;
    const auto number = co_await store::find_phone_number(store_, request.org, request.phone_number);
    if (!number) co_return number.error();
    if (!*number) co_return not_found("phone_number_not_found", "there is no such phone number");
    const auto assistant = co_await store::find_assistant(store_, request.org, request.assistant);
    if (!assistant) co_return assistant.error();
    if (!*assistant) co_return not_found("assistant_not_found", "there is no such assistant");
    domain::Call call;
    call.id = CallId::make();
    call.org = request.org;
    call.assistant = request.assistant;
    call.phone_number = request.phone_number;
    call.direction = domain::Direction::outbound;
    call.customer = request.customer;
    call.metadata = request.metadata;
    call.created_at = from_unix_ms(1'780'000'000'000);
    placed.push_back(std::move(request));
    store::Batch batch;
    store::insert_call(batch, call, {"node", "boot"});
    if (const auto written = co_await store_.write(std::move(batch)); !written) co_return written.error();
    if (on_placed) on_placed(call);
    co_return call;
  }
  async::Task<Result<>> end(OrgId org, CallId call) override {
    const auto found = co_await store::find_call(store_, {org, call});
    if (!found) co_return found.error();
    if (!*found) co_return not_found("call_not_found", "there is no such call");
    if (refusal) co_return *refusal;
    ended.push_back(call.str());
    co_return Result<>{};
  }
  async::Task<Result<>> say(OrgId org, CallId call, std::string text) override {
    if (const auto living = co_await end(org, call); !living) co_return living.error();
    said.push_back(std::move(text));
    co_return Result<>{};
  }

  std::optional<Error> refusal;
  std::function<void(const domain::Call&)> on_placed;
  std::vector<calls::PlaceCall> placed;
  std::vector<std::string> ended, said;

 private:
  store::Store& store_;
};

class World {
 public:
  // `patience`: how long a write waits for the database.
  explicit World(bool development = false,
                 milliseconds patience = test::patient(store::PromptStore::default_patience))
      : store_(open()),
        prompt_(database_, clock_, patience),
        authenticator_(options(development), clock_),
        health_(web_.executor(), clock_,
                {.version = "1.2.3", .environment = development ? "development" : "test"}) {
    health_.add({"database", ops::Severity::stops, []() -> async::Task<Result<>> { co_return Result<>{}; }});
    async::run_on(web_.executor(), start_health());
    add_routes(router_, services_);
    server_ = std::make_unique<net::Server>(
        net::Server::Options{.max_body_for = router_.body_limits(),
                             .common_headers = security_headers(),
                             .render_error =
                                 [this](int status, const Error& error, const net::Request* request) {
                                   return router_.error_of_server(status, error, request);
                                 }},
        std::vector{web_.executor()}, router_.handler());
    server_->start().value();
    for (const char* org : {"demo", "other"})
      run(store::ensure_organization(*store_, OrgId{org}, clock_.utc())).value();
  }
  ~World() {
    gate_.mode = test::GateStore::Mode::open;
    server_->stop(0ms);
    async::run_on(web_.executor(), doorkeeper_.stop());
    async::run_on(web_.executor(), health_.stop());
    store_->stop();
    EXPECT_EQ(*walked_, "") << "a statement walked over a whole table, or sorted";
  }

  std::string url(const std::string& path) const {
    return "http://127.0.0.1:" + std::to_string(server_->port()) + path;
  }
  std::uint16_t port() const { return server_->port(); }

  std::string token(const std::string& org, Role role = Role::owner) {
    return key_.sign({.org = OrgId{org},
                      .role = role,
                      .subject = "u",
                      .issuer = {},
                      .audience = {},
                      .issued_at = clock_.utc(),
                      .expires_at = clock_.utc() + 1h});
  }

  // As somebody of `org`; no token when it is empty.
  test::HttpAnswer ask(const std::string& method, const std::string& path, const std::string& org = "demo",
                       const std::string& body = {}, Role role = Role::owner) {
    test::HttpAsk ask{.method = method, .url = path, .headers = {}, .body = body};
    if (!org.empty()) ask.headers.push_back("Authorization: Bearer " + token(org, role));
    if (!body.empty()) ask.headers.push_back("Content-Type: application/json");
    return send(std::move(ask));
  }
  // As it stands; its url is a path. Whatever a test is about: what the server answers is what its
  // description says.
  test::HttpAnswer send(test::HttpAsk ask) {
    const std::string path = std::exchange(ask.url, url(ask.url));
    auto answer = test::http(ask);
    EXPECT_EQ(description().fault_of(ask.method, path, answer), "") << ask.method << ' ' << path;
    if (answer.status / 100 == 2) succeeded.insert(description().operation(ask.method, path));
    return answer;
  }
  static const test::ApiDescription& description() {
    static const test::ApiDescription read{openapi_description("1.2.3")};
    return read;
  }
  test::HttpAnswer get(const std::string& path, const std::string& org = "demo") {
    return ask("GET", path, org);
  }

  // Once, between what the next endpoint that writes has read and its write.
  void meanwhile(std::function<void()> others) {
    database_.before_write = [this, others = std::move(others)]() -> async::Task<> {
      World& world = *this;
      const auto act = others;
      world.database_.before_write = {};  // this closure too
      co_await world.workers_.run([&] { act(); });
    };
  }
  // Before anything is asked.
  void limit_rate(int requests_per_minute) {
    limiter_.emplace(requests_per_minute);
    router_.limit_rate(*limiter_, clock_);
    services_.limiter = &*limiter_;
  }
  void write(store::Batch batch) { run(store_->write(std::move(batch))).value(); }
  // An assistant of these ids, and a number that it calls from.
  void add_line(const std::string& org, const std::string& assistant_id, const std::string& number_id) {
    store::Batch batch;
    domain::Assistant assistant;
    assistant.id = AssistantId{assistant_id};
    assistant.org = OrgId{org};
    store::put_assistant(batch, assistant, clock_.utc());
    domain::PhoneNumber number;
    number.id = PhoneNumberId{number_id};
    number.org = assistant.org;
    number.assistant = assistant.id;
    store::put_phone_number(batch, number, clock_.utc());
    write(std::move(batch));
  }
  template <class T>
  T run(async::Task<T> task) {
    return async::run_on(web_.executor(), std::move(task));
  }
  static constexpr const char* operator_token = "the-operator-s-own-token";
  Accounts& accounts() { return accounts_; }
  Doorkeeper& doorkeeper() { return doorkeeper_; }
  Authenticator& authenticator() { return authenticator_; }
  store::Store& store() { return *store_; }
  test::GateStore& gate() { return gate_; }  // what the API has the database behind
  FakeCalls& calls() { return calls_; }
  events::Bus& bus() { return bus_; }
  async::Clock& clock() { return clock_; }

  media::Shard& shard() { return shard_; }
  const test::TempDir& directory() const { return directory_; }
  recordings::FileStore& objects() { return objects_; }
  const recordings::UrlSigner& signer() const { return signer_; }

  std::set<std::string> succeeded;  // operationIds
  int uploads_woken = 0;
  std::vector<std::string> knowledge_changed;  // organizations
  std::vector<std::string> browser_calls;      // the assistants they asked for
  telephony::browser::OnCall on_browser_call;  // without one they are hung up

 private:
  std::unique_ptr<store::SqliteStore> open() {
    store::SqliteOptions options{.path = (directory_ / "voxanne.db").string()};
    options.inline_readers.push_back(web_.executor());
    options.on_run = [walked = walked_](const store::Statement& statement, const store::Effort& effort) {
      static std::mutex one_at_a_time;
      const std::lock_guard lock{one_at_a_time};
      if (effort.walked > 0 || effort.sorts > 0 || effort.made_indexes > 0)
        walked->append(statement.name).append("\n");
    };
    return store::SqliteStore::open(std::move(options)).value();
  }
  Authenticator::Options options(bool development) {
    Authenticator::Options chosen;
    chosen.keys.push_back(key_);
    chosen.development = development;
    chosen.own = own_;
    chosen.operator_token = Secret{operator_token};
    chosen.look_again = 200ms;
    chosen.admit = [this](Identity& identity, const net::RequestIds& ids) {
      return doorkeeper_.admit(identity, ids);
    };
    chosen.find_api_key = [this](std::string key) { return doorkeeper_.find_api_key(std::move(key)); };
    return chosen;
  }
  async::Task<> start_health() {
    health_.start();
    co_return;
  }

  std::shared_ptr<std::string> walked_ = std::make_shared<std::string>();
  test::TempDir directory_;
  async::SystemClock clock_;
  async::LoopThread web_{"web"};
  TokenKey key_ = TokenKey::make(Secret{"a secret of at least thirty-two bytes"}).value();
  TokenKey own_ = TokenKey::make(Secret{"the key of what we sign ourselves"}).value();
  std::unique_ptr<store::SqliteStore> store_;
  test::GateStore gate_{*store_};
  test::Fuse fuse_;
  test::FusedStore database_{gate_, fuse_};
  store::PromptStore prompt_;
  Credentials credentials_{Secret{"the root of what we hand out"}};
  Doorkeeper doorkeeper_{prompt_, clock_, credentials_, web_.executor()};
  Passwords passwords_;
  Authenticator authenticator_;
  Accounts accounts_{prompt_,      clock_, passwords_,
                     credentials_, own_,   {.changed = [this] { authenticator_.forget(); }}};
  FakeCalls calls_{prompt_};
  events::Bus bus_{clock_};
  events::LiveHub live_{bus_, clock_};
  ops::Health health_;
  media::Shard shard_{"media"};
  telephony::browser::Gateway browser_calls_{
      {},
      clock_,
      [this]() -> media::Shard& { return shard_; },
      [this](std::unique_ptr<telephony::Leg> leg, telephony::browser::InboundCall call) {
        browser_calls.push_back(call.assistant.str());
        if (on_browser_call) on_browser_call(std::move(leg), std::move(call));
      }};
  async::WorkerPool workers_{"workers", 2};
  recordings::FileStore objects_{{directory_ / "recordings", directory_ / "known"}, workers_};
  recordings::Playback playback_{*store_, objects_, workers_, directory_ / "spool"};
  housekeeping::Eraser eraser_{prompt_,
                               objects_,
                               workers_,
                               clock_,
                               {.spool = directory_ / "spool",
                                .forget =
                                    [this](const OrgId& org, const CallId& call) {
                                      bus_.forget(org, call);
                                      playback_.forget(org, call);
                                    },
                                .calls_at_a_time = 2}};
  Seal seal_{Secret{"the root of what is sealed"}, "webhooks"};
  notify::Targets targets_{net::parse_networks({"127.0.0.0/8"}).value()};
  recordings::UrlSigner signer_{Secret{"a secret of at least thirty-two bytes"}};
  knowledge::DocumentReader documents_{workers_};
  knowledge::Retriever retriever_{*store_, clock_};
  Services services_{
      .store = prompt_,
      .clock = clock_,
      .authenticator = authenticator_,
      .accounts = accounts_,
      .credentials = credentials_,
      .calls = calls_,
      .bus = bus_,
      .live = live_,
      .health = health_,
      .browser_calls = browser_calls_,
      .playback = playback_,
      .signer = signer_,
      .public_url = "https://voxanne.example",
      .documents = documents_,
      .retriever = retriever_,
      .seal = seal_,
      .webhook_targets = targets_,
      .knowledge_changed = [this](const OrgId& org) { knowledge_changed.push_back(org.str()); },
      .upload_queued = [this] { ++uploads_woken; },
      .eraser = &eraser_};
  std::optional<RateLimiter> limiter_;
  Router router_{authenticator_};
  std::unique_ptr<net::Server> server_;
};

}  // namespace voxanne::api
