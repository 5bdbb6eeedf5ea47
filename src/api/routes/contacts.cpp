// /api/contacts: the people an organization knows. A call from or to a contact's number is its call.
#include "store/contacts.h"
#include "api/access/credentials.h"
#include "api/json_body.h"
#include "api/routes/endpoints.h"
#include "api/routes/erasure.h"
#include "api/routes/paging.h"
#include "base/e164.h"
#include "base/log.h"
#include "domain/records_json.h"
#include "housekeeping/eraser.h"

namespace voxanne::api {
namespace {

Error no_such_contact() {
  return not_found("contact_not_found", "there is no contact of this id; GET /api/contacts lists them");
}

net::Response answer(const domain::Contact& contact) {
  std::string out;
  domain::append_contact(out, contact);
  return net::Response::json(200, std::move(out));
}

// What the body says, over what the contact had; `complete`: a new one, which needs a name.
Result<domain::Contact> changed(domain::Contact contact, const JsonBody& body, bool complete) {
  if (complete || body.json().contains("name")) {
    auto name = body.text("name", {.max = 200});
    if (!name) return name.error();
    contact.name = std::move(*name);
  }
  if (body.json().contains("number")) {
    const auto number = body.optional_text("number", {.min = 0, .max = 64});
    if (!number) return number.error();
    contact.number.clear();
    if (*number && !(*number)->empty()) {
      auto e164 = to_e164(**number);
      if (!e164) return malformed(e164.error().code, "number: " + e164.error().message);
      contact.number = std::move(*e164);
    }
  }
  if (body.json().contains("email")) {
    const auto email = body.optional_text("email", {.min = 0, .max = 254});
    if (!email) return email.error();
    contact.email.clear();
    if (*email && !(*email)->empty()) {
      auto normal = normal_email(**email);
      if (!normal) return malformed("invalid_field", "email must be an address such as name@example.com");
      contact.email = std::move(*normal);
    }
  }
  if (body.json().contains("notes")) {
    auto notes = body.optional_text("notes", {.min = 0, .max = 8 * 1024});
    if (!notes) return notes.error();
    contact.notes = std::move(*notes).value_or("");
  }
  return contact;
}

Error number_taken() {
  return {Fault::conflict, "contact_number_taken",
          "another contact has this number; GET /api/contacts?number=… finds it"};
}

}  // namespace

Answer list_contacts(Services& services, Context& context) {
  const auto request = page_request(context.request.query);
  if (!request) co_return request.error();
  std::string out = R"({"contacts":[)";
  store::PageInfo page;
  if (const std::string* number = context.request.query.find("number"); number && !number->empty()) {
    const auto e164 = to_e164(*number);
    if (!e164) co_return malformed("invalid_parameter", "number: " + e164.error().message);
    const auto found = co_await store::contact_by_number(services.store, context.identity.org, *e164);
    if (!found) co_return found.error();
    page.total = *found ? 1 : 0;
    if (*found) domain::append_contact(out, **found);
  } else {
    const auto read = co_await store::page_of_contacts(
        services.store, context.identity.org, *request, [&](const store::Row& row) {
          if (out.back() != '[') out.push_back(',');
          domain::append_contact(out, store::contact_from(row));
        });
    if (!read) co_return read.error();
    page = *read;
  }
  out.append("],");
  append_pagination(out, *request, page);
  out.push_back('}');
  co_return net::Response::json(200, std::move(out));
}

Answer create_contact(Services& services, Context& context) {
  const auto body = JsonBody::parse(context.request);
  if (!body) co_return body.error();
  domain::Contact fresh;
  fresh.id = ContactId::make();
  fresh.org = context.identity.org;
  fresh.created_at = fresh.updated_at = services.clock.utc();
  const auto contact = changed(std::move(fresh), *body, true);
  if (!contact) co_return contact.error();
  store::Batch batch;
  store::insert_contact(batch, *contact);
  if (const auto written = co_await services.store.write(std::move(batch)); !written) {
    if (written.error().kind == Fault::conflict) co_return number_taken();
    co_return written.error();
  }
  co_return answer(*contact);
}

Answer get_contact(Services& services, Context& context) {
  const auto found = co_await store::find_contact(services.store, context.identity.org,
                                                  ContactId{context.param("contactId")});
  if (!found) co_return found.error();
  if (!*found) co_return no_such_contact();
  co_return answer(**found);
}

Answer update_contact(Services& services, Context& context) {
  const auto body = JsonBody::parse(context.request);
  if (!body) co_return body.error();
  const ContactId id{context.param("contactId")};
  const OrgId org = context.identity.org;
  const auto found = co_await store::find_contact(services.store, org, id);
  if (!found) co_return found.error();
  if (!*found) co_return no_such_contact();
  auto contact = changed(**found, *body, false);
  if (!contact) co_return contact.error();
  contact->updated_at = std::max(services.clock.utc(), (*found)->updated_at + milliseconds{1});
  store::Batch batch;
  store::update_contact(batch, *contact, (*found)->updated_at);
  if (const auto written = co_await services.store.write(std::move(batch)); !written) {
    if (written.error().kind != Fault::conflict) co_return written.error();
    const auto now = co_await store::find_contact(services.store, org, id);
    if (!now) co_return now.error();
    if (!*now) co_return no_such_contact();
    if ((*now)->updated_at == (*found)->updated_at) co_return number_taken();
    co_return changed_meanwhile();
  }
  co_return answer(*contact);
}

namespace {

// With everything that was ever recorded of them.
Answer erase_contact(Services& services, Context& context) {
  if (context.identity.key || context.identity.role != Role::owner)
    co_return Error{Fault::forbidden, "not_allowed", "only an owner may erase what was recorded of a person"};
  if (!services.eraser) co_return not_found("no_erasure", "this server erases nothing");
  const ContactId contact{context.param("contactId")};
  const auto receipt =
      co_await services.eraser->erase_contact(context.identity.org, contact, context.identity.subject);
  if (!receipt) co_return receipt.error();
  log::info("contact.erased", {{"requestId", context.ids.request_id},
                               {"traceId", context.ids.trace.trace_id()},
                               {"orgId", context.identity.org.str()},
                               {"contactId", contact.str()},
                               {"erasureId", receipt->erasure.id}});
  co_return receipt_answer(*receipt);
}

}  // namespace

Answer remove_contact(Services& services, Context& context) {
  const auto erase = yes_or_no(context.request.query, "erase", false);
  if (!erase) co_return erase.error();
  if (*erase) co_return co_await erase_contact(services, context);
  store::Batch batch;
  store::remove_contact(batch, context.identity.org, ContactId{context.param("contactId")});
  if (const auto written = co_await services.store.write(std::move(batch)); !written) {
    if (written.error().kind == Fault::conflict) co_return no_such_contact();
    co_return written.error();
  }
  co_return net::Response::empty();
}

}  // namespace voxanne::api
