// /api/organization: the settings of the asker's own.
#include "api/access/credentials.h"
#include "api/json_body.h"
#include "api/routes/endpoints.h"
#include "base/json_fields.h"
#include "store/mails.h"
#include "store/organizations.h"

#include <algorithm>
#include <filesystem>

namespace voxanne::api {
namespace {

constexpr std::size_t max_recipients = 20;
constexpr std::int64_t most_days = 36'500;

// A name of the IANA time zone database.
bool is_timezone(const std::string& name) {
  const auto fits = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '+' || c == '/';
  };
  if (name.empty() || name.size() > 64 || name.front() == '/' || !std::ranges::all_of(name, fits))
    return false;
  if (name == "UTC") return true;
  static const std::filesystem::path zones = "/usr/share/zoneinfo";
  std::error_code unreadable;
  return std::filesystem::is_regular_file(zones / name, unreadable);
}

Result<std::optional<std::vector<std::string>>> recipients_in(const JsonBody& body) {
  const auto* value = body.json().if_contains("messageRecipients");
  if (!value) return std::optional<std::vector<std::string>>{};
  const auto wrong =
      malformed("invalid_field",
                "messageRecipients must be a list of at most 20 e-mail addresses; an empty one "
                "means the owners");
  const auto* list = value->if_array();
  if (!list || list->size() > max_recipients) return wrong;
  std::vector<std::string> emails;
  for (const auto& item : *list) {
    const auto* text = item.if_string();
    if (!text) return wrong;
    auto email = mailable_email({text->data(), text->size()});
    if (!email) return malformed("invalid_field", "each of messageRecipients " + std::string{mailable_rule});
    if (std::ranges::find(emails, *email) == emails.end()) emails.push_back(std::move(*email));
  }
  return std::optional{std::move(emails)};
}

void append_days(std::string& out, std::string_view key, const std::optional<int>& days) {
  append_int(out, key, days ? std::optional<std::int64_t>{*days} : std::nullopt);
}

net::Response answer(const domain::Organization& organization, const std::vector<std::string>& recipients) {
  std::string out;
  append_string(out, R"({"id":)", organization.id.str());
  append_string(out, R"(,"name":)", organization.name);
  append_string(out, R"(,"timezone":)", organization.timezone);
  append_int(out, R"(,"maxConcurrentCalls":)", organization.max_concurrent_calls);
  append_days(out, R"(,"recordingRetentionDays":)", organization.recording_retention_days);
  append_days(out, R"(,"callRetentionDays":)", organization.call_retention_days);
  append_string(out, R"(,"consentAnnouncement":)", organization.consent_announcement);
  out.append(R"(,"messageRecipients":[)");
  for (const auto& email : recipients) {
    if (out.back() != '[') out.push_back(',');
    append_json_string(out, email);
  }
  out.append("]}");
  return net::Response::json(200, std::move(out));
}

using Found = store::AsOf<domain::Organization>;

async::Task<Result<Found>> find(Services& services, const Context& context) {
  auto found = co_await store::organization_for_update(services.store, context.identity.org);
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
  if (body.has("timezone")) {
    auto timezone = body.text("timezone", {.max = 64});
    if (!timezone) return timezone.error();
    if (!is_timezone(*timezone))
      return malformed("invalid_field", "timezone must be a name such as Europe/London or UTC");
    organization.timezone = std::move(*timezone);
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
  const auto found = co_await find(services, context);
  if (!found) co_return found.error();
  const auto recipients = co_await store::message_recipients(services.store, found->value.id);
  if (!recipients) co_return recipients.error();
  co_return answer(found->value, *recipients);
}

Answer update_organization(Services& services, Context& context) {
  const auto body = JsonBody::parse(context.request);
  if (!body) co_return body.error();
  const auto found = co_await find(services, context);
  if (!found) co_return found.error();
  domain::Organization organization = found->value;
  if (auto changed = change(*body, organization); !changed) co_return changed.error();
  const auto recipients = recipients_in(*body);
  if (!recipients) co_return recipients.error();
  store::Batch batch;
  store::update_organization(batch, organization, found->as_of, services.clock.utc());
  if (*recipients) store::set_message_recipients(batch, organization.id, **recipients);
  if (const auto written = co_await services.store.write(std::move(batch)); !written) {
    if (written.error().kind != Fault::conflict) co_return written.error();
    const auto now = co_await find(services, context);
    co_return now ? changed_meanwhile() : now.error();
  }
  if (organization.name != found->value.name && services.knowledge_changed)
    services.knowledge_changed(organization.id);
  co_return co_await get_organization(services, context);
}

}  // namespace voxanne::api
