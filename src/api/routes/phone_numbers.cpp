// /api/phone-numbers: which number is answered by whom, and through which carrier it dials.
#include "api/json_body.h"
#include "api/routes/endpoints.h"
#include "api/routes/paging.h"
#include "base/e164.h"
#include "base/json_fields.h"
#include "store/organizations.h"

namespace voxanne::api {
namespace {

Error no_such_number() {
  return not_found("phone_number_not_found",
                   "there is no phone number of this id; GET /api/phone-numbers lists them");
}

void append_phone_number(std::string& out, const domain::PhoneNumber& number) {
  append_string(out, R"({"id":)", number.id.str());
  append_string(out, R"(,"orgId":)", number.org.str());
  append_text(out, R"(,"number":)", number.number);
  append_text(out, R"(,"assistantId":)", number.assistant.str());
  append_string(out, R"(,"carrier":)", to_string(number.carrier));
  out.push_back('}');
}

net::Response answer(const domain::PhoneNumber& number) {
  std::string out;
  append_phone_number(out, number);
  return net::Response::json(200, std::move(out));
}

Result<domain::PhoneNumber> changed(domain::PhoneNumber number, const JsonBody& body, bool complete) {
  const auto carrier = body.optional_text("carrier");
  if (!carrier) return carrier.error();
  if (*carrier) {
    const auto known = domain::parse_carrier(**carrier);
    if (!known) return malformed("invalid_field", "carrier must be one of sip, twilio, vapi, builtin");
    number.carrier = *known;
  }
  const bool needs_number = complete && number.carrier != domain::PhoneNumber::Carrier::builtin;
  if (needs_number || body.has("number")) {
    const auto text = body.text("number", {.max = 64});
    if (!text) return text.error();
    auto e164 = to_e164(*text);
    if (!e164) return malformed(e164.error().code, "number: " + e164.error().message);
    number.number = std::move(*e164);
  }
  if (complete || body.has("assistantId")) {
    auto assistant = body.text("assistantId", {.max = 128});
    if (!assistant) return assistant.error();
    number.assistant = AssistantId{std::move(*assistant)};
  }
  return number;
}

Error no_such_assistant() {
  return {Fault::impossible, "assistant_not_found",
          "assistantId names no assistant of this organization; GET /api/assistants lists them"};
}

// Why a number was not kept; nullopt where it is not as it was read.
std::optional<Error> refusal_in(const Error& error) {
  if (error.kind != Fault::conflict) return error;
  if (error.code == "already_exists")
    return Error{Fault::conflict, "phone_number_taken",
                 "number is in use already; each is answered by one assistant"};
  if (error.code == "reference_missing") return no_such_assistant();
  return std::nullopt;
}

}  // namespace

Answer list_phone_numbers(Services& services, Context& context) {
  const auto request = key_page(context.request.query);
  if (!request) co_return request.error();
  const auto all = co_await store::page_of_phone_numbers(services.store, context.identity.org, *request);
  if (!all) co_return all.error();
  std::string out = R"({"phoneNumbers":[)";
  for (const auto& number : all->items) {
    if (out.back() != '[') out.push_back(',');
    append_phone_number(out, number);
  }
  out.append("],");
  append_pagination(out, *request, all->next);
  out.push_back('}');
  co_return net::Response::json(200, std::move(out));
}

Answer create_phone_number(Services& services, Context& context) {
  const auto body = JsonBody::parse(context.request);
  if (!body) co_return body.error();
  domain::PhoneNumber fresh;
  fresh.id = PhoneNumberId::make();
  fresh.org = context.identity.org;
  auto number = changed(std::move(fresh), *body, true);
  if (!number) co_return number.error();
  store::Batch batch;
  store::put_phone_number(batch, *number, services.clock.utc());
  if (const auto written = co_await services.store.write(std::move(batch)); !written)
    co_return refusal_in(written.error()).value_or(written.error());
  co_return answer(*number);
}

Answer get_phone_number(Services& services, Context& context) {
  const auto found = co_await store::find_phone_number(services.store, context.identity.org,
                                                       PhoneNumberId{context.param("phoneNumberId")});
  if (!found) co_return found.error();
  if (!*found) co_return no_such_number();
  co_return answer(**found);
}

Answer update_phone_number(Services& services, Context& context) {
  const auto body = JsonBody::parse(context.request);
  if (!body) co_return body.error();
  const OrgId org = context.identity.org;
  const PhoneNumberId id{context.param("phoneNumberId")};
  const auto found = co_await store::phone_number_for_update(services.store, org, id);
  if (!found) co_return found.error();
  if (!*found) co_return no_such_number();
  const auto number = changed((*found)->value, *body, false);
  if (!number) co_return number.error();
  store::Batch batch;
  store::update_phone_number(batch, *number, (*found)->as_of, services.clock.utc());
  if (const auto written = co_await services.store.write(std::move(batch)); !written) {
    if (const auto refusal = refusal_in(written.error())) co_return *refusal;
    const auto now = co_await store::find_phone_number(services.store, org, id);
    if (!now) co_return now.error();
    co_return *now ? changed_meanwhile() : no_such_number();
  }
  co_return answer(*number);
}

Answer remove_phone_number(Services& services, Context& context) {
  store::Batch batch;
  store::remove_phone_number(batch, context.identity.org, PhoneNumberId{context.param("phoneNumberId")});
  if (const auto written = co_await services.store.write(std::move(batch)); !written) {
    if (written.error().kind == Fault::conflict) co_return no_such_number();
    co_return written.error();
  }
  co_return net::Response::empty();
}

}  // namespace voxanne::api
