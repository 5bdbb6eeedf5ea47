// People who sign in here: e-mail and password, so that nobody needs an identity provider.
//
//   login     → an access token (10 minutes) and a refresh token, which begins a session
//   refresh   → the next of both. A refresh token is good once; one that is shown again was copied, and
//               the whole session ends, for the thief and the robbed alike
//   logout    → the session ends
//
// A session lives 14 days after its last refresh and 90 in all; an account has 50 of them at most, of which
// the longest unused gives way. It begins only while the password that was verified is the account's: a login
// or a change of password under way does not outrun a new one. Unknown accounts, wrong passwords and
// attempts too many are answered alike, at the same cost. Whoever is invited sets a password when
// accepting, or shows the one there is. An address alone opens nothing: without a mail server an account's
// is only what its inviter said, so what an account gets it gets by an invitation that was brought to its
// owner, and by its password.
//
// A database that does not answer keeps nobody waiting: unavailable (database_silent, outcome_unknown). A
// login that may have begun then is nobody's, and the refresh token that was shown stays good.
//
// Owner: app; any loop. Nothing here is logged with an address of e-mail.
#pragma once

#include "api/access/credentials.h"
#include "api/access/passwords.h"
#include "api/access/throttle.h"
#include "api/token.h"
#include "async/clock.h"
#include "net/http.h"
#include "store/accounts.h"
#include "store/prompt_store.h"

#include <functional>
#include <optional>
#include <string>
#include <variant>

namespace voxanne::api {

class Accounts {
 public:
  struct Options {
    seconds access_for{600};
    seconds session_idle{14 * 86'400}, session_at_most{90 * 86'400};
    seconds invitation_for{7 * 86'400};
    // Who comes in has changed: forget what is remembered of it.
    std::function<void()> changed{};
    // Puts the mail that takes an invitation to its address into the batch that makes it: nobody else sees
    // its token. Empty: whoever invites takes it there.
    std::function<void(store::Batch&, const store::Invitation&, const Secret& token)> invited{};
  };

  Accounts(store::PromptStore& store, async::Clock& clock, Passwords& passwords,
           const Credentials& credentials, TokenKey own, Options options);

  struct Login {
    AccountId account;
    OrgId org;
    Role role = Role::viewer;
    std::string access_token;
    seconds access_for{};
    Secret refresh_token;
    seconds refresh_for{};
  };

  struct Ask {
    std::string email;
    Secret password;
    std::optional<OrgId> org;  // for who is a member of several; else the first
    std::string address;       // for the throttle
  };
  // Errors: unauthenticated (bad_credentials), rate_limited, forbidden (no_organization, not_a_member).
  async::Task<Result<Login>> login(Ask ask);
  // Errors: unauthenticated (login_ended). `ids`: to be found by in the log, should the token have been used
  // before.
  async::Task<Result<Login>> refresh(std::string refresh_token, net::RequestIds ids);
  async::Task<Result<>> logout(std::string refresh_token);
  // Ends every session of the account and begins a new one.
  async::Task<Result<Login>> change_password(Identity who, Secret current, Secret next, std::string address);

  struct Invited {
    store::Invitation invitation;
    Secret token;  // empty when it is mailed
  };
  // Errors: conflict (already_member, too_many_invitations).
  async::Task<Result<Invited>> invite(Identity by, std::string email, Role role);
  struct Acceptance {
    std::string token, name;
    Secret password;
    std::string address;
  };
  // Makes a member, and changes nobody's role. Errors: not_found (invitation_not_found), unauthenticated
  // (bad_credentials) and conflict (already_member) where the account exists.
  async::Task<Result<Login>> accept(Acceptance acceptance);

  // For the operator. A new account is the owner's, with a password of ours. One that is there may be of
  // somebody who has only been invited by this address: it is invited to be the owner.
  struct NewOwner {
    AccountId id;
    Secret password;
  };
  struct Founded {
    OrgId org;
    std::variant<NewOwner, Invited> owner;
  };
  // `once`: names the request, for ever. The same again is a conflict instead of a second organization:
  // already_created, or idempotency_key_reused where it is to have another name.
  async::Task<Result<Founded>> found_organization(std::string name, std::string owner_email,
                                                  std::string once = {});
  // A new password; every session ends. Errors: not_found (account_not_found).
  async::Task<Result<Secret>> reset(std::string email);
  // A given person with a given password, if there is no such account: the demo's.
  async::Task<Result<>> seed(OrgId org, store::Account account);

 private:
  async::Task<Result<Login>> begin_session(store::Account account, OrgId org, Role role, store::Batch batch);
  Login issue(const store::Session& session, Role role) const;
  Invited put_invitation(store::Batch& batch, OrgId org, std::string email, Role role, std::string by) const;
  // One whose token was used twice: stolen, or not kept by who had it.
  async::Task<Error> end_reused(const store::Session& session, const net::RequestIds& ids);
  void changed() const;

  store::PromptStore& store_;
  async::Clock& clock_;
  Passwords& passwords_;
  const Credentials& credentials_;
  const TokenKey own_;
  const Options options_;
  LoginThrottle throttle_;
};

}  // namespace voxanne::api
