// People: accounts with passwords, what they are in organizations, invitations, and logins.
// Roles are the words owner, manager, viewer; what they mean is api's.
#pragma once

#include "base/ids.h"
#include "store/key_page.h"
#include "store/store.h"

#include <optional>
#include <string>
#include <vector>

namespace voxanne {

struct AccountTag {
  static constexpr std::string_view prefix = "user_";
};
struct SessionTag {
  static constexpr std::string_view prefix = "sess_";
};
struct InvitationTag {
  static constexpr std::string_view prefix = "inv_";
};
using AccountId = Id<AccountTag>;
using SessionId = Id<SessionTag>;
using InvitationId = Id<InvitationTag>;

}  // namespace voxanne

namespace voxanne::store {

struct Account {
  AccountId id;
  std::string email;  // lower case
  std::string name;
  std::string password;  // its hash
};

struct Member {
  std::string subject;  // an account's id, or the `sub` of tokens from elsewhere
  std::string role;
  std::string email, name;  // of an account; else empty
  UtcTime created_at{};
};

struct Membership {
  OrgId org;
  std::string organization;  // its name
  std::string role;
};

struct Invitation {
  static constexpr int max_per_organization = 200;

  OrgId org;
  InvitationId id;
  std::string email;  // lower case
  std::string role;
  std::string token_hash;
  std::string invited_by;  // a subject
  UtcTime created_at{}, expires_at{};
};

struct Session {
  static constexpr int max_per_account = 50;

  SessionId id;
  OrgId org;
  AccountId account;
  std::int64_t generation = 0;
  UtcTime created_at{}, expires_at{};
};

// ── Writing: pieces of a Batch, each a conflict when it changes nothing ────────────────────────

void insert_account(Batch& batch, const Account& account, UtcTime at);
// `instead_of`: only while this is the account's hash; without it, whatever that is.
void set_password(Batch& batch, const AccountId& account, std::string hash, UtcTime at,
                  const std::optional<std::string>& instead_of = {});
// Somebody new; add_member_once leaves one that exists as it is.
void insert_member(Batch& batch, const OrgId& org, std::string subject, std::string role, UtcTime at);
void add_member_once(Batch& batch, const OrgId& org, std::string subject, std::string role, UtcTime at);
// An organization's last owner stays: then nothing changes.
void change_role(Batch& batch, const OrgId& org, std::string subject, std::string role, UtcTime at);
void remove_member(Batch& batch, const OrgId& org, std::string subject);
// Takes the place of an earlier one for the same address.
void put_invitation(Batch& batch, const Invitation& invitation);
void remove_invitation(Batch& batch, const OrgId& org, const InvitationId& id);
// Only while `password` is the account's hash: by one that was changed meanwhile nobody comes in. Beyond
// max_per_account the account's longest unused sessions end.
void insert_session(Batch& batch, const Session& session, std::string password);
// The next refresh token: a conflict unless `generation` is the current one.
void rotate_session(Batch& batch, const SessionId& id, std::int64_t generation, UtcTime at,
                    UtcTime expires_at);
// As if rotate_session() had not been, whether it was or not.
void rotate_session_back(Batch& batch, const SessionId& id, std::int64_t generation, UtcTime expires_at);
// These end what there is, be it nothing.
void end_session(Batch& batch, const SessionId& id);
void end_sessions_of(Batch& batch, const AccountId& account);
void end_sessions_in(Batch& batch, const OrgId& org, const AccountId& account);
void end_expired_sessions(Batch& batch, UtcTime at);

// ── Reading ────────────────────────────────────────────────────────────────────────────────────

async::Task<Result<std::optional<Account>>> find_account(Store& store, AccountId id);
async::Task<Result<std::optional<Account>>> account_by_email(Store& store, std::string email);
async::Task<Result<Listed<Member>>> page_of_members(Store& store, OrgId org, KeyPage page);
async::Task<Result<std::optional<Member>>> find_member(Store& store, OrgId org, std::string subject);
// Of organizations that are not erased, by their ids.
async::Task<Result<std::vector<Membership>>> memberships_of(Store& store, std::string subject);
async::Task<Result<Listed<Invitation>>> page_of_invitations(Store& store, OrgId org, KeyPage page);
async::Task<Result<std::optional<Invitation>>> invitation_by_token(Store& store, std::string token_hash);
async::Task<Result<std::optional<Session>>> find_session(Store& store, SessionId id);

// What an organization knows of a subject, in one read.
struct Standing {
  bool organization_known = false, organization_erased = false;
  std::optional<std::string> role;  // of the membership, if there is one
};
async::Task<Result<Standing>> standing_of(Store& store, OrgId org, std::string subject);
// The role of a login that goes on: its session lives, its membership stands, its organization is there.
async::Task<Result<std::optional<std::string>>> role_of_session(Store& store, Session session, UtcTime at);

}  // namespace voxanne::store
