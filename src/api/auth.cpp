#include "api/auth.h"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <unordered_map>

namespace voxanne::api {

namespace {

constexpr std::string_view api_key_prefix = "vx_";
constexpr seconds remembered_for{45};         // and looked at by live connections 10 s later: within a minute
constexpr std::size_t max_remembered = 4096;  // per shard

// BLAKE2b (RFC 7693): every request pays for it, and it takes a quarter of what SHA-256 does.
using Digest = std::array<std::uint64_t, 4>;
struct DigestHash {
  std::size_t operator()(const Digest& digest) const noexcept { return digest[0]; }  // already uniform
};

Digest digest_of(std::string_view token) {
  Digest digest;
  crypto_generichash(reinterpret_cast<unsigned char*>(digest.data()), sizeof digest,
                     reinterpret_cast<const unsigned char*>(token.data()), token.size(), nullptr, 0);
  return digest;
}

Error missing_token() {
  return {Fault::unauthenticated, "missing_token", "send an access token: Authorization: Bearer …"};
}

// The one credential of a request (RFC 6750 §2.1); neither query nor body nor cookie carries any.
Result<std::string_view> bearer_of(const net::Headers& headers) {
  const auto count = headers.count("Authorization");
  if (count == 0) return missing_token();
  constexpr std::string_view scheme = "Bearer ";
  const auto value = headers.get("Authorization");
  if (count > 1 || value.size() <= scheme.size() ||
      !net::equal_ignoring_case(value.substr(0, scheme.size()), scheme))
    return Error{Fault::unauthenticated, "invalid_token", "send exactly one Authorization: Bearer TOKEN"};
  return value.substr(scheme.size());
}

}  // namespace

struct Authenticator::Impl {
  struct Remembered {
    Identity identity;
    SteadyTime until;
    std::uint64_t generation;
  };
  using Cache = std::unordered_map<Digest, Remembered, DigestHash>;

  Impl(Options o, async::Clock& c) : options(std::move(o)), clock(c), caches(std::max(1u, options.shards)) {}

  // Both only grow, so that their sum changes with either.
  std::uint64_t generation() const {
    return forgotten.load(std::memory_order_acquire) +
           (options.published ? options.published->generation() : 0);
  }

  std::optional<Identity> recall(unsigned shard, const Digest& digest) {
    const Cache& cache = caches.at(shard);
    const auto found = cache.find(digest);
    if (found == cache.end() || clock.now() >= found->second.until ||
        clock.utc() >= found->second.identity.expires_at || found->second.generation != generation())
      return std::nullopt;
    return found->second.identity;
  }

  // `as_of`: the generation when the credential was looked at, since it may have changed meanwhile.
  void remember(unsigned shard, const Digest& digest, const Identity& identity, std::uint64_t as_of) {
    Cache& cache = caches.at(shard);
    if (cache.size() >= max_remembered) {
      std::erase_if(cache, [now = clock.now()](const auto& entry) { return now >= entry.second.until; });
      if (cache.size() >= max_remembered) cache.clear();
    }
    cache.insert_or_assign(digest, Remembered{identity, clock.now() + remembered_for, as_of});
  }

  // The key is bound to the algorithm (RFC 8725 §3.1): a shared secret never sees RS256, and what is
  // published never verifies an HMAC.
  async::Task<Result<Identity>> verify(std::string_view token) const {
    const auto jws = Jws::parse(token);
    if (!jws) co_return jws.error();
    if (jws->algorithm != Algorithm::hs256) co_return co_await verify_published(*jws);
    if (options.own && options.own->signed_this(*jws)) co_return read_claims(*jws, {}, clock.utc());
    for (const TokenKey& key : options.keys)
      if (key.signed_this(*jws)) co_return from_elsewhere(*jws);
    co_return invalid_token("the token's signature does not match");
  }

  async::Task<Result<Identity>> verify_published(const Jws& jws) const {
    if (!options.published) co_return invalid_token("the token's algorithm is not the one of our key");
    auto keys = options.published->current();
    auto verdict = keys ? keys->verify(jws) : KeySet::Verdict::unknown_key;
    if (verdict == KeySet::Verdict::unknown_key) {
      co_await options.published->renewed();
      keys = options.published->current();
      if (!keys)
        co_return Error{Fault::unavailable, "keys_unavailable",
                        "the identity provider's keys cannot be had now, so nobody can be told from anybody; "
                        "try again",
                        seconds{5}};
      verdict = keys->verify(jws);
    }
    if (verdict == KeySet::Verdict::unknown_key)
      co_return invalid_token("the token names no key (kid) that its issuer publishes");
    if (verdict != KeySet::Verdict::good) co_return invalid_token("the token's signature does not match");
    co_return from_elsewhere(jws);
  }

