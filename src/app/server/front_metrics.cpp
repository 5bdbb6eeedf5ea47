// What /metrics shows, beside what calls count themselves (meters.h), and what each request leaves.
#include "app/server/front.h"
#include "ops/process_metrics.h"

namespace voxanne::app {
namespace {

double seconds_of(std::chrono::microseconds time) { return std::chrono::duration<double>(time).count(); }

// Requests that only look after the server would crowd out the others.
bool is_traced(std::string_view path) { return path.starts_with("/api/") || path.starts_with("/storage/"); }

}  // namespace

void Front::watch_requests() {
  std::vector<std::pair<std::string, std::string>> routes;
  for (const auto& [method, path] : router->routes()) routes.emplace_back(net::to_string(method), path);
  http_metrics.emplace(foundation.metrics, routes);
  router->on_answered([this](const api::Router::Answered& seen) {
    http_metrics->seen(seen.route, seen.status, seen.ended - seen.began);
    auto& tracker = *foundation.tracker;
    using Caller = ops::sentry::Client::Caller;
    const auto caller = seen.context.identity.org.empty() ? Caller::stranger : Caller::known;
    if (!is_traced(seen.path) || !tracker.samples(seen.context.ids.trace, caller)) return;
    const UtcTime end = foundation.clock.utc();
    tracker.finished(
        {.name = std::string{net::to_string(seen.context.request.method)} + " " + std::string{seen.path},
         .op = "http.server",
         .status = seen.status < 400   ? "ok"
                   : seen.status < 500 ? "invalid_argument"
                                       : "internal_error",
         .start = end - std::chrono::ceil<milliseconds>(seen.ended - seen.began),
         .end = end,
         .trace = seen.context.ids.trace,
         .tags = {{"requestId", seen.context.ids.request_id},
                  {"orgId", seen.context.identity.org.str()},
                  {"status", std::to_string(seen.status)}}});
  });
}

void Front::add_metrics() {
  ops::Metrics& metrics = foundation.metrics;
  ops::add_process_metrics(metrics);
  metrics.gauge(
      "voxanne_build_info", "always 1; says what runs",
      {{"version", VOXANNE_VERSION}, {"environment", std::string{to_string(foundation.config.environment)}}},
      [] { return 1.0; });

  metrics.gauge("voxanne_calls_active", "calls now", {},
                [this] { return double(lines.switchboard->active()); });
  metrics.gauge("voxanne_calls_room", "1 while one more call could be taken", {},
                [this] { return lines.switchboard->has_room() ? 1.0 : 0.0; });
  metrics.gauge("voxanne_calls_capacity", "calls at a time, beyond which new ones are refused", {},
                [this] { return double(lines.switchboard->admission().max_calls()); });
  for (const auto& [why, refusal] : {std::pair{"server_full", telephony::Refusal::server_full},
                                     std::pair{"organization_full", telephony::Refusal::organization_full},
                                     std::pair{"draining", telephony::Refusal::draining}})
    metrics.counter("voxanne_calls_refused_total", "new calls that there was no room for", {{"why", why}},
                    [this, refusal] { return double(lines.switchboard->admission().refused(refusal)); });
  metrics.counter("voxanne_calls_overflowed_total", "of those, sent on to the overflow number", {},
                  [this] { return double(lines.switchboard->overflowed()); });
  for (std::size_t i = 0; i < foundation.media.size(); ++i) {
    const media::Shard& shard = *foundation.media[i];
    const ops::Metrics::Labels labels{{"shard", "media" + std::to_string(i)}};
    metrics.histogram("voxanne_media_tick_lag_seconds", "how late the ticks that pace calls were", labels,
                      shard.lags());
    metrics.gauge("voxanne_media_tick_lag_p99_seconds", "of the last seconds", labels,
                  [&shard] { return seconds_of(shard.tick_lag().p99); });
    metrics.counter("voxanne_media_ticks_missed_total", "whole ticks that a stall skipped", labels,
                    [&shard] { return double(shard.tick_lag().missed); });
    metrics.gauge("voxanne_media_legs", "legs paced", labels, [&shard] { return double(shard.size()); });
  }

  metrics.gauge("voxanne_queue_depth", "what waits to be done", {{"queue", "workers"}},
                [this] { return double(foundation.workers.backlog()); });
  metrics.gauge("voxanne_queue_depth", "", {{"queue", "documents"}},
                [this] { return double(foundation.documents.backlog()); });
  metrics.gauge("voxanne_queue_depth", "", {{"queue", "voicing"}},
                [this] { return double(foundation.voicing.backlog()); });
  metrics.gauge("voxanne_queue_depth", "", {{"queue", "uploads"}},
                [this] { return double(uploads_waiting.load()); });
  metrics.gauge("voxanne_queue_depth", "", {{"queue", "journal"}},
                [this] { return double(records.journal->pending()); });
  metrics.gauge("voxanne_queue_depth", "", {{"queue", "spool"}},
                [this] { return double(records.spool->pool().in_use()); });
  metrics.gauge("voxanne_queue_depth", "", {{"queue", "webhooks"}},
                [this] { return double(webhooks_waiting.load()); });
  metrics.gauge("voxanne_queue_depth", "", {{"queue", "mails"}},
                [this] { return double(mails_waiting.load()); });
  const auto& attempts = outward.webhooks->seen();
  const std::string deliveries = "voxanne_webhook_attempts_total", tried = "what webhooks were sent";
  metrics.counter(deliveries, tried, {{"outcome", "taken"}}, attempts.taken);
  metrics.counter(deliveries, tried, {{"outcome", "not_taken"}}, attempts.not_taken);
  metrics.counter("voxanne_mails_given_up_total", "mails refused for good, or not taken for three days", {},
                  [this] { return outward.mails ? double(outward.mails->given_up().value()) : 0.0; });
  metrics.gauge("voxanne_mails_failed", "of those, the ones made within the last month", {},
                [this] { return double(mails_failed.load()); });
  metrics.gauge("voxanne_uploads_failed", "recordings that cannot be kept: the source itself is bad", {},
                [this] { return double(uploads_failed.load()); });
  metrics.gauge("voxanne_uploads_running", "recordings being encoded or stored", {},
                [this] { return double(records.upload_runner->running()); });
  metrics.gauge("voxanne_disk_free_bytes", "free for us on DATA_DIR's disk", {},
                [directory = foundation.config.data_dir] { return ops::free_bytes(directory); });

  if (const auto recognizer = speech.recognizer) {
    metrics.gauge("voxanne_recognition_streams", "callers listened to", {},
                  [recognizer] { return double(recognizer->load().streams); });
    metrics.gauge("voxanne_recognition_capacity", "callers that could be", {},
                  [recognizer] { return double(recognizer->load().capacity); });
    metrics.counter("voxanne_recognition_turned_away_total",
                    "callers guided by keys instead, because every worker had as many as it can hear", {},
                    [recognizer] { return double(recognizer->load().turned_away); });
    metrics.gauge("voxanne_recognition_workers", "speech workers alive", {},
                  [recognizer] { return double(recognizer->load().workers_alive); });
    metrics.gauge("voxanne_recognition_lag_seconds", "how far behind the slowest worker is", {},
                  [recognizer] { return seconds_of(recognizer->load().lag); });
  }
  metrics.gauge("voxanne_breakers_open", "shards on which calls go past the provider",
                {{"provider", "pocketsphinx"}}, [this] { return double(speech.voices->open_breakers()); });
  metrics.gauge("voxanne_breakers_open", "", {{"provider", "storage"}},
                [this] { return records.uploads->storage_is_away() ? 1.0 : 0.0; });
  if (knowing.embedder) {
    const auto& seen = knowing.embedder->seen();
    const std::string name = "voxanne_embedding_seconds", took = "what the provider of embeddings took";
    metrics.histogram(name, took, {{"purpose", "documents"}}, seen.documents);
    metrics.histogram(name, took, {{"purpose", "questions"}}, seen.questions);
    metrics.counter("voxanne_embedding_failures_total", "of those, answered with no vectors", {},
                    seen.failed);
    metrics.gauge("voxanne_breakers_open", "", {{"provider", "embeddings"}},
                  [this] { return knowing.embedder->health() ? 0.0 : 1.0; });
    metrics.gauge("voxanne_queue_depth", "", {{"queue", "embeddings"}},
                  [this] { return double(documents_waiting.load()); });
  }

  const auto http_stats = [this] { return http->stats(); };
  metrics.gauge("voxanne_http_connections", "open connections", {},
                [http_stats] { return double(http_stats().connections); });
  metrics.counter("voxanne_http_connections_refused_total", "over a limit", {},
                  [http_stats] { return double(http_stats().refused); });
  metrics.gauge("voxanne_websocket_clients", "open WebSockets", {},
                [http_stats] { return double(http_stats().websockets); });
  metrics.gauge("voxanne_websocket_queued_bytes", "waiting for slow readers", {},
                [http_stats] { return double(http_stats().websocket_bytes_queued); });
  metrics.gauge("voxanne_live_listeners", "dashboards following live events", {},
                [this] { return double(records.live->listeners()); });
  metrics.gauge("voxanne_live_ring_bytes", "live events kept for who comes back", {},
                [this] { return double(records.bus->bytes()); });
  if (lines.sip) {
    const auto sip = [this] { return lines.sip->health(); };
    metrics.gauge("voxanne_sip_registered", "1 while the trunk accepts us", {},
                  [sip] { return sip().registered ? 1.0 : 0.0; });
    for (const char* why : {"refused", "limited", "malformed"})
      metrics.counter(
          "voxanne_sip_turned_away_total", "SIP requests turned away", {{"why", why}}, [sip, kind = why[0]] {
            const auto state = sip();
            return double(kind == 'r' ? state.refused : kind == 'l' ? state.limited : state.malformed);
          });
  }

  const auto& told = foundation.tracker->stats();
  const std::string events = "voxanne_error_events_total", help = "error events, transactions and sessions";
  metrics.counter(events, help, {{"outcome", "captured"}}, told.captured);
  metrics.counter(events, help, {{"outcome", "sent"}}, told.sent);
  metrics.counter(events, help, {{"outcome", "dropped"}}, told.dropped);
  metrics.counter("voxanne_error_tracker_failures_total", "requests that the tracker did not take", {},
                  told.failures);

  for (const auto& service : health->services())
    metrics.gauge("voxanne_service_up", "1 while the dependency holds, as /health shows it",
                  {{"service", service.name}, {"critical", service.critical ? "true" : "false"}},
                  [this, name = service.name] { return health->holds(name) ? 1.0 : 0.0; });
  metrics.gauge("voxanne_ready", "1 while a call could be answered", {},
                [this] { return health->ready().status == 200 ? 1.0 : 0.0; });
  metrics.gauge("voxanne_draining", "1 while calls finish before the server stops", {},
                [this] { return lines.switchboard->admission().draining() ? 1.0 : 0.0; });
  if (const auto identity = certificate.identity())
    metrics.gauge("voxanne_tls_certificate_expiry_timestamp_seconds",
                  "until when the listener's certificate is valid, since 1970", {},
                  [identity] { return double(to_unix_ms(identity->valid_until())) / 1'000.0; });
}

}  // namespace voxanne::app
