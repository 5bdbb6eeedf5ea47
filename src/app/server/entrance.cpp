#include "app/server/entrance.h"

#include "app/secrets.h"
#include "base/log.h"
#include "store/demo.h"

namespace voxanne::app {
namespace {

Secret password_from(const Secret& root) {
  const std::string text = to_hex(hmac_sha256(derive_key(root, "demo-login").reveal(), demo_email));
  return Secret{text.substr(0, 4) + "-" + text.substr(4, 4) + "-" + text.substr(8, 4)};
}

}  // namespace

Entrance::Entrance(Foundation& house, store::PromptStore& kept, const Outward& told, const Secret& root)
    : foundation(house),
      store(kept),
      outward(told),
      credentials(root),
      doorkeeper(kept, house.clock, credentials, house.house.executor()) {}

Result<> Entrance::start(const Secret& root) {
  const Config& config = foundation.config;
  auto own = local_key(root);
  if (own.has_error()) return own.error();
  api::Authenticator::Options options{
      .keys = {},
      .rules = {.audience = config.jwt_audience, .issuer = config.jwt_issuer},
      .own = *own,
      .development = foundation.development(),
      .demo_org = OrgId{std::string{store::demo::organization_id}},
      .allowed_origins = config.allowed_origins,
      .shards = foundation.cores,
      .trusted_proxies = config.trusted_proxies,
      .operator_token = config.operator_token,
      .admit = [this](api::Identity& identity,
                      const net::RequestIds& ids) { return doorkeeper.admit(identity, ids); },
      .find_api_key = [this](std::string key) { return doorkeeper.find_api_key(std::move(key)); }};
  if (!config.jwt_secret.empty()) {
    auto shared = api::TokenKey::make(config.jwt_secret);
    if (shared.has_error()) return shared.error();
    options.keys.push_back(std::move(*shared));
  }
  if (!config.jwt_jwks_url.empty()) {
    published.emplace(api::JwksSource::Options{.url = config.jwt_jwks_url}, foundation.clock,
                      foundation.house.executor());
    published->start();
    options.published = &*published;
  }
  authenticator.emplace(std::move(options), foundation.clock);
  api::Accounts::Options people{.changed = [this] { authenticator->forget(); }};
  if (outward.mails)
    people.invited = [this](store::Batch& batch, const store::Invitation& invitation, const Secret& token) {
      outward.mail(batch, invitation, token);
    };
  accounts.emplace(store, foundation.clock, passwords, credentials, std::move(*own), std::move(people));
  doorkeeper.start();
  if (foundation.development()) seed_demo(root);
  return {};
}

void Entrance::seed_demo(const Secret& root) {
  demo_password = password_from(root);
  store::Account owner{.id = AccountId{"user_demo"},
                       .email = demo_email,
                       .name = "Demo Owner",
                       .password = api::Passwords::hash_now(*demo_password, api::Passwords::Cost::least)};
  const auto seeded =
      async::run_on(foundation.house.executor(),
                    accounts->seed(OrgId{std::string{store::demo::organization_id}}, std::move(owner)));
  if (!seeded) log::warning("demo.no_login", {{"error", seeded.error().message}});
}

void Entrance::stop() {
  if (published) async::run_on(foundation.house.executor(), published->stop());
  async::run_on(foundation.house.executor(), doorkeeper.stop());
  passwords.stop();
}

}  // namespace voxanne::app