  Result<Identity> from_elsewhere(const Jws& jws) const {
    auto identity = read_claims(jws, options.rules, clock.utc());
    if (identity) identity->session.clear();
    return identity;
  }

  const Options options;
  async::Clock& clock;
  std::atomic<std::uint64_t> forgotten{0};
  std::vector<Cache> caches;
};

Authenticator::Authenticator(Options options, async::Clock& clock)
    : impl_(std::make_unique<Impl>(std::move(options), clock)) {}
Authenticator::~Authenticator() = default;

async::Task<Result<Identity>> Authenticator::authenticate(const net::Request& request) {
  if (!request.headers.has("Authorization")) co_return without_token(request);
  const auto token = bearer_of(request.headers);
  if (!token) co_return token.error();
  co_return co_await authenticate_token(request.shard, *token, request.ids);
}

async::Task<Result<Identity>> Authenticator::authenticate_token(unsigned shard, std::string_view token,
                                                                const net::RequestIds& ids) {
  const Options& options = impl_->options;
  const Digest digest = digest_of(token);
  if (auto known = impl_->recall(shard, digest)) co_return std::move(*known);
  const auto generation = impl_->generation();
  if (token.starts_with(api_key_prefix)) {
    if (!options.find_api_key) co_return invalid_token("there are no API keys here");
    auto identity = co_await options.find_api_key(std::string{token});
    if (identity) impl_->remember(shard, digest, *identity, generation);
    co_return identity;
  }
  auto identity = co_await impl_->verify(token);
  if (!identity) co_return identity;
  if (options.admit) {
    if (auto admitted = co_await options.admit(*identity, ids); !admitted) co_return admitted.error();
  }
  impl_->remember(shard, digest, *identity, generation);
  co_return identity;
}

async::Task<Result<milliseconds>> Authenticator::may_stay(unsigned shard, std::string_view token,
                                                          UtcTime expires_at, Role role, Scope scope) {
  const async::Clock& clock = impl_->clock;
  if (clock.utc() >= expires_at)
    co_return Error{Fault::unauthenticated, "expired_token", "what opened this connection has expired"};
  // Whatever its admission made was made when it came, and told of then.
  const auto identity = co_await authenticate_token(shard, token, {});
  if (!identity) {
    const Fault kind = identity.error().kind;
    if (kind == Fault::unauthenticated || kind == Fault::forbidden) co_return identity.error();
  } else if (const auto allowed = check_allowed(*identity, role, scope); !allowed) {
    co_return allowed.error();
  }
  co_return std::clamp<milliseconds>(expires_at - clock.utc(), 1ms, impl_->options.look_again);
}

void Authenticator::forget() { impl_->forgotten.fetch_add(1, std::memory_order_release); }

Result<Identity> Authenticator::without_token(const net::Request& request) const {
  const Options& options = impl_->options;
  if (!options.development || request.headers.has("Authorization") || !client(request).local)
    return missing_token();
  return Identity{.org = options.demo_org,
                  .role = Role::owner,
                  .subject = "development",
                  .expires_at = UtcTime::max(),
                  .development = true};
}

Client Authenticator::client(const net::Request& request) const {
  return client_of(request, impl_->options.trusted_proxies);
}

Result<> Authenticator::check_operator(const net::Request& request) const {
  const Secret& wanted = impl_->options.operator_token;
  const auto token = bearer_of(request.headers);
  if (!token) return token.error();
  if (wanted.empty())
    return Error{Fault::forbidden, "no_operator_token",
                 "this is the operator's; set OPERATOR_TOKEN on the server and send it as the bearer token"};
  if (!constant_time_equal(*token, wanted.reveal()))
    return Error{Fault::unauthenticated, "invalid_token", "this is not the operator's token"};
  return {};
}

Result<> Authenticator::check_operator_or_local(const net::Request& request) const {
  if (!request.headers.has("Authorization") && client(request).local) return {};
  return check_operator(request);
}

Result<> Authenticator::check_origin(const net::Request& request) const {
  const auto origin = request.headers.find("Origin");
  if (!origin) return {};
  const auto& allowed = impl_->options.allowed_origins;
  const bool single = request.headers.count("Origin") == 1;
  if (single && is_own_origin(*origin, request.headers.get("Host"))) return {};
  if (single && std::any_of(allowed.begin(), allowed.end(),
                            [&](const auto& one) { return net::equal_ignoring_case(one, *origin); }))
    return {};
  return Error{Fault::forbidden, "origin_not_allowed",
               "pages of this origin may not open a WebSocket here; add it to ALLOWED_ORIGINS"};
}

}  // namespace voxanne::api
