// Authentication of requests and WebSockets: product.md, guarantee 1.
//
//   a token            is verified; a bad one is 401 in every mode and never falls back
//   no token           401, except for the development convenience: environment development and
//                      Client::local. Then: the demo organization's owner.
//
// One object for all web shards; what it remembers of verified tokens is kept per shard (index
// net::Request::shard), keyed by SHA-256, for at most a minute, so there are no locks. Functions
// with a request or shard run on that shard.
#pragma once

#include "api/client.h"
#include "api/identity.h"
#include "api/token.h"
#include "async/clock.h"
#include "base/secret.h"
#include "net/http.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace voxanne::api {

class Authenticator {
 public:
  struct Options {
    std::vector<TokenKey> keys;  // tried in order: our own, then the identity provider's
    TokenRules rules{};
    bool development = false;
    OrgId demo_org{"demo"};
    // Origins that may open a WebSocket, "https://app.example.com"; the Host's own always may.
    std::vector<std::string> allowed_origins{};
    unsigned shards = 1;
    std::vector<net::Network> trusted_proxies{};  // whose forwarding headers count
    Secret operator_token{};                      // empty: nothing of the operator's opens
    // Asked once per token and minute: is this organization known, not erased, and if it is new,
    // make it. Not asked for the demo organization. Its error is the answer (403, 503).
    std::function<async::Task<Result<>>(const Identity&)> admit{};
  };

  Authenticator(Options options, const async::Clock& clock);
  ~Authenticator();
  Authenticator(const Authenticator&) = delete;
  Authenticator& operator=(const Authenticator&) = delete;

  // By the Authorization header, or by what its absence means.
  async::Task<Result<Identity>> authenticate(const net::Request& request);
  // A token that came otherwise: a WebSocket's first message.
  async::Task<Result<Identity>> authenticate_token(unsigned shard, std::string_view token);
  // What no token means for this connection; also for a WebSocket whose first message has none.
  Result<Identity> without_token(const net::Request& request) const;
  // Origin of a WebSocket handshake: absent (not a browser), the Host's own or an allowed one.
  // Errors: forbidden (origin_not_allowed).
  Result<> check_origin(const net::Request& request) const;
  // Who is at the other end: for limits per address and Secure cookies.
  Client client(const net::Request& request) const;
  // What concerns the whole server (/api/admin/*): the operator's own token, compared in constant
  // time; no organization's role opens it. Errors: unauthenticated (missing_token, invalid_token),
  // forbidden (no_operator_token) when none is configured.
  Result<> check_operator(const net::Request& request) const;
  // The same, but open without a token to this machine itself (/metrics); any other token is 401.
  Result<> check_operator_or_local(const net::Request& request) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace voxanne::api
