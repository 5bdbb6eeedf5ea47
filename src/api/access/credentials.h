// The opaque credentials we hand out, and what of them is kept:
//
//   API key        vx_ and 43 characters of base64url    its keyed hash
//   invitation     vi_ and 43 characters                 its keyed hash
//   refresh token  SESSION.GENERATION.MAC                nothing: the session's row names the
//                                                        generation that is good
//
// Each is 256 bits from the system's generator or a MAC of as many; keys are derived from the root
// secret, one per purpose, so that a copy of the database opens nothing. Values; any thread.
#pragma once

#include "base/secret.h"
#include "store/accounts.h"

#include <optional>
#include <string>
#include <string_view>

namespace voxanne::api {

class Credentials {
 public:
  explicit Credentials(const Secret& root);

  static Secret make_api_key();
  static bool is_api_key(std::string_view text);  // by its form
  std::string api_key_hash(std::string_view key) const;
  // The last characters, by which an owner knows a key again.
  static std::string api_key_hint(std::string_view key);

  static Secret make_invitation();
  static bool is_invitation(std::string_view text);
  std::string invitation_hash(std::string_view token) const;

  // Of a request that came with an Idempotency-Key: it may hold a password, which a hash without a key would
  // let whoever has a copy of the database guess.
  std::string request_hash(std::string_view request) const;

  struct Refresh {
    SessionId session;
    std::int64_t generation = 0;
  };
  Secret refresh_token(const Refresh& refresh) const;
  // Nullopt for whatever we did not make.
  std::optional<Refresh> open_refresh(std::string_view text) const;

 private:
  const Secret api_keys_, invitations_, refresh_, requests_;
};

// Trimmed, ASCII letters in lower case; nullopt for what is no address: one @ with something on both
// sides, at most 254 bytes, no blanks or control characters.
std::optional<std::string> normal_email(std::string_view text);

// The same for whom mails go to: nullopt besides for what the mail queue would refuse
// (notify::is_plain_address). Whose account has another address can still sign in.
std::optional<std::string> mailable_email(std::string_view text);
// What is said of one that is none: "email " and this.
inline constexpr std::string_view mailable_rule =
    "must be an address that can be mailed to, such as name@example.com: ASCII, without blanks, quotes, "
    "brackets, colons or backslashes";

}  // namespace voxanne::api
