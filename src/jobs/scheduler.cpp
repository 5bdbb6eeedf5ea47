#include "jobs/scheduler.h"

#include "base/ids.h"
#include "base/json_text.h"
#include "base/log.h"
#include "base/unhandled.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>

#include <algorithm>

namespace voxanne::jobs {
namespace {

using store::RunOutcome;

constexpr milliseconds shortest_sleep{250};

std::string report_of(const Error& error) {
  std::string out{R"({"code":)"};
  append_json_string(out, error.code);
  out += R"(,"error":)";
  append_json_string(out, error.message);
  return out + "}";
}

}  // namespace

Scheduler::Scheduler(async::Executor executor, async::Clock& clock, store::Store& store, std::string node,
                     Options options)
    : clock_(clock),
      store_(store),
      node_(std::move(node)),
      options_(options),
      tasks_(executor, "scheduler") {}

void Scheduler::add(std::string name, Cron cron, Job& job) {
  schedules_.push_back({std::move(name), std::move(cron)});
  jobs_.push_back(&job);
}

void Scheduler::start() {
  for (std::size_t job = 0; job < jobs_.size(); ++job) tasks_.spawn(tend(job));
}

async::Task<> Scheduler::tend(std::size_t job) {
  for (;;) {
    const auto sleep = co_await look(job);
    co_await clock_.sleep_for(sleep ? *sleep : options_.poll);
  }
}

async::Task<Result<milliseconds>> Scheduler::look(std::size_t job) {
  const Schedule& about = schedules_[job];
  const auto stands = co_await store::job_schedule(store_, about.name, clock_.utc());
  if (!stands) co_return stands.error();
  const UtcTime now = clock_.utc();
  const UtcTime latest = about.cron.latest_at(now);
  if (latest <= stands->done_until)
    co_return std::clamp<milliseconds>(about.cron.next_after(now) - now, shortest_sleep, options_.poll);
  const UtcTime free_at = std::max(stands->retry_at, stands->lease_until);
  if (now < free_at) co_return std::clamp<milliseconds>(free_at - now, shortest_sleep, options_.poll);
  const auto run = co_await run_claimed(job, {}, latest);
  if (!run && run.error().kind != Fault::conflict) co_return run.error();
  co_return shortest_sleep;
}

async::Task<Result<store::JobRun>> Scheduler::run(std::string name, RunOptions options) {
  const auto found = std::ranges::find(schedules_, name, &Schedule::name);
  if (found == schedules_.end()) {
    std::string known;
    for (const auto& schedule : schedules_) known.append(known.empty() ? "" : ", ").append(schedule.name);
    co_return not_found("job_unknown", "there is no job \"" + name + "\"; there is " + known);
  }
  if (const auto stands = co_await store::job_schedule(store_, name, clock_.utc()); !stands)
    co_return stands.error();
  co_return co_await run_claimed(std::size_t(found - schedules_.begin()), options, std::nullopt);
}

async::Task<Result<store::JobRun>> Scheduler::run_claimed(std::size_t job, RunOptions options,
                                                          std::optional<UtcTime> due_at) {
  using namespace async::asio::experimental::awaitable_operators;
  store::JobRun run{.id = "run_" + make_ulid(),
                    .name = schedules_[job].name,
                    .due_at = due_at,
                    .dry_run = options.dry_run,
                    .force = options.force,
                    .node = node_,
                    .started_at = clock_.utc()};
  store::Batch claim;
  store::claim_run(claim, run, run.started_at, run.started_at + options_.lease);
  if (const auto claimed = co_await store_.write(std::move(claim)); !claimed) {
    if (claimed.error().kind != Fault::conflict) co_return claimed.error();
    co_return Error{Fault::conflict, "job_running",
                    "the job " + run.name +
                        " is running already; GET /api/admin/jobs tells where, and a run "
                        "whose process died gives way within a minute"};
  }
  log::info("job.started", {{"job", run.name}, {"runId", run.id}, {"dryRun", run.dry_run}});

  Result<RunReport> done = Error{};
  std::exception_ptr cancelled;
  try {
    auto either = co_await (run_guarded(job, options, run.id) || keep_lease(run));
    if (auto* finished = std::get_if<0>(&either))
      done = std::move(*finished);
    else
      done = std::get<1>(either).error();
  } catch (const std::exception&) {
    if (!async::is_cancellation(std::current_exception())) throw;
    cancelled = std::current_exception();
    done = unavailable("job_interrupted", "the server was stopped; the next run goes on");
  }
  run.finished_at = clock_.utc();
  run.outcome = !done ? RunOutcome::failed : done->stopped ? RunOutcome::stopped : RunOutcome::done;
  run.report = done ? done->json : report_of(done.error());
  std::optional<UtcTime> retry_at;
  if (!done && due_at) retry_at = *run.finished_at + (cancelled ? milliseconds{0} : options_.retry_after);
  store::Batch finish;
  store::finish_run(finish, run, retry_at);
  // Written down even when the server stops.
  if (cancelled)
    co_await async::asio::this_coro::reset_cancellation_state(async::asio::disable_cancellation());
  const async::Executor executor = co_await async::asio::this_coro::executor;
  const auto kept = co_await async::asio::co_spawn(
      executor, store_.write(std::move(finish)),
      async::asio::bind_cancellation_slot(async::asio::cancellation_slot{}, async::use_task));
  const auto level = run.outcome == RunOutcome::done ? log::Level::info
                     : cancelled                     ? log::Level::warning
                                                     : log::Level::error;
  if (log::enabled(level))
    log::write(level, "job.finished",
               {{"job", run.name},
                {"runId", run.id},
                {"outcome", store::to_string(run.outcome)},
                {"code", done ? std::string_view{} : std::string_view{done.error().code}}});
  if (cancelled) std::rethrow_exception(cancelled);
  if (!kept) co_return kept.error();
  co_return run;
}

// As a result, since `a || b` waits for the other one when one throws.
async::Task<Result<RunReport>> Scheduler::run_guarded(std::size_t job, RunOptions options, std::string run) {
  try {
    co_return co_await jobs_[job]->run(options);
  } catch (const std::exception&) {
    if (async::is_cancellation(std::current_exception())) throw;
    log::unhandled("job.threw", std::current_exception(), {{"job", schedules_[job].name}, {"runId", run}});
  }
  co_return internal("job_threw", "the job ended by an exception, which the log tells");
}

// Ends only when the lease is lost: to another, or because it ran out while the database was away.
async::Task<Result<>> Scheduler::keep_lease(const store::JobRun& run) {
  auto until = clock_.now() + options_.lease;
  for (;;) {
    co_await clock_.sleep_for(options_.lease / 3);
    const auto next = clock_.now() + options_.lease;
    store::Batch batch;
    store::renew_run(batch, run, clock_.utc() + options_.lease);
    const auto renewed = co_await store_.write(std::move(batch));
    if (renewed)
      until = next;
    else if (renewed.error().kind == Fault::conflict || clock_.now() >= until)
      co_return unavailable("job_lease_lost",
                            "another process has taken the job over, or the database is away");
  }
}

}  // namespace voxanne::jobs
