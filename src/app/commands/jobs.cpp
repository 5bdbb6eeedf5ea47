// `voxanne jobs run NAME`: a scheduled job by hand, beside a running server or without one. What it did is
// printed as JSON, and kept among the job's runs.
#include "app/commands/command.h"
#include "app/secrets.h"
#include "app/server/records.h"
#include "app/server/storage.h"
#include "async/thread.h"
#include "store/journal/segments.h"

#include <iostream>

namespace voxanne::app {
namespace {

struct Options {
  std::string name;
  jobs::RunOptions run;
};

void run_job(CommandLine& line, const Options& options) {
  const auto config = line.configuration();
  if (!config) return;
  if (const auto prepared = prepare_data_dir(config->data_dir); prepared.has_error())
    return line.fail(prepared.error());
  auto store = store::SqliteStore::open({.path = config->database_path().string()});
  if (store.has_error()) return line.fail(store.error());
  {
    async::SystemClock clock;
    async::WorkerPool workers{"jobs", 1};
    async::LoopThread loop{"jobs"};
    const auto objects = object_store(*config, loop.executor(), clock, workers, node_name());
    auto about = cleanup_options(*config, node_name());
    about.records_wait = [&] { return store::holds_segments(config->data_dir / "journal"); };
    housekeeping::Cleanup cleanup{**store, *objects, workers, clock, std::move(about)};
    jobs::Scheduler scheduler{loop.executor(), clock, **store, node_name()};
    scheduler.add("cleanup", jobs::Cron::parse(config->cleanup_cron).value(), cleanup);
    const auto run = async::run_on(loop.executor(), scheduler.run(options.name, options.run));
    if (run.has_error()) {
      line.fail(run.error());
      if (run.error().kind == Fault::not_found) line.exit_code = 2;
    } else {
      std::cout << run->report << '\n';
      if (run->outcome == store::RunOutcome::stopped)
        std::cerr
            << "voxanne: stopped: it would delete more than a twentieth of an organization's recordings, "
               "which the report names. Look why; --force does it all the same.\n";
      if (run->outcome == store::RunOutcome::failed) std::cerr << "voxanne: the job failed, see the report\n";
      line.exit_code = run->outcome == store::RunOutcome::done ? 0 : 1;
    }
    workers.stop();
  }
  (*store)->stop();
}

}  // namespace

void add_jobs(CommandLine& line) {
  auto options = std::make_shared<Options>();
  auto* jobs = line.parser.add_subcommand("jobs", "scheduled jobs");
  jobs->require_subcommand(1);
  auto* command = jobs->add_subcommand("run", "run one now; prints its report, exits 1 unless it is done");
  command->add_option("NAME", options->name, "which: cleanup")->required();
  command->add_flag("--dry-run", options->run.dry_run, "say what would be deleted, and change nothing");
  command->add_flag("--force", options->run.force, "also what a run stops before");
  command->callback([&line, options] { run_job(line, *options); });
}

}  // namespace voxanne::app
