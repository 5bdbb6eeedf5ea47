#include "app/server/storage.h"

#include "recordings/file_store.h"
#include "store/sqlite/connection.h"

namespace voxanne::app {
namespace {

constexpr store::Statement any_stored{"storage.any_stored",
                                      "SELECT 1 FROM calls WHERE recording_status = 'stored' LIMIT 1"};

// One that is there and cannot be asked may well know of some.
bool knows_of_recordings(const std::filesystem::path& database) {
  std::error_code none;
  if (!std::filesystem::exists(database, none)) return false;
  auto reader =
      store::Connection::open(database.string(), store::Connection::Mode::reader, milliseconds{1'000});
  if (!reader) return true;
  bool any = false;
  const auto asked = reader->run(any_stored, {}, [&](const store::Row&) { any = true; });
  return any || !asked;
}

}  // namespace

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

recordings::Place recordings_place(const Config& config) {
  return {.directory = config.recordings_path(),
          .known = config.data_dir / "storage.known",
          .in_use = [database = config.database_path()] { return knows_of_recordings(database); }};
}

std::unique_ptr<recordings::ObjectStore> object_store(const Config& config, async::Executor executor,
                                                      async::Clock& clock, async::WorkerPool& workers,
                                                      std::string node) {
  if (auto options = s3_options(config))
    return std::make_unique<recordings::s3::S3Store>(executor, clock, workers, std::move(node),
                                                     std::move(*options));
  return std::make_unique<recordings::FileStore>(recordings_place(config), workers);
}

std::string recordings_origin(const Config& config) {
  const auto options = s3_options(config);
  if (!options) return {};
  const auto url = net::parse_url(options->endpoint);
  return url ? url->origin() : std::string{};
}

}  // namespace voxanne::app
