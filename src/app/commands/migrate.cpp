#include "app/commands/command.h"
#include "app/secrets.h"
#include "store/sqlite/sqlite_store.h"

#include <iostream>

namespace voxanne::app {

void add_migrate(CommandLine& line) {
  auto* command = line.parser.add_subcommand("migrate", "bring the database's schema up to date");
  command->callback([&line] {
    const auto config = line.configuration();
    if (!config) return;
    if (const auto prepared = prepare_data_dir(config->data_dir); prepared.has_error())
      return line.fail(prepared.error());
    auto store = store::SqliteStore::open({.path = config->database_path().string()});
    if (store.has_error()) return line.fail(store.error());
    (*store)->stop();
    std::cout << config->database_path().string() << " is up to date\n";
  });
}

}  // namespace voxanne::app
