// Digest authentication of inbound requests (RFC 2617 as RFC 3261 section 22 uses it: MD5, qop
// "auth", the only form every phone and PBX knows).
//
// Nonces cost no memory: each is a time and its HMAC under a key of this process. Only one that was
// used successfully is remembered, until it expires, with the highest nonce count seen: the same
// credentials a second time are a replay. One thread (the SIP thread); the caller passes the time.
#pragma once

#include "base/secret.h"
#include "base/time.h"

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace voxanne::telephony::sip {

struct User {
  std::string name;
  Secret password;
};

// What a client sends in Authorization, unquoted.
struct DigestResponse {
  std::string_view username, realm, nonce, uri, response, qop, nonce_count, client_nonce;
};

class DigestAuthenticator {
 public:
  static constexpr seconds nonce_lifetime{30};

  DigestAuthenticator(std::vector<User> users, std::string realm);

  bool has_users() const noexcept { return !users_.empty(); }

  // The value of WWW-Authenticate; its nonce is good for this source only.
  std::string challenge(SteadyTime now, bool stale, std::string_view source) const;
  // Whether this source was sent the nonce, and not too long ago.
  bool issued(std::string_view nonce, SteadyTime now, std::string_view source) const;

  enum class Verdict {
    accepted,
    stale,     // the nonce expired, was used before or is not ours for this source: challenge again
    rejected,  // the credentials are wrong
  };
  // `uri` is the request's own: credentials for another target do not open this one.
  Verdict verify(const DigestResponse& response, std::string_view method, std::string_view uri,
                 SteadyTime now, std::string_view source);

 private:
  void forget_expired(SteadyTime now);

  std::vector<User> users_;
  std::string realm_;
  std::string key_;
  std::unordered_map<std::string, std::uint32_t> used_;  // nonce → highest count
  std::deque<std::pair<SteadyTime, std::string>> expiry_;
};

}  // namespace voxanne::telephony::sip
