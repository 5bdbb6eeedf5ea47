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

// What a proxy adds. One alone means that the peer is not who is asking.
bool is_forwarding_header(std::string_view name) {
  constexpr std::string_view prefix = "x-forwarded";
  if (net::equal_ignoring_case(name.substr(0, prefix.size()), prefix)) return true;
  for (const std::string_view other :
       {"forwarded", "via", "x-real-ip", "x-client-ip", "x-cluster-client-ip", "x-original-forwarded-for",
        "x-original-host", "x-host", "true-client-ip", "cf-connecting-ip", "fastly-client-ip",
        "x-envoy-external-address"})
    if (net::equal_ignoring_case(name, other)) return true;
  return false;
}

bool is_port(std::string_view text) {
  return !text.empty() && text.size() <= 5 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool is_local_host(std::string_view host) {
  for (const std::string_view name : {"localhost", "127.0.0.1", "[::1]"}) {
    if (!net::equal_ignoring_case(host.substr(0, name.size()), name)) continue;
    const auto rest = host.substr(name.size());
    if (rest.empty() || (rest.front() == ':' && is_port(rest.substr(1)))) return true;
  }
  return false;
}

// The page came from the very host that is asked. Behind a proxy that ends TLS it is https.
bool is_own_origin(std::string_view origin, std::string_view host) {
  for (const std::string_view scheme : {"http://", "https://"})
    if (net::equal_ignoring_case(origin.substr(0, scheme.size()), scheme) &&
        net::equal_ignoring_case(origin.substr(scheme.size()), host))
      return true;
  return false;
}

// A cross-site GET of an image or script carries no Origin, but browsers say where it came from.
bool is_from_elsewhere(const net::Headers& headers) {
  const auto site = headers.find("Sec-Fetch-Site");
  return site && *site != "same-origin" && *site != "none";
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
  const auto count = request.headers.count("Authorization");
  if (count == 0) co_return without_token(request);
  constexpr std::string_view scheme = "Bearer ";
  const auto value = request.headers.get("Authorization");
  if (count > 1 || value.size() <= scheme.size() ||
      !net::equal_ignoring_case(value.substr(0, scheme.size()), scheme))
    co_return Error{Fault::unauthenticated, "invalid_token", "send exactly one Authorization: Bearer TOKEN"};
  co_return co_await authenticate_token(request.shard, value.substr(scheme.size()));
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
  const net::Headers& headers = request.headers;
  if (!options.development || !request.peer.loopback || headers.has("Authorization")) return missing_token();
  for (std::size_t i = 0; i < headers.size(); ++i)
    if (is_forwarding_header(headers[i].name)) return missing_token();
  const auto host = headers.get("Host");
  if (headers.count("Host") != 1 || !is_local_host(host)) return missing_token();
  if (headers.count("Origin") > 1 || is_from_elsewhere(headers)) return missing_token();
  if (const auto origin = headers.find("Origin"); origin && !is_own_origin(*origin, host))
    return missing_token();
  return Identity{.org = options.demo_org,
                  .role = Role::owner,
                  .subject = "development",
                  .expires_at = UtcTime::max(),
                  .development = true};
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
