#include "api/token.h"

#include "api/cjose_handles.h"

#include <boost/json/serialize.hpp>

#include <stdexcept>

namespace voxanne::api {

namespace json = boost::json;

namespace {

constexpr std::size_t signature_bytes = 32;

}  // namespace

struct TokenKey::Jwk {
  explicit Jwk(const Secret& secret) {
    cjose_err failed{};
    const auto bytes = secret.reveal();
    key.reset(cjose_jwk_create_oct_spec(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size(),
                                        &failed));
    if (!key) throw std::runtime_error(std::string{"cjose refuses the key: "} + failed.message);
  }

  cjose::Jwk key;
};

Result<TokenKey> TokenKey::make(const Secret& secret) {
  if (secret.size() < 32)
    return malformed("short_secret", "a token secret needs at least 32 bytes (RFC 7518, section 3.2)");
  return TokenKey{std::make_shared<const Jwk>(secret)};
}

bool TokenKey::signed_this(const Jws& token) const {
  return token.algorithm == Algorithm::hs256 && token.signature.size() == signature_bytes &&
         cjose::verified(token.text, jwk_->key.get());
}

Result<Identity> TokenKey::verify(std::string_view token, const TokenRules& rules, UtcTime now) const {
  const auto jws = Jws::parse(token);
  if (!jws) return jws.error();
  if (!signed_this(*jws)) return invalid_token("the token's signature does not match");
  return read_claims(*jws, rules, now);
}

std::string TokenKey::sign(const TokenClaims& claims) const {
  const auto unix_seconds = [](UtcTime time) {
    return std::chrono::floor<seconds>(time).time_since_epoch().count();
  };
  json::object metadata{{"org_id", claims.org.str()}};
  if (claims.role) metadata["role"] = std::string{to_string(*claims.role)};
  json::object payload{{"sub", claims.subject},
                       {"app_metadata", std::move(metadata)},
                       {"iat", unix_seconds(claims.issued_at)},
                       {"exp", unix_seconds(claims.expires_at)}};
  if (!claims.issuer.empty()) payload["iss"] = claims.issuer;
  if (!claims.audience.empty()) payload["aud"] = claims.audience;
  if (!claims.session.empty()) payload["sid"] = claims.session;
  const std::string text = json::serialize(payload);

  cjose_err failed{};
  const cjose::Header header{cjose_header_new(&failed)};
  const char* compact = nullptr;
  if (header && cjose_header_set(header.get(), CJOSE_HDR_ALG, to_string(Algorithm::hs256).data(), &failed) &&
      cjose_header_set(header.get(), "typ", "JWT", &failed)) {
    const cjose::Jws jws{cjose_jws_sign(jwk_->key.get(), header.get(),
                                        reinterpret_cast<const std::uint8_t*>(text.data()), text.size(),
                                        &failed)};
    if (jws && cjose_jws_export(jws.get(), &compact, &failed)) return compact;
  }
  throw std::runtime_error(std::string{"cjose cannot sign: "} +
                           (failed.message ? failed.message : "unknown"));
}

}  // namespace voxanne::api
