#include "api/access/doorkeeper.h"

#include "base/log.h"
#include "store/organizations.h"
#include "store/prompt_store.h"

#include <boost/asio/post.hpp>

namespace voxanne::api {

namespace {

constexpr milliseconds write_uses_every{30'000};
constexpr std::size_t max_in_batch = 256;

Error erased() {
  return {Fault::forbidden, "organization_erased",
          "this organization has been erased; its id cannot be used again"};
}

}  // namespace

Doorkeeper::Doorkeeper(store::Store& store, async::Clock& clock, const Credentials& credentials,
                       async::Executor executor)
    : store_(store), clock_(clock), credentials_(credentials), tasks_(executor, "doorkeeper") {}

async::Task<Result<>> Doorkeeper::admit(Identity& identity, const net::RequestIds& ids) {
  if (!identity.session.empty()) co_return co_await admit_login(identity);
  auto standing = co_await store::standing_of(store_, identity.org, identity.subject);
  if (!standing) co_return standing.error();
  if (standing->organization_erased) co_return erased();
  if (!standing->organization_known) {
    auto made = co_await make_organization(identity, ids);
    if (!made && store::is_outcome_unknown(made.error())) co_return store::database_silent();
    co_return made;
  }
  if (!identity.role_is_stated && standing->role)
    identity.role = parse_role(*standing->role).value_or(Role::viewer);
  co_return Result<>{};
}

async::Task<Result<>> Doorkeeper::make_organization(const Identity& identity, const net::RequestIds& ids) {
  if (auto made = co_await store::ensure_organization(store_, identity.org, clock_.utc()); !made)
    co_return made;
  log::info("organization.created", {{"requestId", ids.request_id},
                                     {"traceId", ids.trace.trace_id()},
                                     {"orgId", identity.org.str()},
                                     {"by", "token"}});
  if (identity.subject.empty()) co_return Result<>{};
  store::Batch batch;
  store::add_member_once(batch, identity.org, identity.subject, std::string{to_string(identity.role)},
                         clock_.utc());
  co_return co_await store_.write(std::move(batch));
}

async::Task<Result<>> Doorkeeper::admit_login(Identity& identity) {
  store::Session session;
  session.id = SessionId{identity.session};
  session.org = identity.org;
  session.account = AccountId{identity.subject};
  const auto role = co_await store::role_of_session(store_, std::move(session), clock_.utc());
  if (!role) co_return role.error();
  if (!*role) co_return Error{Fault::unauthenticated, "invalid_token", "this login has ended; sign in again"};
  identity.role = parse_role(**role).value_or(Role::viewer);
  co_return Result<>{};
}

async::Task<Result<Identity>> Doorkeeper::find_api_key(std::string key) {
  const Error unknown{Fault::unauthenticated, "invalid_token",
                      "there is no such API key; it may have been revoked or have expired"};
  if (!Credentials::is_api_key(key)) co_return unknown;
  const auto found = co_await store::api_key_by_hash(store_, credentials_.api_key_hash(key));
  if (!found) co_return found.error();
  const auto now = clock_.utc();
  if (!*found || ((*found)->expires_at && now >= *(*found)->expires_at)) co_return unknown;
  const auto scopes = parse_scopes((*found)->scopes);
  if (!scopes) co_return internal("bad_scopes", "the key's scopes cannot be read");
  {
    const std::lock_guard lock{mutex_};
    used_.insert_or_assign({(*found)->org, (*found)->id}, now);
  }
  co_return Identity{.org = (*found)->org,
                     .role = Role::manager,
                     .subject = (*found)->id.str(),
                     .expires_at = (*found)->expires_at.value_or(UtcTime::max()),
                     .development = false,
                     .role_is_stated = true,
                     .session = {},
                     .key = *scopes};
}

void Doorkeeper::start() {
  async::asio::post(tasks_.executor(), [this] { tasks_.spawn(keep_writing()); });
}

async::Task<> Doorkeeper::stop() {
  co_await tasks_.stop();
  co_await write_uses();
}

async::Task<> Doorkeeper::keep_writing() {
  for (;;) {
    co_await clock_.sleep_for(write_uses_every);
    co_await write_uses();
  }
}

async::Task<> Doorkeeper::write_uses() {
  std::map<std::pair<OrgId, ApiKeyId>, UtcTime> uses;
  {
    const std::lock_guard lock{mutex_};
    uses.swap(used_);
  }
  while (!uses.empty()) {
    store::Batch batch;
    while (!uses.empty() && batch.steps.size() < max_in_batch) {
      const auto use = uses.extract(uses.begin());
      store::set_api_key_used(batch, use.key().first, use.key().second, use.mapped());
    }
    if (const auto written = co_await store_.write(std::move(batch)); !written) {
      log::warning("api_keys.use_not_written", {{"error", written.error().code}});
      co_return;
    }
  }
}

}  // namespace voxanne::api
