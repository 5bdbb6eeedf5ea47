// /api/appointments: who comes when, and whose time it takes. What is booked, changed or cancelled is
// announced in the batch that does it.
#include "store/appointments.h"
#include "api/json_body.h"
#include "api/routes/endpoints.h"
#include "api/routes/paging.h"
#include "domain/records_json.h"
#include "store/contacts.h"
#include "store/webhooks.h"

namespace voxanne::api {
namespace {

using domain::Appointment;
using domain::AppointmentStatus;

Error no_such_appointment() {
  return not_found("appointment_not_found",
                   "there is no appointment of this id; GET /api/appointments lists them");
}

net::Response answer(const Appointment& appointment) {
  std::string out;
  domain::append_appointment(out, appointment);
  return net::Response::json(200, std::move(out));
}

Result<UtcTime> time_of(const JsonBody& body, std::string_view field) {
  const auto text = body.text(field, {.max = 64});
  if (!text) return text.error();
  const auto time = parse_rfc3339(*text);
  if (!time)
    return malformed("invalid_field",
                     std::string{field} + " must be an RFC 3339 time such as 2026-11-23T09:30:00Z");
  return *time;
}

// What the body says, over what the appointment had; `complete`: a new one, which needs staff and times.
Result<Appointment> changed(Appointment appointment, const JsonBody& body, bool complete) {
  struct TextField {
    std::string_view name;
    std::string& value;
    JsonBody::TextRules rules;
    bool required;
  };
  for (const auto& [name, value, rules, required] :
       {TextField{"staff", appointment.staff, {.max = 200}, complete},
        TextField{"service", appointment.service, {.min = 0, .max = 200}, false},
        TextField{"notes", appointment.notes, {.min = 0, .max = 8 * 1024}, false}}) {
    if (!required && !body.has(name)) continue;
    auto text = body.text(name, rules);
    if (!text) return text.error();
    value = std::move(*text);
  }
  for (const auto& [name, time] : {std::pair{std::string_view{"startsAt"}, &appointment.starts_at},
                                   std::pair{std::string_view{"endsAt"}, &appointment.ends_at}}) {
    if (!complete && !body.has(name)) continue;
    const auto parsed = time_of(body, name);
    if (!parsed) return parsed.error();
    *time = *parsed;
  }
  if (body.json().contains("contactId")) {
    auto contact = body.optional_text("contactId", {.min = 0, .max = 128});
    if (!contact) return contact.error();
    appointment.contact = ContactId{std::move(*contact).value_or("")};
  }
  if (!complete && body.has("status")) {
    const auto word = body.text("status", {.max = 16});
    if (!word) return word.error();
    const auto status = domain::parse_appointment_status(*word);
    if (!status)
      return malformed("invalid_field", "status must be one of booked, cancelled, completed, no-show");
    appointment.status = *status;
  }
  if (appointment.ends_at <= appointment.starts_at)
    return Error{Fault::impossible, "appointment_ends_early", "endsAt must be after startsAt"};
  if (appointment.ends_at - appointment.starts_at > Appointment::longest)
    return Error{Fault::impossible, "appointment_too_long", "an appointment takes at most 24 hours"};
  return appointment;
}

void tell(store::Batch& batch, std::string_view type, const Appointment& appointment) {
  std::string data;
  domain::append_appointment(data, appointment);
  store::announce(batch, {.org = appointment.org,
                          .type = type,
                          .data = std::move(data),
                          .at = appointment.updated_at,
                          .call = appointment.call});
}

// Which guard of the batch has failed.
async::Task<Error> why_not(Services& services, Appointment wanted, std::optional<UtcTime> as_of) {
  if (as_of) {
    const auto now = co_await store::find_appointment(services.store, wanted.org, wanted.id);
    if (!now) co_return now.error();
    if (!*now) co_return no_such_appointment();
    if ((*now)->updated_at != *as_of) co_return changed_meanwhile();
  }
  if (!wanted.contact.empty()) {
    const auto contact = co_await store::find_contact(services.store, wanted.org, wanted.contact);
    if (!contact) co_return contact.error();
    if (!*contact)
      co_return Error{Fault::impossible, "contact_not_found",
                      "contactId names no contact of this organization; GET /api/contacts lists them"};
  }
  co_return Error{Fault::conflict, "appointment_overlaps",
                  "the staff member has another appointment in this time; GET "
                  "/api/appointments?staff=…&from=… shows what is booked"};
}

async::Task<Result<>> keep(Services& services, Appointment before, Appointment after) {
  after.updated_at = std::max(services.clock.utc(), before.updated_at + milliseconds{1});
  store::Batch batch;
  store::update_appointment(batch, after, before.updated_at);
  const bool cancelled =
      before.status != AppointmentStatus::cancelled && after.status == AppointmentStatus::cancelled;
  tell(batch, cancelled ? "appointment.cancelled" : "appointment.updated", after);
  const auto written = co_await services.store.write(std::move(batch));
  if (!written && written.error().kind == Fault::conflict)
    co_return co_await why_not(services, after, before.updated_at);
  if (written) services.outward_queued();
  co_return written;
}

}  // namespace

Answer list_appointments(Services& services, Context& context) {
  const auto& query = context.request.query;
  const auto request = page_request(query);
  if (!request) co_return request.error();
  const auto from = time_parameter(query, "from"), to = time_parameter(query, "to");
  if (!from) co_return from.error();
  if (!to) co_return to.error();
  std::string out = R"({"appointments":[)";
  const auto page = co_await store::page_of_appointments(
      services.store, context.identity.org,
      {.from = *from, .to = *to, .staff = std::string{query.get("staff")}}, *request,
      [&](const store::Row& row) {
        if (out.back() != '[') out.push_back(',');
        domain::append_appointment(out, store::appointment_from(row));
      });
  if (!page) co_return page.error();
  out.append("],");
  append_pagination(out, *request, *page);
  out.push_back('}');
  co_return net::Response::json(200, std::move(out));
}

Answer create_appointment(Services& services, Context& context) {
  const auto body = JsonBody::parse(context.request);
  if (!body) co_return body.error();
  Appointment fresh;
  fresh.id = AppointmentId::make();
  fresh.org = context.identity.org;
  fresh.created_at = fresh.updated_at = services.clock.utc();
  const auto appointment = changed(std::move(fresh), *body, true);
  if (!appointment) co_return appointment.error();
  store::Batch batch;
  store::insert_appointment(batch, *appointment);
  tell(batch, "appointment.created", *appointment);
  if (const auto written = co_await services.store.write(std::move(batch)); !written) {
    if (written.error().kind != Fault::conflict) co_return written.error();
    co_return co_await why_not(services, *appointment, std::nullopt);
  }
  services.outward_queued();
  co_return answer(*appointment);
}

Answer get_appointment(Services& services, Context& context) {
  const auto found = co_await store::find_appointment(services.store, context.identity.org,
                                                      AppointmentId{context.param("appointmentId")});
  if (!found) co_return found.error();
  if (!*found) co_return no_such_appointment();
  co_return answer(**found);
}

Answer update_appointment(Services& services, Context& context) {
  const auto body = JsonBody::parse(context.request);
  if (!body) co_return body.error();
  const auto found = co_await store::find_appointment(services.store, context.identity.org,
                                                      AppointmentId{context.param("appointmentId")});
  if (!found) co_return found.error();
  if (!*found) co_return no_such_appointment();
  const auto wanted = changed(**found, *body, false);
  if (!wanted) co_return wanted.error();
  if (const auto kept = co_await keep(services, **found, *wanted); !kept) co_return kept.error();
  co_return co_await get_appointment(services, context);
}

// It stays listed, as cancelled; its time is free.
Answer cancel_appointment(Services& services, Context& context) {
  const auto found = co_await store::find_appointment(services.store, context.identity.org,
                                                      AppointmentId{context.param("appointmentId")});
  if (!found) co_return found.error();
  if (!*found) co_return no_such_appointment();
  if ((*found)->status == AppointmentStatus::cancelled) co_return net::Response::empty();
  Appointment cancelled = **found;
  cancelled.status = AppointmentStatus::cancelled;
  if (const auto kept = co_await keep(services, **found, cancelled); !kept) co_return kept.error();
  co_return net::Response::empty();
}

}  // namespace voxanne::api
