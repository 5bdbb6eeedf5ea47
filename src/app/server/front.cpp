#include "app/server/front.h"

#include "app/server/storage.h"

namespace voxanne::app {

Result<> Front::start(const Secret& root) {
  start_health();
  entrance.emplace(foundation, *records.store, outward, root);
  if (auto open = entrance->start(root); open.has_error()) return open;
  signer.emplace(root);
  return listen();
}

Result<> Front::listen() {
  const Config& config = foundation.config;
  router.emplace(*entrance->authenticator);
  router->allow_origins(config.allowed_origins);
  if (config.requests_per_minute > 0) {
    limiter.emplace(config.requests_per_minute);
    router->limit_rate(*limiter, foundation.clock);
  }
  services.emplace(api::Services{.store = *records.store,
                                 .clock = foundation.clock,
                                 .authenticator = *entrance->authenticator,
                                 .accounts = *entrance->accounts,
                                 .credentials = entrance->credentials,
                                 .calls = *lines.switchboard,
                                 .bus = *records.bus,
                                 .live = *records.live,
                                 .health = *health,
                                 .browser_calls = *lines.browser,
                                 .playback = *records.playback,
                                 .signer = *signer,
                                 .public_url = config.public_url,
                                 .workers = foundation.workers,
                                 .retriever = *knowing.retriever,
                                 .seal = *outward.webhook_seal,
                                 .webhook_targets = *outward.targets,
                                 .knowledge_changed =
                                     [this](const OrgId& org) {
                                       speech.models->refresh(org);
                                       knowing.wake();
                                     },
                                 .upload_queued = [this] { records.wake_uploads(); },
                                 .recordings_origin = recordings_origin(config),
                                 .outward_queued = [this] { outward.wake(); },
                                 .metrics = &foundation.metrics,
                                 .jobs = &*records.scheduler,
                                 .eraser = &*records.eraser});
  api::add_routes(*router, *services);
  watch_requests();
  http.emplace(net::Server::Options{.host = config.host,
                                    .port = std::uint16_t(config.port),
                                    .max_body_for = router->body_limits(),
                                    .shared_addresses = config.trusted_proxies,
                                    .common_headers = api::security_headers(recordings_origin(config)),
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
  if (entrance) entrance->stop();
}

void Front::stop_health() {
  if (health) async::run_on(foundation.house.executor(), health->stop());
  if (probes) probes->stop();
}

}  // namespace voxanne::app
