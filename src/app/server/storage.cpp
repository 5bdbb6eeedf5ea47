#include "app/server/storage.h"

#include "recordings/file_store.h"

namespace voxanne::app {

std::optional<recordings::s3::Options> s3_options(const Config& config) {
  if (!config.stores_in_s3()) return std::nullopt;
  const std::string place = config.storage_url.substr(5);
  const auto slash = std::min(place.find('/'), place.size());
  recordings::s3::Options options;
  options.region = config.s3_region.empty() ? "us-east-1" : config.s3_region;
  options.endpoint =
      config.s3_endpoint.empty() ? "https://s3." + options.region + ".amazonaws.com" : config.s3_endpoint;
  options.bucket = place.substr(0, slash);
  // A bucket may hold other things: what is listed and removed is never outside of our own prefix.
  options.prefix = (slash == place.size() ? "voxanne" : place.substr(slash + 1)) + "/";
  options.access_key_id = config.s3_access_key_id;
  options.secret_access_key = config.s3_secret_access_key;
  return options;
}

std::unique_ptr<recordings::ObjectStore> object_store(const Config& config, async::Executor executor,
                                                      async::Clock& clock, async::WorkerPool& workers,
                                                      std::string node) {
  if (auto options = s3_options(config))
    return std::make_unique<recordings::s3::S3Store>(executor, clock, workers, std::move(node),
                                                     std::move(*options));
  return std::make_unique<recordings::FileStore>(config.recordings_path(), workers);
}

std::string recordings_origin(const Config& config) {
  const auto options = s3_options(config);
  if (!options) return {};
  const auto url = net::parse_url(options->endpoint);
  return url ? url->origin() : std::string{};
}

}  // namespace voxanne::app
