// /api/auth: signing in, staying signed in, signing out, accepting an invitation.
#include "api/routes/login.h"

#include "api/json_body.h"
#include "api/routes/endpoints.h"
#include "base/json_fields.h"
#include "base/log.h"
#include "store/organizations.h"

namespace voxanne::api {
namespace {

constexpr std::string_view cookie_name = "voxanne_refresh";
constexpr JsonBody::TextRules email_rules{.min = 1, .max = 320};
constexpr JsonBody::TextRules password_rules{.min = 1, .max = Passwords::max_length};

std::string cookie(const Services& services, const Context& context, std::string_view value,
                   seconds for_how_long) {
  const Client client = services.authenticator.client(context.request);
  std::string text{cookie_name};
  text.append("=").append(value).append("; Path=/api/auth; HttpOnly; SameSite=Strict; Max-Age=");
  text += std::to_string(for_how_long.count());
  if (client.secure || !client.local) text += "; Secure";
  return text;
}

Result<Secret> password_of(const JsonBody& body, std::string_view field) {
  auto password = body.text(field, password_rules);
  if (!password) return password.error();
  return Secret{std::move(*password)};
}

// A form of another site may not use the cookie that a browser would send along with it.
Result<> check_own_page(const Services& services, const Context& context) {
  return services.authenticator.check_origin(context.request);
}

void told(std::string_view what, const Context& context, const Result<Accounts::Login>& login) {
  if (login)
    log::info(what, {{"requestId", context.ids.request_id},
                     {"traceId", context.ids.trace.trace_id()},
                     {"orgId", login->org.str()},
                     {"accountId", login->account.str()}});
  else
    log::warning(what, {{"requestId", context.ids.request_id},
                        {"traceId", context.ids.trace.trace_id()},
                        {"refused", login.error().code}});
}

}  // namespace

std::optional<std::string> refresh_cookie_of(const net::Headers& headers) {
  std::optional<std::string> found;
  for (std::size_t i = 0; i < headers.size(); ++i) {
    auto [name, value] = headers[i];
    if (!net::equal_ignoring_case(name, "Cookie")) continue;
    while (!value.empty()) {
      const auto end = std::min(value.find(';'), value.size());
      auto pair = value.substr(0, end);
      while (pair.starts_with(' ')) pair.remove_prefix(1);
      if (pair.starts_with(cookie_name) && pair.substr(cookie_name.size()).starts_with('=')) {
        if (found) return std::nullopt;
        found = std::string{pair.substr(cookie_name.size() + 1)};
      }
      value.remove_prefix(std::min(end + 1, value.size()));
    }
  }
  return found;
}

net::Response login_answer(const Services& services, const Context& context, const Accounts::Login& login) {
  std::string out;
  append_string(out, R"({"accessToken":)", login.access_token);
  out.append(R"(,"expiresIn":)").append(std::to_string(login.access_for.count()));
  append_string(out, R"(,"tokenType":)", "Bearer");
  append_string(out, R"(,"orgId":)", login.org.str());
  append_string(out, R"(,"role":)", to_string(login.role));
  out.push_back('}');
  auto response = net::Response::json(200, std::move(out));
  response.headers.set("Set-Cookie",
                       cookie(services, context, login.refresh_token.reveal(), login.refresh_for));
  response.headers.set("Cache-Control", "no-store");
  return response;
}

void forget_refresh_cookie(const Services& services, const Context& context, net::Response& response) {
  response.headers.set("Set-Cookie", cookie(services, context, "", seconds{0}));
  response.headers.set("Cache-Control", "no-store");
}

Answer log_in(Services& services, Context& context) {
  if (auto own = check_own_page(services, context); !own) co_return own.error();
  const auto body = JsonBody::parse(context.request);
  if (!body) co_return body.error();
  auto email = body->text("email", email_rules);
  if (!email) co_return email.error();
  auto password = password_of(*body, "password");
  if (!password) co_return password.error();
  const auto org = body->optional_text("orgId", {.min = 1, .max = 128});
  if (!org) co_return org.error();
  Accounts::Ask ask{.email = std::move(*email),
                    .password = std::move(*password),
                    .org = *org ? std::optional{OrgId{**org}} : std::nullopt,
                    .address = services.authenticator.client(context.request).address};
  const auto login = co_await services.accounts.login(std::move(ask));
  told("auth.login", context, login);
  if (!login) co_return login.error();
  co_return login_answer(services, context, *login);
}

Answer refresh_login(Services& services, Context& context) {
  if (auto own = check_own_page(services, context); !own) co_return own.error();
  auto token = refresh_cookie_of(context.request.headers);
  if (!token)
    co_return Error{Fault::unauthenticated, "missing_token", "there is no login to go on with; sign in"};
  const auto login = co_await services.accounts.refresh(std::move(*token), context.ids);
  if (!login) {
    if (login.error().kind != Fault::unauthenticated) co_return login.error();
    told("auth.refresh", context, login);
    auto response = problem(login.error(), context.ids.request_id);
    forget_refresh_cookie(services, context, response);
    co_return response;
  }
  co_return login_answer(services, context, *login);
}

Answer log_out(Services& services, Context& context) {
  if (auto own = check_own_page(services, context); !own) co_return own.error();
  if (auto token = refresh_cookie_of(context.request.headers))
    if (const auto ended = co_await services.accounts.logout(std::move(*token)); !ended)
      co_return ended.error();
  auto response = net::Response::empty();
  forget_refresh_cookie(services, context, response);
  co_return response;
}

Answer accept_invitation(Services& services, Context& context) {
  if (auto own = check_own_page(services, context); !own) co_return own.error();
  const auto body = JsonBody::parse(context.request);
  if (!body) co_return body.error();
  auto token = body->text("token", {.min = 1, .max = 128});
  if (!token) co_return token.error();
  auto password = password_of(*body, "password");
  if (!password) co_return password.error();
  auto name = body->optional_text("name", {.min = 1, .max = 200});
  if (!name) co_return name.error();
  Accounts::Acceptance acceptance{.token = std::move(*token),
                                  .name = name->value_or(""),
                                  .password = std::move(*password),
                                  .address = services.authenticator.client(context.request).address};
  const auto login = co_await services.accounts.accept(std::move(acceptance));
  told("auth.invitation_accepted", context, login);
  if (!login) co_return login.error();
  co_return login_answer(services, context, *login);
}

Answer change_password(Services& services, Context& context) {
  const auto body = JsonBody::parse(context.request);
  if (!body) co_return body.error();
  auto current = password_of(*body, "currentPassword");
  if (!current) co_return current.error();
  auto next = password_of(*body, "newPassword");
  if (!next) co_return next.error();
  const auto login =
      co_await services.accounts.change_password(context.identity, std::move(*current), std::move(*next),
                                                 services.authenticator.client(context.request).address);
  told("auth.password_changed", context, login);
  if (!login) co_return login.error();
  co_return login_answer(services, context, *login);
}

Answer get_me(Services& services, Context& context) {
  const Identity& me = context.identity;
  const auto organization = co_await store::find_organization(services.store, me.org);
  if (!organization) co_return organization.error();
  const auto member = co_await store::find_member(services.store, me.org, me.subject);
  if (!member) co_return member.error();
  std::string out;
  append_string(out, R"({"orgId":)", me.org.str());
  append_text(out, R"(,"organization":)", *organization ? (*organization)->name : "");
  append_string(out, R"(,"role":)", to_string(me.role));
  append_text(out, R"(,"subject":)", me.subject);
  append_text(out, R"(,"email":)", *member ? (*member)->email : "");
  append_text(out, R"(,"name":)", *member ? (*member)->name : "");
  append_text(out, R"(,"scopes":)", me.key ? to_string(*me.key) : "");
  out.append(R"(,"development":)").append(me.development ? "true" : "false").append("}");
  co_return net::Response::json(200, std::move(out));
}

}  // namespace voxanne::api
