// Authentication of requests and WebSockets: product.md, guarantee 1.
//
//   a token            is verified by the key that its algorithm belongs to: HS256 by our own key or a
//                      shared secret, RS256 and ES256 by the identity provider's published keys only.
//                      A bad one is 401 in every mode and never falls back
//   an API key         vx_…: looked up by its keyed hash
//   nothing            401, except for the development convenience: environment development and
//                      Client::local. Then: the demo organization's owner
//
// One object for all web shards; what it remembers of verified credentials is kept per shard (index
// net::Request::shard), keyed by BLAKE2b, for at most a minute and until forget() or a change of the
// published keys, so there are no locks. Functions with a request or shard run on that shard.
#pragma once

#include "api/client.h"
#include "api/identity.h"
#include "api/jwks_source.h"
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
    std::vector<TokenKey> keys;  // shared secrets of tokens from elsewhere, tried in order
    TokenRules rules{};          // of tokens from elsewhere, by shared secret or published key
    // Signs what we issue ourselves; only its tokens may carry a login session.
    std::optional<TokenKey> own{};
    JwksSource* published = nullptr;  // without one RS256 and ES256 are refused
    bool development = false;
    OrgId demo_org{"demo"};
    // Origins that may open a WebSocket, "https://app.example.com"; the Host's own always may.
    std::vector<std::string> allowed_origins{};
    unsigned shards = 1;
    std::vector<net::Network> trusted_proxies{};  // whose forwarding headers count
    Secret operator_token{};                      // empty: nothing of the operator's opens
    // Asked once per token and minute: is this organization known, not erased, and if it is new,
    // make it; is the login still on. Settles the role where the token does not state one. Not asked
    // for the development convenience. Its error is the answer (401, 403, 503).
    std::function<async::Task<Result<>>(Identity&, const net::RequestIds&)> admit{};
    // Whose API key this is, once per key and minute. Without it there are none.
    std::function<async::Task<Result<Identity>>(std::string key)> find_api_key{};
    // How often a live connection's credential is looked at again.
    milliseconds look_again{10'000};
  };

  Authenticator(Options options, async::Clock& clock);
  ~Authenticator();
  Authenticator(const Authenticator&) = delete;
  Authenticator& operator=(const Authenticator&) = delete;

  // By the Authorization header, or by what its absence means.
  async::Task<Result<Identity>> authenticate(const net::Request& request);
  // A token that came otherwise: a WebSocket's first message. `ids`: of its request.
  async::Task<Result<Identity>> authenticate_token(unsigned shard, std::string_view token,
                                                   const net::RequestIds& ids);
  // For a connection that lives on: how soon to ask again, or why it may not (unauthenticated, forbidden):
  // its credential has expired, was revoked, or belongs to somebody who was removed or is no longer of the
  // `role` and `scope` that it takes. A database that is away, or an identity provider, ends nothing but what
  // has expired: `expires_at` is that of the identity.
  async::Task<Result<milliseconds>> may_stay(unsigned shard, std::string_view token, UtcTime expires_at,
                                             Role role, Scope scope);
  // What was remembered is looked up again: call it after a revocation. Any thread.
  void forget();
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
