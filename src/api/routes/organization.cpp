// /api/organization: the settings of the asker's own.
#include "api/json_body.h"
#include "api/routes/endpoints.h"
#include "base/json_fields.h"
#include "store/organizations.h"

namespace voxanne::api {
namespace {

constexpr std::int64_t most_days = 36'500;

void append_days(std::string& out, std::string_view key, const std::optional<int>& days) {
  append_int(out, key, days ? std::optional<std::int64_t>{*days} : std::nullopt);
}

net::Response answer(const domain::Organization& organization) {
  std::string out;
  append_string(out, R"({"id":)", organization.id.str());
  append_string(out, R"(,"name":)", organization.name);
  append_string(out, R"(,"timezone":)", organization.timezone);
  append_int(out, R"(,"maxConcurrentCalls":)", organization.max_concurrent_calls);
  append_days(out, R"(,"recordingRetentionDays":)", organization.recording_retention_days);
  append_days(out, R"(,"callRetentionDays":)", organization.call_retention_days);
  append_string(out, R"(,"consentAnnouncement":)", organization.consent_announcement);
  out.push_back('}');
  return net::Response::json(200, std::move(out));
}

async::Task<Result<domain::Organization>> find(Services& services, const Context& context) {
  auto found = co_await store::find_organization(services.store, context.identity.org);
  if (!found) co_return found.error();
  if (!*found) co_return not_found("organization_not_found", "this organization has no settings yet");
  co_return std::move(**found);
}

// null is no limit of the organization's own.
Result<> change_days(const JsonBody& body, std::string_view name, std::optional<int>& days) {
  if (!body.json().contains(name)) return {};
  days.reset();
  if (!body.has(name)) return {};
  const auto number = body.integer(name, 1, most_days);
  if (!number) return number.error();
  days = static_cast<int>(*number);
  return {};
}

Result<> change(const JsonBody& body, domain::Organization& organization) {
  struct TextField {
    std::string_view name;
    std::string& value;
    JsonBody::TextRules rules;
  };
  for (const auto& [name, value, rules] :
       {TextField{"name", organization.name, {.max = 200}},
        TextField{"consentAnnouncement", organization.consent_announcement, {.min = 0, .max = 1'000}}}) {
    if (!body.has(name)) continue;
    auto text = body.text(name, rules);
    if (!text) return text.error();
    value = std::move(*text);
  }
  const auto calls = body.integer("maxConcurrentCalls", 0, 100'000, organization.max_concurrent_calls);
  if (!calls) return calls.error();
  organization.max_concurrent_calls = static_cast<int>(*calls);
  if (auto done = change_days(body, "recordingRetentionDays", organization.recording_retention_days); !done)
    return done;
  return change_days(body, "callRetentionDays", organization.call_retention_days);
}

}  // namespace

Answer get_organization(Services& services, Context& context) {
  const auto organization = co_await find(services, context);
  if (!organization) co_return organization.error();
  co_return answer(*organization);
}

Answer update_organization(Services& services, Context& context) {
  const auto body = JsonBody::parse(context.request);
  if (!body) co_return body.error();
  auto organization = co_await find(services, context);
  if (!organization) co_return organization.error();
  if (auto changed = change(*body, *organization); !changed) co_return changed.error();
  store::Batch batch;
  store::put_organization(batch, *organization, services.clock.utc());
  if (const auto written = co_await services.store.write(std::move(batch)); !written)
    co_return written.error();
  co_return answer(*organization);
}

}  // namespace voxanne::api
