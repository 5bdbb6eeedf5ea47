#include "api/jws.h"

#include "api/strict_json.h"
#include "base/secret.h"
#include "net/http.h"

#include <cmath>

namespace voxanne::api {

namespace json = boost::json;

namespace {

constexpr double latest_time = 253'402'300'799.0;  // the end of the year 9999
constexpr std::size_t max_kid = 256;
// An RSA signature of the largest key that is taken (8192 bits).
constexpr std::size_t max_signature = 1'024;

std::string_view view(const json::string& text) { return {text.data(), text.size()}; }

Result<json::object> read_object(std::string_view segment, std::string_view name) {
  std::string text;
  if (!from_base64url(segment, text))
    return invalid_token("the token's " + std::string{name} + " is not base64url");
  auto object = parse_strict_object(text);
  if (!object)
    return invalid_token("the token's " + std::string{name} +
                         " is not a JSON object whose members are named once each");
  return std::move(*object);
}

// RFC 8725 §3.1: the key says which algorithm, the header only has to agree.
Result<Algorithm> read_header(const json::object& header, std::string& kid) {
  for (const char* extension : {"crit", "b64", "cty", "zip", "enc"})
    if (header.contains(extension))
      return invalid_token("the token's header asks for what is not understood");
  if (const auto* type = header.if_contains("typ"))
    if (!type->is_string() || !(net::equal_ignoring_case(view(type->get_string()), "JWT") ||
                                net::equal_ignoring_case(view(type->get_string()), "at+jwt")))
      return invalid_token("the token is not of type JWT");
  if (const auto* key = header.if_contains("kid")) {
    if (!key->is_string() || key->get_string().size() > max_kid)
      return invalid_token("the token's kid is not a short text");
    kid = view(key->get_string());
  }
  const auto* name = header.if_contains("alg");
  if (name && name->is_string())
    for (const auto algorithm : {Algorithm::hs256, Algorithm::rs256, Algorithm::es256})
      if (view(name->get_string()) == to_string(algorithm)) return algorithm;
  return invalid_token("the token's algorithm is none of ours (HS256, RS256, ES256)");
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
    return std::string{view(value->get_string())};
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
  if (now >= expires_at)
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
  // Supabase's own `role` claim is a database role ("authenticated"): no role of ours.
  auto role = Claims::text(ours, "role");
  auto subject = Claims::text(all, "sub");
  auto session = Claims::text(all, "sid");
  for (const auto* each : {&org, &role, &subject, &session})
    if (!*each) return each->error();
  if (org->empty())
    return Error{Fault::forbidden, "no_organization",
                 "the token names no organization (app_metadata.org_id or org_id)"};
  if (!is_sane_id(*org)) return invalid_token("the token's organization is not a well-formed id");
  identity.org = OrgId{std::move(*org)};
  const auto stated = parse_role(*role);
  identity.role = stated.value_or(Role::viewer);
  identity.role_is_stated = stated.has_value();
  identity.subject = std::move(*subject);
  identity.session = std::move(*session);
  return identity;
}

}  // namespace

std::string_view to_string(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::hs256:
      return "HS256";
    case Algorithm::rs256:
      return "RS256";
    case Algorithm::es256:
      return "ES256";
  }
  return "";
}

Error invalid_token(std::string message) {
  return {Fault::unauthenticated, "invalid_token", std::move(message)};
}

Result<Jws> Jws::parse(std::string_view token) {
  if (token.size() > max_token_bytes) return invalid_token("the token is over 8 KiB");
  const auto first = token.find('.'), second = token.find('.', first + 1);
  if (first == token.npos || second == token.npos || token.find('.', second + 1) != token.npos)
    return invalid_token("this is not a signed JSON Web Token");
  const auto header = read_object(token.substr(0, first), "header");
  if (!header) return header.error();
  Jws jws{.text = token,
          .signing_input = token.substr(0, second),
          .algorithm = {},
          .kid = {},
          .signature = {},
          .payload = token.substr(first + 1, second - first - 1)};
  const auto algorithm = read_header(*header, jws.kid);
  if (!algorithm) return algorithm.error();
  jws.algorithm = *algorithm;
  // cjose's base64url decoder is lenient: two texts must not carry one signature.
  if (!from_base64url(token.substr(second + 1), jws.signature) || jws.signature.empty() ||
      jws.signature.size() > max_signature)
    return invalid_token("the token's signature is not base64url of a signature");
  return jws;
}

Result<Identity> read_claims(const Jws& token, const TokenRules& rules, UtcTime now) {
  const auto claims = read_object(token.payload, "payload");
  if (!claims) return claims.error();
  UtcTime expires_at;
  if (auto checked = check_times(Claims{*claims}, rules, now, expires_at); !checked) return checked.error();
  if (auto checked = check_audience(*claims, rules); !checked) return checked.error();
  if (!rules.issuer.empty()) {
    const auto* issuer = claims->if_contains("iss");
    if (!issuer || !issuer->is_string() || view(issuer->get_string()) != rules.issuer)
      return invalid_token("the token is from another issuer");
  }
  auto identity = read_identity(*claims);
  if (identity) identity->expires_at = expires_at;
  return identity;
}

}  // namespace voxanne::api
