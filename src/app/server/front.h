// What the world sees over HTTP: health, who may come in, the routes.
//
// Owner: the server, above everything else.
#pragma once

#include "api/router.h"
#include "api/routes/routes.h"
#include "app/server/certificate.h"
#include "app/server/entrance.h"
#include "app/server/lines.h"
#include "app/server/memory_return.h"
#include "net/server.h"
#include "ops/health.h"
#include "ops/http_metrics.h"
#include "recordings/signed_url.h"

#include <atomic>

namespace voxanne::app {

struct Front {
  Front(Foundation& house, Records& kept, Outward& told, Knowing& known, Speech& voice, Lines& calls)
      : foundation(house), records(kept), outward(told), knowing(known), speech(voice), lines(calls) {}

  Result<> start(const Secret& root);
  void drain();
  // Answers what was asked before, for as long as `limit`.
  void stop_listening(seconds limit);
  void stop_health();
  // The certificate's files are other ones, says the operator. Any thread.
  void reload_certificate() { certificate.reload(); }

  Foundation& foundation;
  Records& records;
  Outward& outward;
  Knowing& knowing;
  Speech& speech;
  Lines& lines;
  std::optional<async::WorkerPool> probes;  // what a probe may hang in
  std::optional<ops::Health> health;
  std::optional<recordings::UrlSigner> signer;
  std::optional<api::RateLimiter> limiter;
  std::optional<Entrance> entrance;
  std::optional<api::Router> router;
  std::optional<api::Services> services;
  std::optional<ops::HttpMetrics> http_metrics;
  Certificate certificate{foundation.clock, foundation.house.executor()};
  std::optional<net::Server> http;
  MemoryReturn memory_return{foundation.clock, foundation.house.executor()};
  std::uint16_t port = 0;
  // Counted by the probe of jobs.
  std::atomic<std::int64_t> uploads_waiting{0}, uploads_failed{0}, webhooks_waiting{0}, mails_waiting{0},
      mails_failed{0}, documents_waiting{0};

 private:
  void start_health();  // front_health.cpp
  async::Task<> count_what_waits();
  void add_metrics();     // front_metrics.cpp
  void watch_requests();  // front_metrics.cpp
  Result<> listen();
  net::Server::Options listener() const;
};

}  // namespace voxanne::app
