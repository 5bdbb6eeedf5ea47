// /api/assistants: who answers, with which words and limits.
#include "api/routes/assistants.h"
#include "api/routes/endpoints.h"
#include "api/routes/paging.h"
#include "base/json_fields.h"
#include "store/organizations.h"

namespace voxanne::api {
namespace {

Error no_such_assistant() {
  return not_found("assistant_not_found", "there is no assistant of this id; GET /api/assistants lists them");
}

void append_assistant(std::string& out, const domain::Assistant& assistant) {
  append_string(out, R"({"id":)", assistant.id.str());
  append_string(out, R"(,"orgId":)", assistant.org.str());
  append_string(out, R"(,"name":)", assistant.name);
  append_string(out, R"(,"greeting":)", assistant.greeting);
  append_string(out, R"(,"instructions":)", assistant.instructions);
  append_string(out, R"(,"voice":)", assistant.voice);
  append_string(out, R"(,"goodbye":)", assistant.goodbye);
  append_int(out, R"(,"idlePromptAfterMs":)", assistant.idle_prompt_after.count());
  append_int(out, R"(,"maxDuration":)", assistant.max_duration / 1s);
  append_flag(out, R"(,"record":)", assistant.record);
  out.append(R"(,"consentAnnouncement":)");
  if (assistant.own_consent_announcement)
    append_json_string(out, *assistant.own_consent_announcement);
  else
    out.append("null");
  out.push_back('}');
}

net::Response answer(const domain::Assistant& assistant) {
  std::string out;
  append_assistant(out, assistant);
  return net::Response::json(200, std::move(out));
}

}  // namespace

Result<domain::Assistant> changed_assistant(domain::Assistant assistant, const JsonBody& body,
                                            bool complete) {
  struct TextField {
    std::string_view name;
    std::string& value;
    JsonBody::TextRules rules;
    bool required;
  };
  for (const auto& [name, value, rules, required] :
       {TextField{"name", assistant.name, {.max = 200}, complete},
        TextField{"greeting", assistant.greeting, {.max = 1'000}, complete},
        TextField{"instructions", assistant.instructions, {.min = 0, .max = 32 * 1024}, false},
        TextField{"voice", assistant.voice, {.max = 64}, false},
        TextField{"goodbye", assistant.goodbye, {.max = 1'000}, false}}) {
    if (!required && !body.has(name)) continue;
    auto text = body.text(name, rules);
    if (!text) return text.error();
    value = std::move(*text);
  }
  const auto idle = body.integer("idlePromptAfterMs", 2'000, 60'000, assistant.idle_prompt_after.count());
  if (!idle) return idle.error();
  assistant.idle_prompt_after = milliseconds{*idle};
  const auto longest = body.integer("maxDuration", 10, 4 * 3'600, assistant.max_duration / 1s);
  if (!longest) return longest.error();
  assistant.max_duration = seconds{*longest};
  const auto record = body.boolean("record", assistant.record);
  if (!record) return record.error();
  assistant.record = *record;
  if (body.json().contains("consentAnnouncement")) {
    auto announcement = body.optional_text("consentAnnouncement", {.min = 0, .max = 1'000});
    if (!announcement) return announcement.error();
    assistant.own_consent_announcement = std::move(*announcement);
  }
  return assistant;
}

Answer list_assistants(Services& services, Context& context) {
  const auto request = key_page(context.request.query);
  if (!request) co_return request.error();
  const auto all = co_await store::page_of_assistants(services.store, context.identity.org, *request);
  if (!all) co_return all.error();
  std::string out = R"({"assistants":[)";
  for (const auto& assistant : all->items) {
    if (out.back() != '[') out.push_back(',');
    append_assistant(out, assistant);
  }
  out.append("],");
  append_pagination(out, *request, all->next);
  out.push_back('}');
  co_return net::Response::json(200, std::move(out));
}

Answer create_assistant(Services& services, Context& context) {
  const auto body = JsonBody::parse(context.request);
  if (!body) co_return body.error();
  domain::Assistant fresh;
  fresh.id = AssistantId::make();
  fresh.org = context.identity.org;
  auto assistant = changed_assistant(std::move(fresh), *body, true);
  if (!assistant) co_return assistant.error();
  store::Batch batch;
  store::put_assistant(batch, *assistant, services.clock.utc());
  if (const auto written = co_await services.store.write(std::move(batch)); !written)
    co_return written.error();
  if (services.knowledge_changed) services.knowledge_changed(assistant->org);
  co_return answer(*assistant);
}

Answer get_assistant(Services& services, Context& context) {
  const auto found = co_await store::find_assistant(services.store, context.identity.org,
                                                    AssistantId{context.param("assistantId")});
  if (!found) co_return found.error();
  if (!*found) co_return no_such_assistant();
  co_return answer(**found);
}

Answer update_assistant(Services& services, Context& context) {
  const auto body = JsonBody::parse(context.request);
  if (!body) co_return body.error();
  const OrgId org = context.identity.org;
  const AssistantId id{context.param("assistantId")};
  const auto found = co_await store::assistant_for_update(services.store, org, id);
  if (!found) co_return found.error();
  if (!*found) co_return no_such_assistant();
  const domain::Assistant& before = (*found)->value;
  const auto assistant = changed_assistant(before, *body, false);
  if (!assistant) co_return assistant.error();
  store::Batch batch;
  store::update_assistant(batch, *assistant, (*found)->as_of, services.clock.utc());
  if (const auto written = co_await services.store.write(std::move(batch)); !written) {
    if (written.error().kind != Fault::conflict) co_return written.error();
    const auto now = co_await store::find_assistant(services.store, org, id);
    if (!now) co_return now.error();
    co_return *now ? changed_meanwhile() : no_such_assistant();
  }
  if (assistant->name != before.name && services.knowledge_changed) services.knowledge_changed(org);
  co_return answer(*assistant);
}

Answer remove_assistant(Services& services, Context& context) {
  const OrgId org = context.identity.org;
  const AssistantId id{context.param("assistantId")};
  store::Batch batch;
  store::remove_assistant(batch, org, id);
  if (const auto written = co_await services.store.write(std::move(batch)); !written) {
    if (written.error().kind != Fault::conflict) co_return written.error();
    const auto found = co_await store::find_assistant(services.store, org, id);
    if (!found) co_return found.error();
    if (!*found) co_return no_such_assistant();
    co_return Error{Fault::conflict, "assistant_in_use",
                    "phone numbers are answered by this assistant; give them another one, or delete them, "
                    "first (GET /api/phone-numbers)"};
  }
  co_return net::Response::empty();
}

}  // namespace voxanne::api
