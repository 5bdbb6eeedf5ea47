// The endpoints that routes.cpp declares, one source file per resource. Each answers for the
// identity's organization only: another one's id is 404, as is an unknown one.
#pragma once

#include "api/routes/routes.h"

namespace voxanne::api {

// The configured address, else the one under which the server was just asked.
std::string public_address(const Services& services, const net::Request& request);
// Empty without a token: it is mailed.
std::string invitation_link(const Services& services, const net::Request& request, const Secret& token);

// A change that was made of what has changed since it was read.
inline Error changed_meanwhile() {
  return {Fault::conflict, "changed_meanwhile",
          "somebody else has changed it meanwhile; read it and try again"};
}

using Answer = async::Task<Result<net::Response>>;

// calls.cpp
Answer create_call(Services&, Context&);
Answer get_call(Services&, Context&);
Answer end_call(Services&, Context&);
Answer erase_call(Services&, Context&);
Answer list_erasures(Services&, Context&);
Answer get_erasure(Services&, Context&);
Answer say_in_call(Services&, Context&);
Answer get_transcript(Services&, Context&);
Answer get_call_events(Services&, Context&);
// recordings.cpp
Answer get_recording(Services&, Context&);
Answer get_stored(Services&, Context&);
Answer requeue_recording(Services&, Context&);
// knowledge.cpp
Answer upload_document(Services&, Context&);
Answer list_documents(Services&, Context&);
Answer get_document(Services&, Context&);
Answer rename_document(Services&, Context&);
Answer erase_document(Services&, Context&);
Answer search_knowledge(Services&, Context&);
Answer list_gaps(Services&, Context&);
Answer answer_gap(Services&, Context&);
// dashboard.cpp
Answer list_calls(Services&, Context&);
Answer get_stats(Services&, Context&);
// assistants.cpp
Answer list_assistants(Services&, Context&);
Answer create_assistant(Services&, Context&);
Answer get_assistant(Services&, Context&);
Answer update_assistant(Services&, Context&);
Answer remove_assistant(Services&, Context&);
// phone_numbers.cpp
Answer list_phone_numbers(Services&, Context&);
Answer create_phone_number(Services&, Context&);
Answer get_phone_number(Services&, Context&);
Answer update_phone_number(Services&, Context&);
Answer remove_phone_number(Services&, Context&);
// contacts.cpp
Answer list_contacts(Services&, Context&);
Answer create_contact(Services&, Context&);
Answer get_contact(Services&, Context&);
Answer update_contact(Services&, Context&);
Answer remove_contact(Services&, Context&);
// appointments.cpp
Answer list_appointments(Services&, Context&);
Answer create_appointment(Services&, Context&);
Answer get_appointment(Services&, Context&);
Answer update_appointment(Services&, Context&);
Answer cancel_appointment(Services&, Context&);
// webhooks.cpp
Answer list_webhooks(Services&, Context&);
Answer create_webhook(Services&, Context&);
Answer get_webhook(Services&, Context&);
Answer update_webhook(Services&, Context&);
Answer remove_webhook(Services&, Context&);
Answer rotate_webhook_secret(Services&, Context&);
Answer list_webhook_deliveries(Services&, Context&);
Answer replay_webhook_delivery(Services&, Context&);
// organization.cpp
Answer get_organization(Services&, Context&);
Answer update_organization(Services&, Context&);
// messages.cpp
Answer list_messages(Services&, Context&);
Answer get_message(Services&, Context&);
Answer update_message(Services&, Context&);
// login.cpp
Answer log_in(Services&, Context&);
Answer refresh_login(Services&, Context&);
Answer log_out(Services&, Context&);
Answer accept_invitation(Services&, Context&);
Answer change_password(Services&, Context&);
Answer get_me(Services&, Context&);
// members.cpp
Answer list_members(Services&, Context&);
Answer update_member(Services&, Context&);
Answer remove_member(Services&, Context&);
Answer list_invitations(Services&, Context&);
Answer invite_member(Services&, Context&);
Answer withdraw_invitation(Services&, Context&);
// api_keys.cpp
Answer list_api_keys(Services&, Context&);
Answer create_api_key(Services&, Context&);
Answer get_api_key(Services&, Context&);
Answer revoke_api_key(Services&, Context&);
// admin.cpp
Answer create_organization(Services&, Context&);
Answer list_jobs(Services&, Context&);
// health.cpp
Answer get_health(Services&, Context&);
Answer get_live(Services&, Context&);
Answer get_ready(Services&, Context&);
Answer get_metrics(Services&, Context&);
Answer raise_test_error(Services&, Context&);
// page.cpp
Answer get_page(Services&, Context&);
Answer get_asset(Services&, Context&);
Answer get_docs(Services&, Context&);
// openapi.cpp
Answer get_openapi(Services&, Context&);
// sockets.cpp
Answer live_calls(Services&, Context&);
Answer web_call(Services&, Context&);

}  // namespace voxanne::api
