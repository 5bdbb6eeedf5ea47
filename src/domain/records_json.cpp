#include "domain/records_json.h"

#include "base/json_fields.h"

namespace voxanne::domain {

void append_message(std::string& out, const Message& message) {
  append_string(out, R"({"id":)", message.id.str());
  append_string(out, R"(,"orgId":)", message.org.str());
  append_text(out, R"(,"callId":)", message.call.str());
  append_text(out, R"(,"caller":{"name":)", message.caller_name);
  append_text(out, R"(,"number":)", message.number);
  append_string(out, R"(},"text":)", message.text);
  append_string(out, R"(,"urgency":)", message.urgency);
  append_text(out, R"(,"handledBy":)", message.handled_by);
  append_time(out, R"(,"handledAt":)", message.handled_at);
  append_time(out, R"(,"createdAt":)", message.created_at);
  out.push_back('}');
}

void append_contact(std::string& out, const Contact& contact) {
  append_string(out, R"({"id":)", contact.id.str());
  append_string(out, R"(,"orgId":)", contact.org.str());
  append_string(out, R"(,"name":)", contact.name);
  append_text(out, R"(,"number":)", contact.number);
  append_text(out, R"(,"email":)", contact.email);
  append_string(out, R"(,"notes":)", contact.notes);
  append_time(out, R"(,"lastCallAt":)", contact.last_call_at);
  append_time(out, R"(,"createdAt":)", contact.created_at);
  append_time(out, R"(,"updatedAt":)", contact.updated_at);
  out.push_back('}');
}

void append_appointment(std::string& out, const Appointment& appointment) {
  append_string(out, R"({"id":)", appointment.id.str());
  append_string(out, R"(,"orgId":)", appointment.org.str());
  append_text(out, R"(,"contactId":)", appointment.contact.str());
  append_text(out, R"(,"callId":)", appointment.call.str());
  append_string(out, R"(,"staff":)", appointment.staff);
  append_string(out, R"(,"service":)", appointment.service);
  append_time(out, R"(,"startsAt":)", appointment.starts_at);
  append_time(out, R"(,"endsAt":)", appointment.ends_at);
  append_string(out, R"(,"status":)", to_string(appointment.status));
  append_string(out, R"(,"notes":)", appointment.notes);
  append_time(out, R"(,"createdAt":)", appointment.created_at);
  append_time(out, R"(,"updatedAt":)", appointment.updated_at);
  out.push_back('}');
}

}  // namespace voxanne::domain
