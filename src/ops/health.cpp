#include "ops/health.h"

#include "base/json_text.h"
#include "base/log.h"

namespace voxanne::ops {
namespace {

constexpr milliseconds stale_after{4'000};

using Text = std::shared_ptr<const std::string>;

void append_list(std::string& out, const std::vector<std::string>& words) {
  out.push_back('[');
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) out.push_back(',');
    append_json_string(out, words[i]);
  }
  out.push_back(']');
}

net::Response answer(bool well, Text body) {
  net::Response response;
  response.status = well ? 200 : 503;
  response.headers.add("Content-Type", "application/json");
  response.headers.add("Cache-Control", "no-store");
  if (!well) response.headers.add("Retry-After", "5");
  response.body = std::move(body);
  return response;
}

}  // namespace

struct Health::Dependency {
  Check check;
  bool probed = false;  // at least once
  bool up = false;
  bool running = false;
  Error why{};        // it is not
  bool shown = true;  // what was logged last
  SteadyTime began{};

  bool holds(SteadyTime now, milliseconds deadline) const {
    return probed && up && !(running && now - began > deadline);
  }
};

struct Health::Watched {
  std::string name;
  async::Executor loop;
  std::shared_ptr<std::atomic<std::int64_t>> ticked;  // steady ms
};

struct Health::Snapshot {
  SteadyTime at;
  bool well = false;
  Text health;
  bool ready = false;
  Text readiness;
  std::vector<std::pair<std::string_view, bool>> services;  // names are the dependencies' own
};

Health::Health(async::Executor executor, async::Clock& clock, Options options)
    : clock_(clock), options_(std::move(options)), started_(clock.now()), tasks_(executor, "health") {
  take_snapshot();
}
Health::~Health() = default;

void Health::add(Check check) {
  dependencies_.push_back(std::make_unique<Dependency>());
  dependencies_.back()->check = std::move(check);
}

void Health::watch(std::string name, async::Executor loop) {
  auto ticked = std::make_shared<std::atomic<std::int64_t>>(clock_.now().time_since_epoch() / 1ms);
  watched_.push_back(std::make_unique<Watched>(Watched{std::move(name), loop, std::move(ticked)}));
}

void Health::admission(std::function<bool()> has_room) { has_room_ = std::move(has_room); }

void Health::on_change(std::function<void(std::string_view, bool)> changed) { changed_ = std::move(changed); }

void Health::start() {
  take_snapshot();  // nothing is claimed before it was probed
  for (const auto& dependency : dependencies_) tasks_.spawn(probe(*dependency));
  tasks_.spawn(renew());
}

async::Task<> Health::stop() { co_await tasks_.stop(); }

void Health::set_draining(bool draining) { draining_ = draining; }

async::Task<> Health::probe(Dependency& dependency) {
  for (;;) {
    dependency.began = clock_.now();
    dependency.running = true;
    bool up = false;
    try {
      const auto probed = co_await dependency.check.probe();
      up = probed.has_value();
      if (!up) dependency.why = probed.error();
    } catch (const std::exception& error) {
      if (async::is_cancellation(std::current_exception())) throw;
      dependency.why = internal("probe_threw", error.what());
      log::warning("health.probe_threw", {{"service", dependency.check.name}, {"error", error.what()}});
    }
    const bool changed = !dependency.probed || dependency.up != up;
    dependency.up = up;
    dependency.probed = true;
    dependency.running = false;
    if (changed) take_snapshot();
    co_await clock_.sleep_for(options_.interval);
  }
}

async::Task<> Health::renew() {
  for (;;) {
    for (const auto& watched : watched_)
      async::asio::post(watched->loop, [ticked = watched->ticked, &clock = clock_] {
        *ticked = clock.now().time_since_epoch() / 1ms;
      });
    take_snapshot();
    co_await clock_.sleep_for(options_.interval);
  }
}

