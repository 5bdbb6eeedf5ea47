#include "api/token.h"

#include "net/http.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

extern "C" {
#include <cjose/cjose.h>
}

#include <cmath>
#include <cstdlib>
#include <stdexcept>

namespace voxanne::api {

namespace json = boost::json;

namespace {

constexpr std::size_t max_token = 8 * 1024;
constexpr double latest_time = 253'402'300'799.0;  // the end of the year 9999
constexpr const char* algorithm = "HS256";

Error invalid_token(std::string message) {
  return {Fault::unauthenticated, "invalid_token", std::move(message)};
}

template <auto Release>
struct Releaser {
  template <class T>
  void operator()(T* handle) const {
    Release(handle);
  }
};
using Jws = std::unique_ptr<cjose_jws_t, Releaser<cjose_jws_release>>;
using Header = std::unique_ptr<cjose_header_t, Releaser<cjose_header_release>>;

Result<json::object> read_object(std::string_view segment, std::string_view name) {
  std::string text;
  boost::system::error_code failed;
  if (!from_base64url(segment, text))
    return invalid_token("the token's " + std::string{name} + " is not base64url");
  json::value value = json::parse({text.data(), text.size()}, failed);
  if (failed || !value.is_object())
    return invalid_token("the token's " + std::string{name} + " is not a JSON object");
  return std::move(value.get_object());
}

// RFC 8725 §3.1: the key says which algorithm, the header only has to agree.
Result<> check_header(const json::object& header) {
  const auto* alg = header.if_contains("alg");
  if (!alg || !alg->is_string() || alg->get_string() != algorithm)
    return invalid_token("the token's algorithm is not the one of our key");
  for (const char* extension : {"crit", "b64", "cty", "zip", "enc"})
    if (header.contains(extension))
      return invalid_token("the token's header asks for what is not understood");
  if (const auto* type = header.if_contains("typ"))
    if (!type->is_string() ||
        !net::equal_ignoring_case({type->get_string().data(), type->get_string().size()}, "JWT"))
      return invalid_token("the token is not of type JWT");
  return {};
}

struct Claims {
  const json::object& all;

  // Seconds since 1970 (RFC 7519 §2 NumericDate); nullopt when absent.
  Result<std::optional<UtcTime>> time(const char* name) const {
    const auto* value = all.if_contains(name);
    if (!value) return std::optional<UtcTime>{};
    const double at = value->is_int64()    ? static_cast<double>(value->get_int64())
                      : value->is_double() ? value->get_double()
                                           : std::nan("");
    if (!(at >= 0 && at <= latest_time))
      return invalid_token("the token's " + std::string{name} + " is not a time");
    return std::optional<UtcTime>{UtcTime{milliseconds{static_cast<std::int64_t>(at * 1000)}}};
  }

  // Empty when absent; an error when it is no text.
  static Result<std::string> text(const json::object& from, const char* name) {
    const auto* value = from.if_contains(name);
    if (!value || value->is_null()) return std::string{};
    if (!value->is_string() || value->get_string().size() > 256)
      return invalid_token("the token's " + std::string{name} + " is not a short text");
    return std::string{value->get_string().data(), value->get_string().size()};
  }
};

Result<> check_audience(const json::object& claims, const TokenRules& rules) {
  if (rules.audience.empty()) return {};
  const json::string_view wanted{rules.audience};
  const auto* value = claims.if_contains("aud");
  if (value && value->is_string() && value->get_string() == wanted) return {};
  if (value && value->is_array())
    for (const auto& one : value->get_array())
      if (one.is_string() && one.get_string() == wanted) return {};
  return invalid_token("the token is for another audience");
}

Result<> check_times(const Claims& claims, const TokenRules& rules, UtcTime now, UtcTime& expires_at) {
  const auto expires = claims.time("exp"), not_before = claims.time("nbf"), issued = claims.time("iat");
  for (const auto* each : {&expires, &not_before, &issued})
    if (!*each) return each->error();
  if (!*expires) return invalid_token("the token has no expiry (exp)");
  expires_at = **expires;
  if (now >= expires_at + rules.skew)
    return Error{Fault::unauthenticated, "expired_token", "the token has expired; sign in again"};
  if (*not_before && now + rules.skew < **not_before)
    return invalid_token("the token is not valid yet (nbf)");
  if (*issued && now + rules.skew < **issued)
    return invalid_token("the token was issued in the future (iat)");
  return {};
}

Result<Identity> read_identity(const json::object& all) {
  Identity identity;
  const json::object none;
  const auto* metadata = all.if_contains("app_metadata");
  if (metadata && !metadata->is_object()) return invalid_token("the token's app_metadata is not an object");
  const json::object& ours = metadata ? metadata->get_object() : none;

  auto org = Claims::text(ours, "org_id");
  if (org && org->empty()) org = Claims::text(all, "org_id");
  auto role = Claims::text(ours, "role");
  if (role && role->empty()) role = Claims::text(all, "role");
  auto subject = Claims::text(all, "sub");
  for (const auto* each : {&org, &role, &subject})
    if (!*each) return each->error();
  if (org->empty())
    return Error{Fault::forbidden, "no_organization",
                 "the token names no organization (app_metadata.org_id or org_id)"};
  if (!is_sane_id(*org)) return invalid_token("the token's organization is not a well-formed id");
  identity.org = OrgId{std::move(*org)};
  // Supabase's own `role` claim is a database role ("authenticated"): no role of ours.
  identity.role = parse_role(*role).value_or(Role::viewer);
  identity.subject = std::move(*subject);
  return identity;
}

}  // namespace

struct TokenKey::Jwk {
  explicit Jwk(const Secret& secret) {
    cjose_err failed{};
    const auto bytes = secret.reveal();
    key =
        cjose_jwk_create_oct_spec(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size(), &failed);
    if (!key) throw std::runtime_error(std::string{"cjose refuses the key: "} + failed.message);
  }
  ~Jwk() { cjose_jwk_release(key); }
  Jwk(const Jwk&) = delete;
  Jwk& operator=(const Jwk&) = delete;

