#include "api/access/accounts.h"

#include "base/log.h"
#include "domain/assistant.h"
#include "store/organizations.h"

#include <algorithm>

namespace voxanne::api {

namespace {

constexpr std::size_t max_email = 320;

Error bad_credentials() {
  return {Fault::unauthenticated, "bad_credentials", "the e-mail address or the password is not right"};
}
Error login_ended() { return {Fault::unauthenticated, "login_ended", "this login has ended; sign in again"}; }
Error already_member() {
  return {Fault::conflict, "already_member",
          "the account of this address is a member already; PATCH /api/members/ID gives it another role"};
}
Error bad_email() { return malformed("invalid_field", "email must be an address such as name@example.com"); }
Error not_mailable() { return malformed("invalid_field", "email " + std::string{mailable_rule}); }

Role role_from(const std::string& word) { return parse_role(word).value_or(Role::viewer); }

}  // namespace

Accounts::Accounts(store::PromptStore& store, async::Clock& clock, Passwords& passwords,
                   const Credentials& credentials, TokenKey own, Options options)
    : store_(store),
      clock_(clock),
      passwords_(passwords),
      credentials_(credentials),
      own_(std::move(own)),
      options_(std::move(options)),
      throttle_(clock) {}

void Accounts::changed() const {
  if (options_.changed) options_.changed();
}

Accounts::Login Accounts::issue(const store::Session& session, Role role) const {
  const auto now = clock_.utc();
  Login login;
  login.account = session.account;
  login.org = session.org;
  login.role = role;
  login.access_for = options_.access_for;
  // The role is not in the token: it is looked up, so that a change of it holds within a minute.
  login.access_token = own_.sign({.org = session.org,
                                  .role = {},
                                  .subject = session.account.str(),
                                  .issuer = {},
                                  .audience = {},
                                  .issued_at = now,
                                  .expires_at = now + options_.access_for,
                                  .session = session.id.str()});
  login.refresh_token = credentials_.refresh_token({session.id, session.generation});
  login.refresh_for = std::chrono::floor<seconds>(session.expires_at - now);
  return login;
}

async::Task<Result<Accounts::Login>> Accounts::begin_session(store::Account account, OrgId org, Role role,
                                                             store::Batch batch) {
  const auto now = clock_.utc();
  store::Session session;
  // Named in tokens, so unguessable besides being unique.
  session.id = SessionId{std::string{SessionTag::prefix} + to_base64url(random_bytes(16))};
  session.org = std::move(org);
  session.account = account.id;
  session.created_at = now;
  session.expires_at = now + options_.session_idle;
  store::end_expired_sessions(batch, now);
  store::insert_session(batch, session, std::move(account.password));
  if (const auto written = co_await store_.write(std::move(batch)); !written) co_return written.error();
  co_return issue(session, role);
}

async::Task<Result<Accounts::Login>> Accounts::login(Ask ask) {
  // What is no address is looked up all the same, so that it costs as much as one.
  const std::string email = normal_email(ask.email).value_or(ask.email.substr(0, max_email));
  auto attempt = throttle_.attempt(email, ask.address);
  if (!attempt) co_return attempt.error();
  const auto account = co_await store::account_by_email(store_, email);
  if (!account) co_return account.error();
  std::optional<std::string> hash;
  if (*account) hash = (*account)->password;
  const auto right = co_await passwords_.verify(std::move(hash), std::move(ask.password));
  if (!right) co_return right.error();
  if (!*right) {
    attempt->failed();
    co_return bad_credentials();
  }
  attempt->succeeded();

  const auto memberships = co_await store::memberships_of(store_, (*account)->id.str());
  if (!memberships) co_return memberships.error();
  if (memberships->empty())
    co_return Error{Fault::forbidden, "no_organization",
                    "you are a member of no organization; ask its owner"};
  auto chosen = memberships->begin();
  if (ask.org) {
    chosen = std::ranges::find(*memberships, *ask.org, &store::Membership::org);
    if (chosen == memberships->end())
      co_return Error{Fault::forbidden, "not_a_member", "you are not a member of that organization"};
  }
  auto login = co_await begin_session(**account, chosen->org, role_from(chosen->role), {});
  // Nobody has its tokens.
  if (!login && store::is_outcome_unknown(login.error())) co_return store::database_silent();
  // What was verified is not the password any more.
  if (!login && login.error().kind == Fault::conflict) co_return bad_credentials();
  co_return login;
}

async::Task<Result<Accounts::Login>> Accounts::refresh(std::string refresh_token, net::RequestIds ids) {
  const auto shown = credentials_.open_refresh(refresh_token);
  if (!shown) co_return login_ended();
  const auto found = co_await store::find_session(store_, shown->session);
  if (!found) co_return found.error();
  const auto now = clock_.utc();
  if (!*found || now >= (*found)->expires_at) co_return login_ended();
  store::Session session = **found;
  if (shown->generation != session.generation) co_return co_await end_reused(session, ids);
  const auto role = co_await store::role_of_session(store_, session, now);
  if (!role) co_return role.error();
  if (!*role) co_return login_ended();
  session.expires_at = std::min(now + options_.session_idle, session.created_at + options_.session_at_most);
  store::Batch batch;
  store::rotate_session(batch, session.id, session.generation, now, session.expires_at);
  if (const auto rotated = co_await store_.write(std::move(batch)); !rotated) {
    if (store::is_outcome_unknown(rotated.error())) {
      // Nobody has the next token, and whoever shows this one again is no thief.
      store::Batch back;
      store::rotate_session_back(back, session.id, shown->generation, (*found)->expires_at);
      co_await store_.leave(std::move(back));
      co_return store::database_silent();
    }
    if (rotated.error().kind != Fault::conflict) co_return rotated.error();
    // Somebody showed the same token at the same time: it was used twice all the same.
    co_return co_await end_reused(session, ids);
  }
  ++session.generation;
  co_return issue(session, role_from(**role));
}

async::Task<Error> Accounts::end_reused(const store::Session& session, const net::RequestIds& ids) {
  log::warning("auth.refresh_reused", {{"requestId", ids.request_id},
                                       {"traceId", ids.trace.trace_id()},
                                       {"orgId", session.org.str()},
                                       {"accountId", session.account.str()},
                                       {"sessionId", session.id.str()}});
  store::Batch batch;
  store::end_session(batch, session.id);
  if (const auto ended = co_await store_.write(std::move(batch)); !ended) co_return ended.error();
  changed();
  co_return login_ended();
}

async::Task<Result<>> Accounts::logout(std::string refresh_token) {
  const auto shown = credentials_.open_refresh(refresh_token);
  if (!shown) co_return Result<>{};
  store::Batch batch;
  store::end_session(batch, shown->session);
  auto written = co_await store_.write(std::move(batch));
  changed();
  co_return written;
}

async::Task<Result<Accounts::Login>> Accounts::change_password(Identity who, Secret current, Secret next,
                                                               std::string address) {
  if (who.session.empty())
    co_return Error{Fault::forbidden, "no_password_here", "only who signed in here has a password here"};
  if (auto good = Passwords::check(next.reveal()); !good) co_return good.error();
  auto attempt = throttle_.attempt(who.subject, address);
  if (!attempt) co_return attempt.error();
  auto account = co_await store::find_account(store_, AccountId{who.subject});
  if (!account) co_return account.error();
  if (!*account) co_return bad_credentials();
  const auto right = co_await passwords_.verify((*account)->password, std::move(current));
  if (!right) co_return right.error();
  if (!*right) {
    attempt->failed();
    co_return bad_credentials();
  }
  attempt->succeeded();
  auto hash = co_await passwords_.hash(std::move(next));
  if (!hash) co_return hash.error();
  store::Batch batch;
  store::set_password(batch, (*account)->id, *hash, clock_.utc(), (*account)->password);
  store::end_sessions_of(batch, (*account)->id);
  (*account)->password = std::move(*hash);
  auto login = co_await begin_session(std::move(**account), who.org, who.role, std::move(batch));
  if (!login && login.error().kind == Fault::conflict) co_return bad_credentials();
  changed();
  co_return login;
}

Accounts::Invited Accounts::put_invitation(store::Batch& batch, OrgId org, std::string email, Role role,
                                           std::string by) const {
  Secret token = Credentials::make_invitation();
  const auto now = clock_.utc();
  Invited invited{.invitation = {.org = std::move(org),
                                 .id = InvitationId::make(),
                                 .email = std::move(email),
                                 .role = std::string{to_string(role)},
                                 .token_hash = credentials_.invitation_hash(token.reveal()),
                                 .invited_by = std::move(by),
                                 .created_at = now,
                                 .expires_at = now + options_.invitation_for},
                  .token = {}};
  store::put_invitation(batch, invited.invitation);
  if (options_.invited)
    options_.invited(batch, invited.invitation, token);
  else
    invited.token = std::move(token);
  return invited;
}

async::Task<Result<Accounts::Invited>> Accounts::invite(Identity by, std::string text, Role role) {
  auto email = mailable_email(text);
  if (!email) co_return not_mailable();
  const auto account = co_await store::account_by_email(store_, *email);
  if (!account) co_return account.error();
  if (*account) {
    const auto member = co_await store::find_member(store_, by.org, (*account)->id.str());
    if (!member) co_return member.error();
    if (*member) co_return already_member();
  }
  store::Batch batch;
  Invited invited = put_invitation(batch, by.org, std::move(*email), role, by.subject);
  if (const auto written = co_await store_.write(std::move(batch)); !written) {
    if (written.error().kind == Fault::conflict)
      co_return Error{Fault::conflict, "too_many_invitations",
                      "this organization has 200 open invitations; withdraw some"};
    co_return written.error();
  }
  co_return invited;
}

async::Task<Result<Accounts::Login>> Accounts::accept(Acceptance acceptance) {
  const Error unknown =
      not_found("invitation_not_found", "this invitation is not known or has expired; ask for a new one");
  if (!Credentials::is_invitation(acceptance.token)) co_return unknown;
  const auto found =
      co_await store::invitation_by_token(store_, credentials_.invitation_hash(acceptance.token));
  if (!found) co_return found.error();
  const auto now = clock_.utc();
  if (!*found || now >= (*found)->expires_at) co_return unknown;
  const store::Invitation& invitation = **found;
  const auto existing = co_await store::account_by_email(store_, invitation.email);
  if (!existing) co_return existing.error();

  store::Account account;
  store::Batch batch;
  if (*existing) {
    auto attempt = throttle_.attempt(invitation.email, acceptance.address);
    if (!attempt) co_return attempt.error();
    const auto right = co_await passwords_.verify((*existing)->password, std::move(acceptance.password));
    if (!right) co_return right.error();
    if (!*right) {
      attempt->failed();
      co_return bad_credentials();
    }
    attempt->succeeded();
    account = **existing;
    const auto member = co_await store::find_member(store_, invitation.org, account.id.str());
    if (!member) co_return member.error();
    if (*member) co_return already_member();
  } else {
    if (auto good = Passwords::check(acceptance.password.reveal()); !good) co_return good.error();
    auto hash = co_await passwords_.hash(std::move(acceptance.password));
    if (!hash) co_return hash.error();
    account = {AccountId::make(), invitation.email, acceptance.name, std::move(*hash)};
    store::insert_account(batch, account, now);
  }
  // Whoever comes second with the same invitation finds none, or is a member: the batch is a conflict. It is
  // one as well when what was verified is not the password any more.
  store::remove_invitation(batch, invitation.org, invitation.id);
  store::insert_member(batch, invitation.org, account.id.str(), invitation.role, now);
  auto login = co_await begin_session(std::move(account), invitation.org, role_from(invitation.role),
                                      std::move(batch));
  if (!login && login.error().kind == Fault::conflict) {
    if (!*existing) co_return unknown;
    const auto still = co_await store::find_account(store_, (*existing)->id);
    if (!still) co_return still.error();
    if (!*still || (*still)->password != (*existing)->password) co_return bad_credentials();
    co_return unknown;
  }
  changed();
  co_return login;
}

async::Task<Result<Accounts::Founded>> Accounts::found_organization(std::string name, std::string owner_email,
                                                                    std::string once) {
  const auto email = mailable_email(owner_email);
  if (!email) co_return not_mailable();
  if (name.empty() || name.size() > 200)
    co_return malformed("invalid_field", "an organization's name has 1 to 200 characters");
  const auto existing = co_await store::account_by_email(store_, *email);
  if (!existing) co_return existing.error();
  const auto now = clock_.utc();
  // Of the request's own name, so that trying it again finds what the first one made.
  const OrgId org = once.empty() ? OrgId::make() : OrgId{"org_" + to_hex(sha256(once)).substr(0, 26)};
  if (!once.empty()) {
    const auto made = co_await store::find_organization(store_, org);
    if (!made) co_return made.error();
    if (*made && (*made)->name != name)
      co_return Error{Fault::conflict, "idempotency_key_reused",
                      "this Idempotency-Key came with another request before; give each request its own"};
    if (*made)
      co_return Error{Fault::conflict, "already_created",
                      "the first request with this Idempotency-Key made the organization " + org.str() +
                          "; its owner's password or invitation was shown then, once"};
  }
  Founded founded{.org = org, .owner = {}};
  store::Batch batch;
  store::put_organization(batch, {org, std::move(name), "UTC", 0}, now);
  if (*existing) {
    founded.owner = put_invitation(batch, org, *email, Role::owner, "operator");
  } else {
    NewOwner owner{AccountId::make(), Passwords::generate()};
    auto hash = co_await passwords_.hash(owner.password);
    if (!hash) co_return hash.error();
    store::insert_account(batch, {owner.id, *email, "", std::move(*hash)}, now);
    store::insert_member(batch, org, owner.id.str(), std::string{to_string(Role::owner)}, now);
    founded.owner = std::move(owner);
  }
  if (const auto written = co_await store_.write(std::move(batch)); !written) co_return written.error();
  co_return founded;
}

async::Task<Result<Secret>> Accounts::reset(std::string text) {
  const auto email = normal_email(text);
  if (!email) co_return bad_email();
  const auto account = co_await store::account_by_email(store_, *email);
  if (!account) co_return account.error();
  if (!*account) co_return not_found("account_not_found", "there is no account with this e-mail address");
  Secret password = Passwords::generate();
  auto hash = co_await passwords_.hash(password);
  if (!hash) co_return hash.error();
  store::Batch batch;
  store::set_password(batch, (*account)->id, std::move(*hash), clock_.utc());
  store::end_sessions_of(batch, (*account)->id);
  if (const auto written = co_await store_.write(std::move(batch)); !written) co_return written.error();
  changed();
  co_return password;
}

async::Task<Result<>> Accounts::seed(OrgId org, store::Account account) {
  const auto existing = co_await store::account_by_email(store_, account.email);
  if (!existing) co_return existing.error();
  if (*existing) co_return Result<>{};
  store::Batch batch;
  store::insert_account(batch, account, clock_.utc());
  store::insert_member(batch, org, account.id.str(), std::string{to_string(Role::owner)}, clock_.utc());
  co_return co_await store_.write(std::move(batch));
}

}  // namespace voxanne::api