Text Health::describe(std::string_view status, std::string_view services) const {
  std::string text = R"({"status":")";
  text.append(status).append(R"(","services":)").append(services).append(R"(,"timestamp":")");
  append_rfc3339(text, clock_.utc());
  text.append(R"(","uptime":)");
  append_json_double(text, double((clock_.now() - started_) / 1ms) / 1000.0);
  text.append(R"(,"version":)");
  append_json_string(text, options_.version);
  text.append(R"(,"environment":)");
  append_json_string(text, options_.environment);
  if (!options_.notice.empty()) {
    text.append(R"(,"notice":)");
    append_json_string(text, options_.notice);
  }
  text.push_back('}');
  return std::make_shared<const std::string>(std::move(text));
}

void Health::take_snapshot() {
  const SteadyTime now = clock_.now();
  auto next = std::make_shared<Snapshot>();
  next->at = now;
  bool degraded = false, stopped = false;
  std::vector<std::string> reasons;
  std::string services = "{";
  for (const auto& dependency : dependencies_) {
    const auto& check = dependency->check;
    const bool up = dependency->holds(now, options_.deadline);
    if (services.size() > 1) services.push_back(',');
    append_json_string(services, check.name);
    services.append(up ? ":true" : ":false");
    next->services.emplace_back(check.name, up);
    if (dependency->probed && up != dependency->shown) {
      const Error why = dependency->up ? timed_out("probe_silent", "it does not answer") : dependency->why;
      if (up)
        log::info("health.check_up", {{"service", check.name}});
      else
        log::warning("health.check_down",
                     {{"service", check.name}, {"code", why.code}, {"error", why.message}});
      dependency->shown = up;
      if (changed_) changed_(check.name, up);
    }
    if (up || check.severity == Severity::optional) continue;
    degraded = true;
    if (check.severity == Severity::stops) {
      stopped = true;
      reasons.push_back(check.name);
    }
  }
  services.push_back('}');
  next->well = !degraded;

  next->health = describe(stopped ? "error" : degraded ? "degraded" : "ok", services);

  if (has_room_ && !has_room_()) reasons.push_back("capacity");
  next->ready = reasons.empty();
  std::string readiness = next->ready ? R"({"ready":true,"reasons":)" : R"({"ready":false,"reasons":)";
  append_list(readiness, reasons);
  readiness.push_back('}');
  next->readiness = std::make_shared<const std::string>(std::move(readiness));

  const std::scoped_lock lock{mutex_};
  snapshot_ = std::move(next);
}

std::shared_ptr<const Health::Snapshot> Health::snapshot() const {
  const std::scoped_lock lock{mutex_};
  return snapshot_;
}

std::vector<Health::Service> Health::services() const {
  std::vector<Service> out;
  for (const auto& dependency : dependencies_)
    out.push_back({dependency->check.name, dependency->check.severity != Severity::optional});
  return out;
}

bool Health::holds(std::string_view service) const {
  const auto now = snapshot();
  if (clock_.now() - now->at > stale_after) return false;
  for (const auto& [name, up] : now->services)
    if (name == service) return up;
  return false;
}

net::Response Health::health() const {
  const auto now = snapshot();
  if (clock_.now() - now->at <= stale_after) return answer(now->well, now->health);
  return answer(false, describe("error", R"({"health":false})"));
}

net::Response Health::live() const {
  const std::int64_t now = clock_.now().time_since_epoch() / 1ms;
  std::vector<std::string> stuck;
  if (clock_.now() - snapshot()->at > stale_after) stuck.push_back("health");
  for (const auto& watched : watched_)
    if (now - *watched->ticked > stale_after.count()) stuck.push_back(watched->name);
  std::string text = stuck.empty() ? R"({"live":true,"stuck":)" : R"({"live":false,"stuck":)";
  append_list(text, stuck);
  text.push_back('}');
  return answer(stuck.empty(), std::make_shared<const std::string>(std::move(text)));
}

net::Response Health::ready() const {
  static const Text draining =
      std::make_shared<const std::string>(R"({"ready":false,"reasons":["draining"]})");
  static const Text hanging = std::make_shared<const std::string>(R"({"ready":false,"reasons":["health"]})");
  if (draining_) return answer(false, draining);
  const auto now = snapshot();
  if (clock_.now() - now->at > stale_after) return answer(false, hanging);
  return answer(now->ready, now->readiness);
}

}  // namespace voxanne::ops
