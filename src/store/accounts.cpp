#include "store/accounts.h"

#include "store/find.h"
#include "store/statements.h"
#include "store/values.h"

namespace voxanne::store {
namespace {

constexpr Statement add_account{"accounts.insert",
                                "INSERT INTO accounts (id, email, name, password, created_at, updated_at) "
                                "VALUES (?1, ?2, ?3, ?4, ?5, ?5)"};
constexpr Statement new_password{"accounts.password",
                                 "UPDATE accounts SET password = ?2, updated_at = ?3 WHERE id = ?1 AND "
                                 "password = coalesce(?4, password)"};
#define ACCOUNT_COLUMNS "id, email, name, password"
constexpr Statement one_account{"accounts.one", "SELECT " ACCOUNT_COLUMNS " FROM accounts WHERE id = ?1"};
constexpr Statement by_email{"accounts.by_email",
                             "SELECT " ACCOUNT_COLUMNS " FROM accounts WHERE email = ?1"};

constexpr Statement new_membership{
    "memberships.insert",
    "INSERT INTO memberships (org_id, subject, role, created_at, updated_at) VALUES (?1, ?2, ?3, ?4, ?4)"};
constexpr Statement add_membership{
    "memberships.add",
    "INSERT INTO memberships (org_id, subject, role, created_at, updated_at) VALUES (?1, ?2, ?3, ?4, ?4) "
    "ON CONFLICT (org_id, subject) DO NOTHING"};

#define AN_OWNER_STAYS                                                                       \
  "(role <> 'owner' OR EXISTS (SELECT 1 FROM memberships other WHERE other.org_id = ?1 AND " \
  "other.role = 'owner' AND other.subject <> ?2))"

constexpr Statement new_role{"memberships.role",
                             "UPDATE memberships SET role = ?3, updated_at = ?4 WHERE org_id = ?1 AND "
                             "subject = ?2 AND (?3 = 'owner' OR " AN_OWNER_STAYS ")"};
constexpr Statement drop_member{
    "memberships.delete", "DELETE FROM memberships WHERE org_id = ?1 AND subject = ?2 AND " AN_OWNER_STAYS};

#define MEMBER_QUERY                                                                                        \
  "SELECT m.subject, m.role, coalesce(a.email, ''), coalesce(a.name, ''), m.created_at FROM memberships m " \
  "LEFT JOIN accounts a ON a.id = m.subject WHERE m.org_id = ?1"

constexpr Statement member_page{"memberships.page",
                                MEMBER_QUERY " AND m.subject > ?2 ORDER BY m.subject LIMIT ?3 OFFSET ?4"};
constexpr Statement one_member{"memberships.one", MEMBER_QUERY " AND m.subject = ?2"};
constexpr Statement all_of_subject{
    "memberships.of_subject",
    "SELECT m.org_id, o.name, m.role FROM memberships m JOIN organizations o ON o.id = m.org_id "
    "WHERE m.subject = ?1 AND o.erased_at IS NULL ORDER BY m.org_id"};
constexpr Statement standing{
    "memberships.standing",
    "SELECT o.erased_at IS NOT NULL, m.role FROM organizations o LEFT JOIN memberships m "
    "ON m.org_id = o.id AND m.subject = ?2 WHERE o.id = ?1"};

constexpr Statement put_invite{
    "invitations.put",
    "INSERT INTO invitations (org_id, id, email, role, token_hash, invited_by, created_at, expires_at) "
    "SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8 WHERE "
    "(SELECT count(*) FROM invitations WHERE org_id = ?1) < ?9 "
    "ON CONFLICT (org_id, email) DO UPDATE SET id = excluded.id, role = excluded.role, "
    "token_hash = excluded.token_hash, invited_by = excluded.invited_by, created_at = excluded.created_at, "
    "expires_at = excluded.expires_at"};
constexpr Statement drop_invite{"invitations.delete",
                                "DELETE FROM invitations WHERE org_id = ?1 AND id = ?2"};
#define INVITATION_COLUMNS "org_id, id, email, role, token_hash, invited_by, created_at, expires_at"
constexpr Statement invite_page{"invitations.page", "SELECT " INVITATION_COLUMNS
                                                    " FROM invitations WHERE org_id = ?1 AND id > ?2 "
                                                    "ORDER BY id LIMIT ?3 OFFSET ?4"};
constexpr Statement invite_by_token{"invitations.by_token",
                                    "SELECT " INVITATION_COLUMNS " FROM invitations WHERE token_hash = ?1"};

constexpr Statement add_session{
    "sessions.insert",
    "INSERT INTO sessions (id, org_id, account_id, generation, created_at, refreshed_at, expires_at) "
    "SELECT ?1, ?2, id, ?4, ?5, ?5, ?6 FROM accounts WHERE id = ?3 AND password = ?7"};
// From before there was a bound there may be any number: the writer is not held up by all of them at once.
constexpr Statement drop_unused{
    "sessions.delete_unused",
    "DELETE FROM sessions WHERE id IN "
    "(SELECT id FROM sessions WHERE account_id = ?1 ORDER BY refreshed_at DESC LIMIT 1000 OFFSET ?2)"};
constexpr Statement rotate{"sessions.rotate",
                           "UPDATE sessions SET generation = generation + 1, refreshed_at = ?3, "
                           "expires_at = ?4 WHERE id = ?1 AND generation = ?2 AND expires_at > ?3"};
constexpr Statement rotate_back{
    "sessions.rotate_back",
    "UPDATE sessions SET generation = ?2, expires_at = ?3 WHERE id = ?1 AND generation = ?2 + 1"};
constexpr Statement drop_session{"sessions.delete", "DELETE FROM sessions WHERE id = ?1"};
constexpr Statement drop_account_sessions{"sessions.delete_of_account",
                                          "DELETE FROM sessions WHERE account_id = ?1"};
constexpr Statement drop_member_sessions{"sessions.delete_of_member",
                                         "DELETE FROM sessions WHERE account_id = ?2 AND org_id = ?1"};
constexpr Statement drop_expired{"sessions.delete_expired", "DELETE FROM sessions WHERE expires_at <= ?1"};
constexpr Statement one_session{
    "sessions.one",
    "SELECT id, org_id, account_id, generation, created_at, expires_at FROM sessions WHERE id = ?1"};
constexpr Statement session_role{
    "sessions.role",
    "SELECT m.role FROM sessions s JOIN memberships m ON m.org_id = s.org_id AND m.subject = s.account_id "
    "JOIN organizations o ON o.id = s.org_id WHERE s.id = ?1 AND s.org_id = ?2 AND s.account_id = ?3 AND "
    "s.expires_at > ?4 AND o.erased_at IS NULL"};

Account account_from(const Row& row) {
  return {id_from<AccountTag>(row, 0), row.str(1), row.str(2), row.str(3)};
}
Member member_from(const Row& row) {
  return {row.str(0), row.str(1), row.str(2), row.str(3), from_unix_ms(row.integer(4))};
}
Membership membership_from(const Row& row) { return {id_from<OrgTag>(row, 0), row.str(1), row.str(2)}; }
Invitation invitation_from(const Row& row) {
  return {id_from<OrgTag>(row, 0),
          id_from<InvitationTag>(row, 1),
          row.str(2),
          row.str(3),
          row.str(4),
          row.str(5),
          from_unix_ms(row.integer(6)),
          from_unix_ms(row.integer(7))};
}
Session session_from(const Row& row) {
  return {id_from<SessionTag>(row, 0),  id_from<OrgTag>(row, 1),
          id_from<AccountTag>(row, 2),  row.integer(3),
          from_unix_ms(row.integer(4)), from_unix_ms(row.integer(5))};
}
std::string word(const Row& row) { return row.str(0); }

}  // namespace

void insert_account(Batch& batch, const Account& account, UtcTime at) {
  batch.add(add_account, {bound(account.id), account.email, account.name, account.password, bound(at)}, 1);
}

void set_password(Batch& batch, const AccountId& account, std::string hash, UtcTime at,
                  const std::optional<std::string>& instead_of) {
  batch.add(new_password, {bound(account), std::move(hash), bound(at), bound(instead_of)}, 1);
}

void insert_member(Batch& batch, const OrgId& org, std::string subject, std::string role, UtcTime at) {
  batch.add(new_membership, {bound(org), std::move(subject), std::move(role), bound(at)}, 1);
}

void add_member_once(Batch& batch, const OrgId& org, std::string subject, std::string role, UtcTime at) {
  batch.add(add_membership, {bound(org), std::move(subject), std::move(role), bound(at)});
}

void change_role(Batch& batch, const OrgId& org, std::string subject, std::string role, UtcTime at) {
  batch.add(new_role, {bound(org), std::move(subject), std::move(role), bound(at)}, 1);
}

void remove_member(Batch& batch, const OrgId& org, std::string subject) {
  batch.add(drop_member, {bound(org), std::move(subject)}, 1);
}

void put_invitation(Batch& batch, const Invitation& invitation) {
  batch.add(put_invite,
            {bound(invitation.org), bound(invitation.id), invitation.email, invitation.role,
             invitation.token_hash, invitation.invited_by, bound(invitation.created_at),
             bound(invitation.expires_at), bound(Invitation::max_per_organization)},
            1);
}

void remove_invitation(Batch& batch, const OrgId& org, const InvitationId& id) {
  batch.add(drop_invite, {bound(org), bound(id)}, 1);
}

void insert_session(Batch& batch, const Session& session, std::string password) {
  batch.add(drop_unused, {bound(session.account), bound(Session::max_per_account - 1)});
  batch.add(add_session,
            {bound(session.id), bound(session.org), bound(session.account), session.generation,
             bound(session.created_at), bound(session.expires_at), std::move(password)},
            1);
}

void rotate_session(Batch& batch, const SessionId& id, std::int64_t generation, UtcTime at,
                    UtcTime expires_at) {
  batch.add(rotate, {bound(id), generation, bound(at), bound(expires_at)}, 1);
}

void rotate_session_back(Batch& batch, const SessionId& id, std::int64_t generation, UtcTime expires_at) {
  batch.add(rotate_back, {bound(id), generation, bound(expires_at)});
}

void end_session(Batch& batch, const SessionId& id) { batch.add(drop_session, {bound(id)}); }
void end_sessions_of(Batch& batch, const AccountId& account) {
  batch.add(drop_account_sessions, {bound(account)});
}
void end_sessions_in(Batch& batch, const OrgId& org, const AccountId& account) {
  batch.add(drop_member_sessions, {bound(org), bound(account)});
}
void end_expired_sessions(Batch& batch, UtcTime at) { batch.add(drop_expired, {bound(at)}); }

async::Task<Result<std::optional<Account>>> find_account(Store& store, AccountId id) {
  return find_one(store, one_account, {bound(id)}, account_from);
}

async::Task<Result<std::optional<Account>>> account_by_email(Store& store, std::string email) {
  return find_one(store, by_email, {std::move(email)}, account_from);
}

async::Task<Result<Listed<Member>>> page_of_members(Store& store, OrgId org, KeyPage page) {
  return find_page(store, member_page, std::move(org), std::move(page), member_from, 0);
}

async::Task<Result<std::optional<Member>>> find_member(Store& store, OrgId org, std::string subject) {
  return find_one(store, one_member, {bound(org), std::move(subject)}, member_from);
}

async::Task<Result<std::vector<Membership>>> memberships_of(Store& store, std::string subject) {
  return find_all(store, all_of_subject, {std::move(subject)}, membership_from);
}

async::Task<Result<Listed<Invitation>>> page_of_invitations(Store& store, OrgId org, KeyPage page) {
  return find_page(store, invite_page, std::move(org), std::move(page), invitation_from, 1);
}

async::Task<Result<std::optional<Invitation>>> invitation_by_token(Store& store, std::string token_hash) {
  return find_one(store, invite_by_token, {std::move(token_hash)}, invitation_from);
}

async::Task<Result<std::optional<Session>>> find_session(Store& store, SessionId id) {
  return find_one(store, one_session, {bound(id)}, session_from);
}

async::Task<Result<Standing>> standing_of(Store& store, OrgId org, std::string subject) {
  Standing found;
  const auto read = co_await store.read(standing, {bound(org), std::move(subject)}, [&](const Row& row) {
    found.organization_known = true;
    found.organization_erased = row.integer(0) != 0;
    if (!row.is_null(1)) found.role = row.str(1);
  });
  if (!read) co_return read.error();
  co_return found;
}

async::Task<Result<std::optional<std::string>>> role_of_session(Store& store, Session session, UtcTime at) {
  return find_one(store, session_role,
                  {bound(session.id), bound(session.org), bound(session.account), bound(at)}, word);
}

std::span<const Statement* const> account_statements() {
  static constexpr const Statement* all[] = {
      &add_account,          &new_password, &one_account, &by_email,     &new_membership,
      &add_membership,       &new_role,     &drop_member, &member_page,  &one_member,
      &all_of_subject,       &standing,     &put_invite,  &drop_invite,  &invite_page,
      &invite_by_token,      &add_session,  &rotate,      &drop_session, &drop_account_sessions,
      &drop_member_sessions, &drop_expired, &one_session, &session_role, &rotate_back,
      &drop_unused};
  return all;
}

}  // namespace voxanne::store
