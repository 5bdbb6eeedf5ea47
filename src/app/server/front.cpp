#include "app/server/front.h"

#include "app/server/storage.h"

namespace voxanne::app {

namespace {
// Who has seen the certificate once does not come without TLS again (RFC 6797), for a year.
constexpr const char* strict_transport = "Strict-Transport-Security: max-age=31536000\r\n";
}  // namespace

Result<> Front::start(const Secret& root) {
  entrance.emplace(foundation, *records.prompt, outward, root);
  if (auto open = entrance->start(root); open.has_error()) return open;
  start_health();
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
  const auto knowledge_changed = [this](const OrgId& org) {
    speech.models->refresh(org);
    knowing.wake();
  };
  records.on_knowledge_erased(knowledge_changed);
  services.emplace(api::Services{.store = *records.prompt,
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
                                 .documents = knowing.documents,
                                 .retriever = *knowing.retriever,
                                 .seal = *outward.webhook_seal,
                                 .webhook_targets = *outward.targets,
                                 .knowledge_changed = knowledge_changed,
                                 .upload_queued = [this] { records.wake_uploads(); },
                                 .recordings_origin = recordings_origin(config),
                                 .outward_queued = [this] { outward.wake(); },
                                 .metrics = &foundation.metrics,
                                 .jobs = &*records.scheduler,
                                 .limiter = limiter ? &*limiter : nullptr,
                                 .eraser = &*records.prompt_eraser});
  api::add_routes(*router, *services);
  watch_requests();
  if (!config.tls_cert.empty())
    if (auto shown = certificate.start({.certificate = config.tls_cert, .key = config.tls_key});
        shown.has_error())
      return shown;
  http.emplace(listener(), foundation.web_executors(), router->handler());
  add_metrics();
  if (auto listening = http->start(); listening.has_error()) return listening;
  port = http->port();
  memory_return.start([this] { return http->stats().connections; });
  return {};
}

net::Server::Options Front::listener() const {
  const Config& config = foundation.config;
  return {.host = config.host,
          .port = std::uint16_t(config.port),
          .max_header = std::size_t(config.max_header_bytes),
          .max_body_for = router->body_limits(),
          .max_bodies = std::size_t(config.max_bodies_megabytes) << 20,
          .max_connections = std::size_t(config.max_connections),
          .max_connections_per_address = std::size_t(config.max_connections_per_address),
          .shared_addresses = config.trusted_proxies,
          .header_timeout = seconds{config.header_seconds},
          .body_timeout = seconds{config.body_seconds},
          .idle_timeout = seconds{config.idle_seconds},
          .write_timeout = seconds{config.write_seconds},
          .max_websocket_queue = std::size_t(config.websocket_backlog_kilobytes) << 10,
          .max_websocket_queues = std::size_t(config.websocket_backlogs_megabytes) << 20,
          .websocket_ping = seconds{config.websocket_ping_seconds},
          .common_headers = api::security_headers(recordings_origin(config)) +
                            (certificate.identity() ? strict_transport : ""),
          .render_error =
              [this](int status, const Error& error, const net::Request* request) {
                return router->error_of_server(status, error, request);
              },
          .tls = certificate.identity()};
}

void Front::drain() {
  if (health) health->set_draining(true);
}

void Front::stop_listening(seconds limit) {
  if (http) http->stop(limit);
  certificate.stop();
  memory_return.stop();
  if (entrance) entrance->stop();
}

void Front::stop_health() {
  if (health) async::run_on(foundation.house.executor(), health->stop());
  if (probes) probes->stop();
}

}  // namespace voxanne::app
