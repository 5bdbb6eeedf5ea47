// Our side of benchmarks/http_vs_express: every real route over the real store, with a switchboard that does
// of placing a call what its HTTP request costs (four lookups, one durable row, what webhooks are told) and
// dials nobody.
#pragma once

#include "api/access/accounts.h"
#include "api/routes/routes.h"
#include "async/thread.h"
#include "base/log.h"
#include "base/seal.h"
#include "calls/call_control.h"
#include "knowledge/ingest.h"
#include "knowledge/retriever.h"
#include "net/server.h"
#include "notify/targets.h"
#include "recordings/file_store.h"
#include "recordings/playback.h"
#include "recordings/signed_url.h"
#include "store/calls.h"
#include "store/contacts.h"
#include "store/organizations.h"
#include "store/sqlite/sqlite_store.h"
#include "store/webhooks.h"
#include "telephony/browser/gateway.h"

#include <unistd.h>

#include <cstdio>
#include <set>

namespace voxanne::bench {

inline constexpr std::string_view secret = "a secret of at least thirty-two bytes";
inline const OrgId org{"demo"};
inline const AssistantId assistant{"test-assistant-123"};
inline const PhoneNumberId phone_number{"test-phone-123"};

// Prints each statement once, so that the peer runs the very same SQL.
class PrintedStore final : public store::Store {
 public:
  explicit PrintedStore(store::Store& store) : store_(store) {}

  async::Task<Result<>> read(const store::Statement& statement, std::vector<store::Value> values,
                             store::RowVisitor visit) override {
    print(statement);
    return store_.read(statement, std::move(values), std::move(visit));
  }
  async::Task<Result<>> write(store::Batch batch) override {
    for (const auto& step : batch.steps) print(*step.statement);
    return store_.write(std::move(batch));
  }

 private:
  // One web shard asks, so that no lock is needed.
  void print(const store::Statement& statement) {
    if (!printed_.insert(&statement).second) return;
    std::printf("statement %.*s %.*s\n", int(statement.name.size()), statement.name.data(),
                int(statement.sql.size()), statement.sql.data());
    std::fflush(stdout);
  }

  store::Store& store_;
  std::set<const store::Statement*> printed_;
};

class Placing final : public calls::CallControl {
 public:
  Placing(store::Store& store, async::Clock& clock) : store_(store), clock_(clock) {}

  async::Task<Result<domain::Call>> place(calls::PlaceCall request) override {
    const auto number = co_await store::find_phone_number(store_, request.org, request.phone_number);
    if (!number) co_return number.error();
    if (!*number) co_return not_found("phone_number_not_found", "no such number");
    const auto answers = co_await store::find_assistant(store_, request.org, request.assistant);
    if (!answers) co_return answers.error();
    if (!*answers) co_return not_found("assistant_not_found", "no such assistant");
    const auto organization = co_await store::find_organization(store_, request.org);
    if (!organization) co_return organization.error();
    domain::Call call;
    call.id = CallId::make();
    call.org = request.org;
    call.assistant = request.assistant;
    call.phone_number = request.phone_number;
    call.direction = domain::Direction::outbound;
    call.customer = std::move(request.customer);
    call.metadata = std::move(request.metadata);
    call.created_at = clock_.utc();
    const auto contact = co_await store::contact_by_number(store_, call.org, call.customer.number);
    if (!contact) co_return contact.error();
    if (*contact) call.contact = (*contact)->id;
    store::Batch batch;
    store::insert_call(batch, call, {"bench", "boot"});
    store::announce_call(batch, "call.started", call, call.created_at);
    if (const auto written = co_await store_.write(std::move(batch)); !written) co_return written.error();
    co_return call;
  }
  async::Task<Result<>> end(OrgId, CallId) override { co_return not_found("call_not_found", "no call runs"); }
  async::Task<Result<>> say(OrgId, CallId, std::string) override {
    co_return not_found("call_not_found", "no call runs");
  }

 private:
  store::Store& store_;
  async::Clock& clock_;
};

// Serves until it is killed. Prints "listening PORT FLOOR_PORT"; what is behind the second answers
// `floor_bytes` constant bytes to anything.
[[noreturn]] inline void serve(const std::string& database, std::size_t floor_bytes) {
  log::init(log::Level::info, log::Format::json);
  async::SystemClock clock;
  async::LoopThread web{"web"};
  async::WorkerPool workers{"workers", 1};
  store::SqliteOptions sqlite{.path = database};
  sqlite.inline_readers.push_back(web.executor());
  const auto engine = store::SqliteStore::open(std::move(sqlite)).value();
  PrintedStore store{*engine};
  store::PromptStore prompt{store, clock};
  Placing placing{prompt, clock};
  api::Authenticator authenticator{{.keys = {api::TokenKey::make(Secret{std::string{secret}}).value()}},
                                   clock};
  api::Credentials credentials{Secret{std::string{secret}}};
  api::Passwords passwords;
  const auto own = api::TokenKey::make(Secret{std::string{secret}}).value();
  api::Accounts accounts{prompt, clock, passwords, credentials, own, {.changed = [] {}}};
  events::Bus bus{clock};
  events::LiveHub live{bus, clock};
  ops::Health health{web.executor(), clock, {.version = "bench", .environment = "production"}};
  telephony::browser::Gateway browser{
      {},
      clock,
      []() -> media::Shard& { throw std::logic_error("nobody is called here"); },
      [](auto, auto) {}};
  recordings::FileStore objects{{database + ".recordings", database + ".known"}, workers};
  recordings::Playback playback{store, objects, workers, database + ".spool"};
  knowledge::Retriever retriever{store, clock};
  const Seal seal{Secret{"the root of what is sealed"}, "webhooks"};
  const notify::Targets targets{{}};
  const recordings::UrlSigner signer{Secret{std::string{secret}}};
  knowledge::DocumentReader documents{workers};
  api::Services services{.store = prompt,
                         .clock = clock,
                         .authenticator = authenticator,
                         .accounts = accounts,
                         .credentials = credentials,
                         .calls = placing,
                         .bus = bus,
                         .live = live,
                         .health = health,
                         .browser_calls = browser,
                         .playback = playback,
                         .signer = signer,
                         .public_url = "http://localhost",
                         .documents = documents,
                         .retriever = retriever,
                         .seal = seal,
                         .webhook_targets = targets};
  api::Router router{authenticator};
  api::add_routes(router, services);
  net::Server server{{.max_body_for = router.body_limits(), .common_headers = api::security_headers()},
                     {web.executor()},
                     router.handler()};
  const auto constant = std::make_shared<const std::string>(floor_bytes, 'x');
  net::Server floor{{}, {web.executor()}, [&](net::Request&) -> async::Task<net::Response> {
                      co_return net::Response{.status = 200, .headers = {}, .body = constant};
                    }};
  server.start().value();
  floor.start().value();
  std::printf("listening %d %d\n", server.port(), floor.port());
  std::fflush(stdout);
  for (;;) pause();
}

}  // namespace voxanne::bench