  cjose_jwk_t* key = nullptr;
};

Result<TokenKey> TokenKey::make(const Secret& secret) {
  if (secret.size() < 32)
    return malformed("short_secret", "a token secret needs at least 32 bytes (RFC 7518, section 3.2)");
  return TokenKey{std::make_shared<const Jwk>(secret)};
}

Result<Identity> TokenKey::verify(std::string_view token, const TokenRules& rules, UtcTime now) const {
  if (token.size() > max_token) return invalid_token("the token is over 8 KiB");
  const auto first = token.find('.'), second = token.find('.', first + 1);
  if (first == token.npos || second == token.npos || token.find('.', second + 1) != token.npos)
    return invalid_token("this is not a signed JSON Web Token");
  const auto header = read_object(token.substr(0, first), "header");
  if (!header) return header.error();
  if (auto checked = check_header(*header); !checked) return checked.error();

  // cjose's base64url decoder is lenient: two texts must not carry one signature.
  std::string signature;
  if (!from_base64url(token.substr(second + 1), signature) || signature.size() != 32)
    return invalid_token("the token's signature is not an HMAC-SHA256");
  cjose_err failed{};
  const Jws jws{cjose_jws_import(token.data(), token.size(), &failed)};
  if (!jws || !cjose_jws_verify(jws.get(), jwk_->key, &failed))
    return invalid_token("the token's signature does not match");

  const auto claims = read_object(token.substr(first + 1, second - first - 1), "payload");
  if (!claims) return claims.error();
  UtcTime expires_at;
  if (auto checked = check_times(Claims{*claims}, rules, now, expires_at); !checked) return checked.error();
  if (auto checked = check_audience(*claims, rules); !checked) return checked.error();
  if (!rules.issuer.empty()) {
    const auto* issuer = claims->if_contains("iss");
    if (!issuer || !issuer->is_string() || issuer->get_string() != json::string_view{rules.issuer})
      return invalid_token("the token is from another issuer");
  }
  auto identity = read_identity(*claims);
  if (identity) identity->expires_at = expires_at;
  return identity;
}

std::string TokenKey::sign(const TokenClaims& claims) const {
  const auto unix_seconds = [](UtcTime time) {
    return std::chrono::floor<seconds>(time).time_since_epoch().count();
  };
  json::object payload{{"sub", claims.subject},
                       {"org_id", claims.org.str()},
                       {"role", std::string{to_string(claims.role)}},
                       {"iat", unix_seconds(claims.issued_at)},
                       {"exp", unix_seconds(claims.expires_at)}};
  if (!claims.issuer.empty()) payload["iss"] = claims.issuer;
  if (!claims.audience.empty()) payload["aud"] = claims.audience;
  const std::string text = json::serialize(payload);

  cjose_err failed{};
  const Header header{cjose_header_new(&failed)};
  const char* compact = nullptr;
  if (header && cjose_header_set(header.get(), CJOSE_HDR_ALG, algorithm, &failed) &&
      cjose_header_set(header.get(), "typ", "JWT", &failed)) {
    const Jws jws{cjose_jws_sign(jwk_->key, header.get(), reinterpret_cast<const std::uint8_t*>(text.data()),
                                 text.size(), &failed)};
    if (jws && cjose_jws_export(jws.get(), &compact, &failed)) return compact;
  }
  throw std::runtime_error(std::string{"cjose cannot sign: "} +
                           (failed.message ? failed.message : "unknown"));
}

}  // namespace voxanne::api
