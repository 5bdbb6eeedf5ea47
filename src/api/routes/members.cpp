// /api/members: who belongs to the organization, and who is invited to. The owners' business. An
// invitation's link is mailed; without a mail server it is shown once, in the answer that makes it.
#include "api/access/accounts.h"
#include "api/json_body.h"
#include "api/routes/endpoints.h"
#include "api/routes/paging.h"
#include "base/json_fields.h"
#include "base/log.h"

namespace voxanne::api {
namespace {

Error no_such_member() {
  return not_found("member_not_found", "there is no member of this id; GET /api/members lists them");
}
Error last_owner() {
  return {Fault::conflict, "last_owner", "an organization keeps at least one owner; make another one first"};
}

Result<Role> role_of(const JsonBody& body) {
  const auto text = body.text("role", {.min = 1, .max = 16});
  if (!text) return text.error();
  const auto role = parse_role(*text);
  if (!role) return malformed("invalid_field", "role must be one of owner, manager, viewer");
  return *role;
}

void append_member(std::string& out, const store::Member& member) {
  append_string(out, R"({"id":)", member.subject);
  append_string(out, R"(,"role":)", member.role);
  append_text(out, R"(,"email":)", member.email);
  append_text(out, R"(,"name":)", member.name);
  append_string(out, R"(,"createdAt":)", to_rfc3339(member.created_at));
  out.push_back('}');
}

void append_invitation(std::string& out, const store::Invitation& invitation) {
  append_string(out, R"({"id":)", invitation.id.str());
  append_string(out, R"(,"email":)", invitation.email);
  append_string(out, R"(,"role":)", invitation.role);
  append_string(out, R"(,"createdAt":)", to_rfc3339(invitation.created_at));
  append_string(out, R"(,"expiresAt":)", to_rfc3339(invitation.expires_at));
}

// After a batch of which the guards failed: is it that there is none, or that it is the last owner?
async::Task<Error> why_not(Services& services, OrgId org, std::string subject) {
  const auto member = co_await store::find_member(services.store, std::move(org), std::move(subject));
  if (!member) co_return member.error();
  co_return *member ? last_owner() : no_such_member();
}

void told(std::string_view what, const Context& context, std::string_view subject) {
  log::info(what, {{"requestId", context.ids.request_id},
                   {"traceId", context.ids.trace.trace_id()},
                   {"orgId", context.identity.org.str()},
                   {"by", context.identity.subject},
                   {"memberId", subject}});
}

}  // namespace

std::string invitation_link(const Services& services, const net::Request& request, const Secret& token) {
  if (token.empty()) return {};
  // After the #, so that no server, log or Referer sees it.
  return public_address(services, request) + "/#/invitation/" + std::string{token.reveal()};
}

Answer list_members(Services& services, Context& context) {
  const auto request = key_page(context.request.query);
  if (!request) co_return request.error();
  const auto members = co_await store::page_of_members(services.store, context.identity.org, *request);
  if (!members) co_return members.error();
  std::string out = R"({"members":[)";
  for (const auto& member : members->items) {
    if (out.back() != '[') out.push_back(',');
    append_member(out, member);
  }
  out.append("],");
  append_pagination(out, *request, members->next);
  out.push_back('}');
  co_return net::Response::json(200, std::move(out));
}

Answer update_member(Services& services, Context& context) {
  const auto body = JsonBody::parse(context.request);
  if (!body) co_return body.error();
  const auto role = role_of(*body);
  if (!role) co_return role.error();
  const OrgId& org = context.identity.org;
  const std::string subject = context.param("memberId");
  store::Batch batch;
  store::change_role(batch, org, subject, std::string{to_string(*role)}, services.clock.utc());
  if (const auto written = co_await services.store.write(std::move(batch)); !written) {
    if (written.error().kind != Fault::conflict) co_return written.error();
    co_return co_await why_not(services, org, subject);
  }
  services.authenticator.forget();
  told("members.role_changed", context, subject);
  const auto member = co_await store::find_member(services.store, org, subject);
  if (!member) co_return member.error();
  if (!*member) co_return no_such_member();
  std::string out;
  append_member(out, **member);
  co_return net::Response::json(200, std::move(out));
}

Answer remove_member(Services& services, Context& context) {
  const OrgId& org = context.identity.org;
  const std::string subject = context.param("memberId");
  store::Batch batch;
  store::remove_member(batch, org, subject);
  store::end_sessions_in(batch, org, AccountId{subject});
  if (const auto written = co_await services.store.write(std::move(batch)); !written) {
    if (written.error().kind != Fault::conflict) co_return written.error();
    co_return co_await why_not(services, org, subject);
  }
  services.authenticator.forget();
  told("members.removed", context, subject);
  co_return net::Response::empty();
}

Answer list_invitations(Services& services, Context& context) {
  const auto request = key_page(context.request.query);
  if (!request) co_return request.error();
  const auto invitations =
      co_await store::page_of_invitations(services.store, context.identity.org, *request);
  if (!invitations) co_return invitations.error();
  std::string out = R"({"invitations":[)";
  for (const auto& invitation : invitations->items) {
    if (out.back() != '[') out.push_back(',');
    append_invitation(out, invitation);
    out.push_back('}');
  }
  out.append("],");
  append_pagination(out, *request, invitations->next);
  out.push_back('}');
  co_return net::Response::json(200, std::move(out));
}

Answer invite_member(Services& services, Context& context) {
  const auto body = JsonBody::parse(context.request);
  if (!body) co_return body.error();
  auto email = body->text("email", {.min = 3, .max = 254});
  if (!email) co_return email.error();
  const auto role = role_of(*body);
  if (!role) co_return role.error();
  const auto invited = co_await services.accounts.invite(context.identity, std::move(*email), *role);
  if (!invited) co_return invited.error();
  services.outward_queued();
  log::info("members.invited", {{"requestId", context.ids.request_id},
                                {"traceId", context.ids.trace.trace_id()},
                                {"orgId", context.identity.org.str()},
                                {"by", context.identity.subject},
                                {"invitationId", invited->invitation.id.str()}});
  std::string out;
  append_invitation(out, invited->invitation);
  append_text(out, R"(,"token":)", invited->token.reveal());
  append_text(out, R"(,"link":)", invitation_link(services, context.request, invited->token));
  out.push_back('}');
  co_return net::Response::json(200, std::move(out));
}

Answer withdraw_invitation(Services& services, Context& context) {
  store::Batch batch;
  store::remove_invitation(batch, context.identity.org, InvitationId{context.param("invitationId")});
  if (const auto written = co_await services.store.write(std::move(batch)); !written) {
    if (written.error().kind != Fault::conflict) co_return written.error();
    co_return not_found("invitation_not_found",
                        "there is no invitation of this id; GET /api/members/invitations lists them");
  }
  co_return net::Response::empty();
}

}  // namespace voxanne::api
