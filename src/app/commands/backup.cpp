// `voxanne backup FILE`, beside a running server or without one, and `voxanne restore FILE`, into a data
// directory that holds nothing yet and that no server uses.
#include "backup/backup.h"
#include "app/commands/command.h"
#include "app/lock_file.h"
#include "app/secrets.h"
#include "app/server/foundation.h"
#include "app/server/storage.h"
#include "async/thread.h"

#include <iostream>

namespace voxanne::app {
namespace {

using Work = std::function<async::Task<Result<backup::Contents>>(recordings::ObjectStore&)>;

// Opens the store of recordings, lets `work` use it, and says what came of it.
std::optional<backup::Contents> with_objects(CommandLine& line, const Config& config, const char* what,
                                             const Work& work) {
  async::WorkerPool workers{"backup", 1};
  async::LoopThread loop{"backup", 10};
  async::SystemClock clock;
  const auto objects = object_store(config, loop.executor(), clock, workers, node_name());
  auto done = async::run_on(loop.executor(), work(*objects));
  workers.stop();
  if (done.has_error()) {
    line.fail(done.error());
    return std::nullopt;
  }
  std::cout << what << ": database, " << done->recordings << " stored recordings, " << done->spooled
            << " that are not stored yet" << (done->secret ? ", secret key" : "") << '\n';
  return std::move(*done);
}

// The rest is worth having; whoever throws older backups away is to know.
Error incomplete(const std::filesystem::path& file, const std::vector<std::string>& missing) {
  return not_found("recordings_missing",
                   file.string() + " is made, without " + std::to_string(missing.size()) +
                       " of the recordings that the database has as stored: they are not in the object "
                       "store (one is " +
                       missing.front() + "). Is STORAGE_URL right, or DATA_DIR, and its disk mounted?");
}

backup::Places places(const Config& config) { return {config.data_dir, config.database_path()}; }

void back_up(CommandLine& line, const std::filesystem::path& file) {
  const auto config = line.configuration();
  if (!config) return;
  const auto made = with_objects(line, *config, "backed up", [&](recordings::ObjectStore& objects) {
    return backup::back_up(places(*config), objects, config->secret_key.empty(), std::string{version()},
                           file);
  });
  if (!made) return;
  if (made->secret)
    std::cerr << "The backup holds the server's secret key: keep it as safe as the server itself.\n";
  if (!made->missing.empty()) line.fail(incomplete(file, made->missing));
}

void restore(CommandLine& line, const std::filesystem::path& file) {
  const auto config = line.configuration();
  if (!config) return;
  if (const auto prepared = prepare_data_dir(config->data_dir); prepared.has_error())
    return line.fail(prepared.error());
  const auto lock = LockFile::acquire(config->data_dir / "lock");
  if (lock.has_error()) return line.fail(lock.error());
  with_objects(line, *config, "restored", [&](recordings::ObjectStore& objects) {
    return backup::restore(file, places(*config), objects, config->secret_key.empty(), node_name());
  });
}

void add(CommandLine& line, const char* name, const char* meaning,
         void (*run)(CommandLine&, const std::filesystem::path&)) {
  auto file = std::make_shared<std::filesystem::path>();
  auto* command = line.parser.add_subcommand(name, meaning);
  command->add_option("FILE", *file, "a tar file")->required();
  command->callback([&line, file, run] { run(line, *file); });
}

}  // namespace

void add_backup(CommandLine& line) {
  add(line, "backup", "copy database and recordings into FILE, also while the server runs", back_up);
}

void add_restore(CommandLine& line) {
  add(line, "restore", "put a backup back into an empty DATA_DIR", restore);
}

}  // namespace voxanne::app
