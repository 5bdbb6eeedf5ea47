// /api/calls: placing calls, one call, its control, transcript and log.
#include "store/calls.h"
#include "api/json_body.h"
#include "api/routes/assistants.h"
#include "api/routes/call_json.h"
#include "api/routes/endpoints.h"
#include "base/e164.h"
#include "base/json_fields.h"
#include "domain/call_json.h"

#include <boost/json/serialize.hpp>

#include <algorithm>
#include <functional>

namespace voxanne::api {
namespace {

constexpr std::size_t max_metadata = 16 * 1024;

Error no_such_call() {
  return not_found("call_not_found", "there is no call of this id; GET /api/calls lists them");
}

template <class IdType>
Result<IdType> id_field(const JsonBody& body, std::string_view field) {
  auto text = body.text(field, {.max = 128});
  if (!text) return text.error();
  if (!is_sane_id(*text))
    return malformed("invalid_field", std::string{field} + " must be an id: letters, digits and . _ : @ + -");
  return IdType{std::move(*text)};
}

Result<std::string> object_field(const JsonBody& body, std::string_view field, std::size_t max) {
  auto object = body.optional_object(field);
  if (!object) return object.error();
  if (!*object) return std::string{"{}"};
  std::string text = boost::json::serialize((*object)->json());
  if (text.size() > max)
    return malformed("invalid_field",
                     std::string{field} + " must be at most " + std::to_string(max) + " bytes of JSON");
  return text;
}

// What may be said of the assistant for one call. Whether it is recorded, and what is announced then, is the
// organization's to say.
Result<std::function<void(domain::Assistant&)>> overrides_field(const JsonBody& body) {
  constexpr std::string_view allowed[] = {"greeting", "goodbye",           "instructions",
                                          "voice",    "idlePromptAfterMs", "maxDuration"};
  auto given = body.optional_object("assistantOverrides");
  if (!given) return given.error();
  if (!*given) return std::function<void(domain::Assistant&)>{};
  for (const auto& field : (*given)->json())
    if (std::ranges::find(allowed, std::string_view{field.key()}) == std::end(allowed))
      return malformed("invalid_field",
                       "assistantOverrides may hold greeting, goodbye, instructions, voice, "
                       "idlePromptAfterMs and maxDuration; of another kind of change make an assistant");
  if (auto tried = changed_assistant({}, **given, false); !tried) return tried.error();
  return std::function<void(domain::Assistant&)>{[given = std::move(**given)](domain::Assistant& assistant) {
    if (auto changed = changed_assistant(assistant, given, false)) assistant = std::move(*changed);
  }};
}

Result<domain::Customer> customer_field(const JsonBody& body) {
  const auto customer = body.object("customer");
  if (!customer) return customer.error();
  const auto number = customer->text("number", {.max = 64});
  if (!number) return number.error();
  auto dialled = to_e164(*number);
  if (!dialled) return malformed(dialled.error().code, "customer.number: " + dialled.error().message);
  auto name = customer->optional_text("name", {.min = 0, .max = 200});
  if (!name) return name.error();
  return domain::Customer{std::move(*dialled), name->value_or("")};
}

Result<calls::PlaceCall> read_place_call(const Context& context) {
  const auto body = JsonBody::parse(context.request);
  if (!body) return body.error();
  auto assistant = id_field<AssistantId>(*body, "assistantId");
  if (!assistant) return assistant.error();
  auto phone_number = id_field<PhoneNumberId>(*body, "phoneNumberId");
  if (!phone_number) return phone_number.error();
  auto customer = customer_field(*body);
  if (!customer) return customer.error();
  auto adapt = overrides_field(*body);
  if (!adapt) return adapt.error();
  auto metadata = object_field(*body, "metadata", max_metadata);
  if (!metadata) return metadata.error();
  return calls::PlaceCall{.org = context.identity.org,
                          .assistant = std::move(*assistant),
                          .phone_number = std::move(*phone_number),
                          .customer = std::move(*customer),
                          .metadata = std::move(*metadata),
                          .adapt = std::move(*adapt),
                          .trace = context.ids.trace};
}

store::CallKey key_of(const Context& context) {
  return {context.identity.org, CallId{context.param("callId")}};
}

async::Task<Result<>> must_exist(Services& services, store::CallKey key) {
  const auto found = co_await store::visit_call(services.store, std::move(key), [](const store::Row&) {});
  if (!found) co_return found.error();
  if (!*found) co_return no_such_call();
  co_return Result<>{};
}

void append_turn(std::string& out, const store::Row& row) { domain::append_turn(out, store::turn_from(row)); }

void append_log_line(std::string& out, const store::Row& row) {
  namespace column = store::log_column;
  append_time(out, R"({"at":)", row.time(column::at));
  append_string(out, R"(,"type":)", row.text(column::type));
  out.append(R"(,"data":)").append(row.text(column::data)).push_back('}');
}

using VisitRows = async::Task<Result<>> (*)(store::Store&, store::CallKey, store::RowVisitor);
using AppendRow = void (*)(std::string&, const store::Row&);

// `{"callId":…, "<name>":[…]}`: what belongs to one call.
Answer list_of_call(Services& services, Context& context, std::string_view name, VisitRows visit,
                    AppendRow append) {
  const auto key = key_of(context);
  if (const auto exists = co_await must_exist(services, key); !exists) co_return exists.error();
  std::string out;
  append_string(out, R"({"callId":)", key.id.str());
  out.append(",\"").append(name).append("\":[");
  bool first = true;
  const auto done = co_await visit(services.store, key, [&](const store::Row& row) {
    if (!first) out.push_back(',');
    first = false;
    append(out, row);
  });
  if (!done) co_return done.error();
  out.append("]}");
  co_return net::Response::json(200, std::move(out));
}

}  // namespace

Answer create_call(Services& services, Context& context) {
  auto request = read_place_call(context);
  if (!request) co_return request.error();
  const auto call = co_await services.calls.place(std::move(*request));
  if (!call) co_return call.error();
  std::string out;
  out.reserve(1024);
  domain::append_call(out, *call);
  co_return net::Response::json(200, std::move(out));
}

Answer get_call(Services& services, Context& context) {
  std::string out;
  const auto found = co_await store::visit_call(services.store, key_of(context),
                                                [&](const store::Row& row) { append_call(out, row); });
  if (!found) co_return found.error();
  if (!*found) co_return no_such_call();
  co_return net::Response::json(200, std::move(out));
}

Answer end_call(Services& services, Context& context) {
  const auto key = key_of(context);
  if (const auto ended = co_await services.calls.end(key.org, key.id); !ended) co_return ended.error();
  co_return co_await get_call(services, context);
}

Answer say_in_call(Services& services, Context& context) {
  const auto body = JsonBody::parse(context.request);
  if (!body) co_return body.error();
  auto text = body->text("text", {.max = 1'000});
  if (!text) co_return text.error();
  const auto key = key_of(context);
  if (const auto said = co_await services.calls.say(key.org, key.id, std::move(*text)); !said)
    co_return said.error();
  co_return net::Response::empty(204);
}

Answer get_transcript(Services& services, Context& context) {
  return list_of_call(services, context, "turns", store::visit_turns, append_turn);
}

Answer get_call_events(Services& services, Context& context) {
  return list_of_call(services, context, "events", store::visit_log, append_log_line);
}

}  // namespace voxanne::api
