// /api/admin: what concerns the whole server, for whoever holds OPERATOR_TOKEN.
#include "api/access/accounts.h"
#include "api/json_body.h"
#include "api/routes/endpoints.h"
#include "api/routes/idempotency.h"
#include "api/routes/paging.h"
#include "base/json_fields.h"
#include "base/log.h"
#include "jobs/scheduler.h"
#include "store/job_runs.h"

namespace voxanne::api {
namespace {

void append_run(std::string& out, const store::JobRun& run) {
  append_string(out, R"({"id":)", run.id);
  append_string(out, R"(,"job":)", run.name);
  append_time(out, R"(,"dueAt":)", run.due_at);
  append_flag(out, R"(,"dryRun":)", run.dry_run);
  append_flag(out, R"(,"force":)", run.force);
  append_string(out, R"(,"node":)", run.node);
  append_time(out, R"(,"startedAt":)", run.started_at);
  append_time(out, R"(,"finishedAt":)", run.finished_at);
  append_string(out, R"(,"outcome":)", store::to_string(run.outcome));
  out.append(R"(,"report":)").append(run.report).push_back('}');
}

}  // namespace

Answer list_jobs(Services& services, Context& context) {
  const auto request = page_request(context.request.query);
  if (!request) co_return request.error();
  std::string out = R"({"jobs":[)";
  if (services.jobs)
    for (const auto& job : services.jobs->schedules()) {
      if (out.back() != '[') out.push_back(',');
      append_string(out, R"({"name":)", job.name);
      append_string(out, R"(,"cron":)", job.cron.expression());
      append_time(out, R"(,"nextAt":)", job.cron.next_after(services.clock.utc()));
      out.push_back('}');
    }
  out.append(R"(],"runs":[)");
  const auto page = co_await store::page_of_job_runs(services.store, *request, [&](const store::Row& row) {
    if (out.back() != '[') out.push_back(',');
    append_run(out, store::job_run_from(row));
  });
  if (!page) co_return page.error();
  out.append("],");
  append_pagination(out, *request, *page);
  out.push_back('}');
  co_return net::Response::json(200, std::move(out));
}

Answer create_organization(Services& services, Context& context) {
  const auto body = JsonBody::parse(context.request);
  if (!body) co_return body.error();
  auto name = body->text("name", {.min = 1, .max = 200});
  if (!name) co_return name.error();
  auto email = body->text("ownerEmail", {.min = 3, .max = 254});
  if (!email) co_return email.error();
  auto once = idempotency_key(context.request);
  if (!once) co_return once.error();
  const auto founded =
      co_await services.accounts.found_organization(std::move(*name), std::move(*email), std::move(*once));
  if (!founded) co_return founded.error();
  log::info("organization.created", {{"requestId", context.ids.request_id},
                                     {"traceId", context.ids.trace.trace_id()},
                                     {"orgId", founded->org.str()},
                                     {"by", "operator"}});
  const auto* owner = std::get_if<Accounts::NewOwner>(&founded->owner);
  const auto* invited = std::get_if<Accounts::Invited>(&founded->owner);
  if (invited) services.outward_queued();
  std::string out;
  append_string(out, R"({"orgId":)", founded->org.str());
  append_text(out, R"(,"ownerId":)", owner ? owner->id.str() : "");
  append_text(out, R"(,"password":)", owner ? owner->password.reveal() : "");
  append_text(out, R"(,"invitationLink":)",
              invited ? invitation_link(services, context.request, invited->token) : "");
  out.push_back('}');
  co_return net::Response::json(200, std::move(out));
}

}  // namespace voxanne::api
