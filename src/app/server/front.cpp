#include "app/server/front.h"

#include "app/secrets.h"
#include "store/organizations.h"

namespace voxanne::app {

Result<> Front::start(const Secret& root) {
  start_health();
  if (auto admitted = admit(root); admitted.has_error()) return admitted;
  signer.emplace(root);
  return listen();
}

Result<> Front::admit(const Secret& root) {
  const Config& config = foundation.config;
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
                                  .development = foundation.development(),
                                  .allowed_origins = config.allowed_origins,
                                  .shards = foundation.cores,
                                  .trusted_proxies = config.trusted_proxies,
                                  .operator_token = config.operator_token,
                                  .admit = [this](const api::Identity& identity) -> async::Task<Result<>> {
                                    co_return co_await store::ensure_organization(
                                        *records.store, identity.org, foundation.clock.utc());
                                  }},
      foundation.clock);
  return {};
}

Result<> Front::listen() {
  const Config& config = foundation.config;
  router.emplace(*authenticator);
  router->allow_origins(config.allowed_origins);
  if (config.requests_per_minute > 0) {
    limiter.emplace(config.requests_per_minute);
    router->limit_rate(*limiter, foundation.clock);
  }
  services.emplace(
      api::Services{.store = *records.store,
                    .clock = foundation.clock,
                    .authenticator = *authenticator,
                    .calls = *lines.switchboard,
                    .bus = *records.bus,
                    .live = *records.live,
                    .health = *health,
                    .browser_calls = *lines.browser,
                    .playback = *records.playback,
                    .signer = *signer,
                    .public_url = config.public_url,
                    .workers = foundation.workers,
                    .knowledge_changed = [this](const OrgId& org) { speech.models->refresh(org); },
                    .metrics = &foundation.metrics});
  api::add_routes(*router, *services);
  watch_requests();
  http.emplace(net::Server::Options{.host = config.host,
                                    .port = std::uint16_t(config.port),
                                    .max_body_for = router->body_limits(),
                                    .shared_addresses = config.trusted_proxies,
                                    .common_headers = api::security_headers(),
                                    .render_error = api::server_error},
               foundation.web_executors(), router->handler());
  add_metrics();
  if (auto listening = http->start(); listening.has_error()) return listening;
  port = http->port();
  return {};
}

void Front::drain() {
  if (health) health->set_draining(true);
}

void Front::stop_listening(seconds limit) {
  if (http) http->stop(limit);
}

void Front::stop_health() {
  if (health) async::run_on(foundation.house.executor(), health->stop());
  if (probes) probes->stop();
}

}  // namespace voxanne::app
