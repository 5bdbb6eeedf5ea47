// Health that tells the truth at no cost per request: named checks run in the background, each in
// its own task with a deadline, and one snapshot of all is kept as text.
//
//   Health health{executor, clock, {.version = "0.1.0", .environment = "production"}};
//   health.add({.name = "database", .severity = Severity::stops, .probe = [&] { return store.ping(); }});
//   health.watch("web0", web0.executor());
//   health.start();  …  co_await health.stop();
//
//   GET /health        200 when every critical check holds; else 503: `degraded` while callers are
//                      still served by fallbacks, `error` when they are not
//   GET /health/live   200 while every watched loop ticks
//   GET /health/ready  200 while a call could be answered: no check that stops calls is down, not
//                      draining, and admission has room
//
// An outage shows within interval + deadline (3 s), and so does its end. A probe that never returns
// counts as down once its deadline has passed. A snapshot that nobody renewed for four seconds is
// answered as an error: then this loop hangs.
//
// Owner: app. add(), watch(), start(), stop() on the executor's loop (or before it runs); the
// answers and set_draining() on any thread.
#pragma once

#include "async/clock.h"
#include "async/task_group.h"
#include "base/result.h"
#include "net/http.h"

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace voxanne::ops {

// What it means when the dependency is away.
enum class Severity {
  optional,  // shown as false; callers and operators lose nothing that matters
  degrades,  // critical, but a fallback serves callers: degraded
  stops,     // critical, and callers cannot be served: error, and not ready
};

struct Check {
  std::string name;  // the key in `services`
  Severity severity = Severity::stops;
  std::function<async::Task<Result<>>()> probe;
};

class Health {
 public:
  struct Options {
    std::string version;
    std::string environment;
    std::string notice{};  // shown in /health: what an operator must know (development convenience)
    milliseconds interval{1'000};
    milliseconds deadline{2'000};
  };

  Health(async::Executor executor, async::Clock& clock, Options options);
  ~Health();
  Health(const Health&) = delete;
  Health& operator=(const Health&) = delete;

  void add(Check check);
  // A loop that must tick for the server to be alive.
  void watch(std::string name, async::Executor loop);
  // Whether one more call could be taken (admission); asked once per interval.
  void admission(std::function<bool()> has_room);

  // Told on the loop when a service no longer holds, or holds again; not what the first probe finds well.
  void on_change(std::function<void(std::string_view service, bool holds)> changed);

  void start();
  async::Task<> stop();
  void set_draining(bool draining);

  // For /metrics: what `services` shows, and whether one holds; any thread.
  struct Service {
    std::string name;
    bool critical;  // not Severity::optional
  };
  std::vector<Service> services() const;
  bool holds(std::string_view service) const;

  net::Response health() const;
  net::Response live() const;
  net::Response ready() const;

 private:
  struct Dependency;
  struct Watched;
  struct Snapshot;

  async::Task<> probe(Dependency& dependency);
  async::Task<> renew();
  std::shared_ptr<const std::string> describe(std::string_view status, std::string_view services) const;
  void take_snapshot();
  std::shared_ptr<const Snapshot> snapshot() const;

  async::Clock& clock_;
  const Options options_;
  const SteadyTime started_;
  std::vector<std::unique_ptr<Dependency>> dependencies_;
  std::vector<std::unique_ptr<Watched>> watched_;
  std::function<bool()> has_room_;
  std::function<void(std::string_view, bool)> changed_;
  std::atomic<bool> draining_ = false;
  mutable std::mutex mutex_;
  std::shared_ptr<const Snapshot> snapshot_;  // under the mutex
  async::TaskGroup tasks_;
};

}  // namespace voxanne::ops
