#include "store/job_runs.h"

#include "store/find.h"
#include "store/statements.h"
#include "store/values.h"

#include <array>
#include <utility>

namespace voxanne::store {
namespace {

constexpr Statement add_schedule{
    "job_schedules.add",
    "INSERT INTO job_schedules (name, done_until) VALUES (?1, ?2) ON CONFLICT (name) DO NOTHING"};
constexpr Statement one_schedule{
    "job_schedules.one",
    "SELECT done_until, retry_at, run_id, lease_until FROM job_schedules WHERE name = ?1"};
constexpr Statement claim{
    "job_schedules.claim",
    "UPDATE job_schedules SET run_id = ?2, lease_until = ?4 WHERE name = ?1 AND lease_until <= ?3 "
    "AND (?5 IS NULL OR done_until < ?5)"};
constexpr Statement renew{"job_schedules.renew",
                          "UPDATE job_schedules SET lease_until = ?3 WHERE name = ?1 AND run_id = ?2"};
constexpr Statement let_go{"job_schedules.finish",
                           "UPDATE job_schedules SET run_id = '', lease_until = 0, "
                           "done_until = max(done_until, coalesce(?3, 0)), retry_at = coalesce(?4, retry_at) "
                           "WHERE name = ?1 AND run_id = ?2"};

constexpr Statement abandon{"job_runs.abandon",
                            "UPDATE job_runs SET outcome = 'abandoned', finished_at = ?2 "
                            "WHERE name = ?1 AND outcome = 'running'"};
constexpr Statement begin{
    "job_runs.begin",
    "INSERT INTO job_runs (id, name, due_at, dry_run, force, node_id, started_at, outcome) "
    "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'running')"};
constexpr Statement end{"job_runs.finish",
                        "UPDATE job_runs SET outcome = ?2, finished_at = ?3, report = ?4 WHERE id = ?1"};
constexpr Statement newest{
    "job_runs.page",
    "SELECT seq, started_at, id, name, due_at, dry_run, force, node_id, finished_at, outcome, report "
    "FROM job_runs WHERE (started_at, seq) < (?1, ?2) ORDER BY started_at DESC, seq DESC LIMIT ?3 OFFSET ?4"};

JobSchedule schedule_from(const Row& row) {
  return {from_unix_ms(row.integer(0)), from_unix_ms(row.integer(1)), row.str(2),
          from_unix_ms(row.integer(3))};
}

constexpr std::array<std::pair<RunOutcome, std::string_view>, 5> words{
    {{RunOutcome::running, "running"},
     {RunOutcome::done, "done"},
     {RunOutcome::stopped, "stopped"},
     {RunOutcome::failed, "failed"},
     {RunOutcome::abandoned, "abandoned"}}};

}  // namespace

std::string_view to_string(RunOutcome outcome) {
  for (const auto& [value, word] : words)
    if (value == outcome) return word;
  return {};
}

std::optional<RunOutcome> parse_run_outcome(std::string_view text) {
  for (const auto& [value, word] : words)
    if (word == text) return value;
  return std::nullopt;
}

async::Task<Result<JobSchedule>> job_schedule(Store& store, std::string name, UtcTime since) {
  auto found = co_await find_one(store, one_schedule, {name}, schedule_from);
  if (!found) co_return found.error();
  if (!*found) {
    Batch batch;
    batch.add(add_schedule, {name, bound(since)});
    if (const auto added = co_await store.write(std::move(batch)); !added) co_return added.error();
    found = co_await find_one(store, one_schedule, {name}, schedule_from);
    if (!found) co_return found.error();
  }
  co_return std::move(found->value());
}

void claim_run(Batch& batch, const JobRun& run, UtcTime now, UtcTime lease_until) {
  batch.add(claim, {run.name, run.id, bound(now), bound(lease_until), bound(run.due_at)}, 1);
  batch.add(abandon, {run.name, bound(now)});
  batch.add(begin,
            {run.id, run.name, bound(run.due_at), bound(run.dry_run), bound(run.force), run.node,
             bound(run.started_at)},
            1);
}

void renew_run(Batch& batch, const JobRun& run, UtcTime lease_until) {
  batch.add(renew, {run.name, run.id, bound(lease_until)}, 1);
}

void finish_run(Batch& batch, const JobRun& run, std::optional<UtcTime> retry_at) {
  batch.add(let_go,
            {run.name, run.id, bound(retry_at ? std::optional<UtcTime>{} : run.due_at), bound(retry_at)}, 1);
  batch.add(end, {run.id, bound(to_string(run.outcome)), bound(run.finished_at), run.report}, 1);
}

async::Task<Result<PageInfo>> page_of_job_runs(Store& store, PageRequest request, RowVisitor visit) {
  return read_page(store, newest, {}, request, start_of(request), std::move(visit));
}

JobRun job_run_from(const Row& row) {
  return {.id = row.str(2),
          .name = row.str(3),
          .due_at = row.time(4),
          .dry_run = row.integer(5) != 0,
          .force = row.integer(6) != 0,
          .node = row.str(7),
          .started_at = from_unix_ms(row.integer(1)),
          .finished_at = row.time(8),
          .outcome = word_from(row, 9, parse_run_outcome),
          .report = row.str(10)};
}

std::span<const Statement* const> job_run_statements() {
  static constexpr const Statement* all[] = {&add_schedule, &one_schedule, &claim, &renew, &let_go,
                                             &abandon,      &begin,        &end,   &newest};
  return all;
}

}  // namespace voxanne::store
