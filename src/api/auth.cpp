#include "api/auth.h"

#include "base/secret.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <unordered_map>

namespace voxanne::api {

namespace {

constexpr seconds remembered_for{60};
constexpr std::size_t max_remembered = 4096;  // per shard

using Digest = std::array<std::uint64_t, 4>;
struct DigestHash {
  std::size_t operator()(const Digest& digest) const noexcept { return digest[0]; }  // already uniform
};

Digest digest_of(std::string_view token) {
  const std::string bytes = sha256(token);
  Digest digest;
  std::memcpy(digest.data(), bytes.data(), sizeof digest);
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
  };
  using Cache = std::unordered_map<Digest, Remembered, DigestHash>;

  Impl(Options o, const async::Clock& c)
      : options(std::move(o)), clock(c), caches(std::max(1u, options.shards)) {}

  std::optional<Identity> recall(unsigned shard, const Digest& digest) {
    const Cache& cache = caches.at(shard);
    const auto found = cache.find(digest);
    if (found == cache.end() || clock.now() >= found->second.until ||
        clock.utc() >= found->second.identity.expires_at + options.rules.skew)
      return std::nullopt;
    return found->second.identity;
  }

  void remember(unsigned shard, const Digest& digest, const Identity& identity) {
    Cache& cache = caches.at(shard);
    if (cache.size() >= max_remembered) {
      std::erase_if(cache, [now = clock.now()](const auto& entry) { return now >= entry.second.until; });
      if (cache.size() >= max_remembered) cache.clear();
    }
    cache.insert_or_assign(digest, Remembered{identity, clock.now() + remembered_for});
  }

  Result<Identity> verify(std::string_view token) const {
    Result<Identity> outcome =
        Error{Fault::unauthenticated, "invalid_token", "no key is configured for tokens"};
    for (const TokenKey& key : options.keys) {
      outcome = key.verify(token, options.rules, clock.utc());
      // An expired or organization-less token was signed by this key: another has nothing to add.
      if (outcome || outcome.error().code != "invalid_token") break;
    }
    return outcome;
  }

  const Options options;
  const async::Clock& clock;
  std::vector<Cache> caches;
};

Authenticator::Authenticator(Options options, const async::Clock& clock)
    : impl_(std::make_unique<Impl>(std::move(options), clock)) {}
Authenticator::~Authenticator() = default;

async::Task<Result<Identity>> Authenticator::authenticate(const net::Request& request) {
  if (!request.headers.has("Authorization")) co_return without_token(request);
  const auto token = bearer_of(request.headers);
  if (!token) co_return token.error();
  co_return co_await authenticate_token(request.shard, *token);
}

async::Task<Result<Identity>> Authenticator::authenticate_token(unsigned shard, std::string_view token) {
  const Digest digest = digest_of(token);
  if (auto known = impl_->recall(shard, digest)) co_return std::move(*known);
  auto identity = impl_->verify(token);
  if (!identity) co_return identity;
  if (impl_->options.admit) {
    if (auto admitted = co_await impl_->options.admit(*identity); !admitted) co_return admitted.error();
  }
  impl_->remember(shard, digest, *identity);
  co_return identity;
}

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
