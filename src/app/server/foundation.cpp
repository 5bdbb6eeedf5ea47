#include "app/server/foundation.h"

#include "app/secrets.h"
#include "base/log.h"

#include <unistd.h>

#include <algorithm>
#include <thread>

namespace voxanne::app {

std::string node_name() {
  char name[256] = "node";
  gethostname(name, sizeof name - 1);
  return name;
}

Foundation::Foundation(Config c, std::string p)
    : config(std::move(c)),
      program(std::move(p)),
      cores(std::max(1u, std::thread::hardware_concurrency())),
      holder{.node = node_name(), .boot = make_ulid()},
      workers("workers", cores),
      documents("documents", std::min(cores, 2u)),
      voicing("voicing", cores) {}

Result<Secret> Foundation::start() {
  for (const std::string& warning : config.warnings) log::warning("config.warning", {{"setting", warning}});
  if (auto prepared = prepare_data_dir(config.data_dir); prepared.has_error()) return prepared.error();
  auto locked = LockFile::acquire(config.data_dir / "lock");
  if (locked.has_error()) return locked.error();
  lock.emplace(std::move(*locked));
  start_tracker();
  auto root = root_secret(config);
  if (root.has_error()) return root;
  for (unsigned i = 0; i < cores; ++i) {
    web.push_back(std::make_unique<async::LoopThread>("web" + std::to_string(i)));
    media.push_back(std::make_unique<media::Shard>("media" + std::to_string(i)));
  }
  return root;
}

void Foundation::start_tracker() {
  std::optional<ops::sentry::Dsn> dsn;
  if (!config.sentry_dsn.empty()) dsn = ops::sentry::parse_dsn(config.sentry_dsn.reveal()).value();
  tracker.emplace(ops::sentry::Client::Options{
      .dsn = std::move(dsn),
      .release = config.sentry_release.empty() ? "voxanne@" VOXANNE_VERSION : config.sentry_release,
      .environment = std::string{to_string(config.environment)},
      .server_name = holder.node,
      .traces_sample_rate = config.sentry_traces_sample_rate,
      .directory = config.data_dir / "crash"});
  tracker->start();
}

void Foundation::stop_tracker() {
  constexpr milliseconds to_tell{2'000};
  if (tracker) tracker->stop(to_tell);
}

void Foundation::stop_shards() {
  for (const auto& shard : media) shard->stop();
  for (const auto& thread : web) thread->stop();
}

std::vector<async::Executor> Foundation::web_executors() const {
  std::vector<async::Executor> out;
  for (const auto& thread : web) out.push_back(thread->executor());
  return out;
}

std::vector<async::Executor> Foundation::media_executors() const {
  std::vector<async::Executor> out;
  for (const auto& shard : media) out.push_back(shard->executor());
  return out;
}

std::vector<media::Shard*> Foundation::media_shards() const {
  std::vector<media::Shard*> out;
  for (const auto& shard : media) out.push_back(shard.get());
  return out;
}

}  // namespace voxanne::app
