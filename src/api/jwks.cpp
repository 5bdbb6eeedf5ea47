#include "api/jwks.h"

#include "api/cjose_handles.h"
#include "api/strict_json.h"
#include "base/secret.h"

#include <boost/json/array.hpp>

#include <bit>

namespace voxanne::api {

namespace json = boost::json;

namespace {

constexpr std::size_t min_rsa_bits = 2'048, max_rsa_bits = 8'192;
constexpr std::size_t p256_bytes = 32;
// Keys that share a kid: enough for an overlap, little to compute for a guess.
constexpr int max_candidates = 4;

Error bad_jwks(std::string message) { return malformed("bad_jwks", std::move(message)); }

std::string_view text(const json::object& key, const char* name) {
  const auto* value = key.if_contains(name);
  if (!value || !value->is_string()) return {};
  return {value->get_string().data(), value->get_string().size()};
}

// Big-endian, without leading zeros (RFC 7518 §6.3.1.1).
bool number(const json::object& key, const char* name, std::string& out) {
  if (!from_base64url(text(key, name), out)) return false;
  out.erase(0, std::min(out.find_first_not_of('\0'), out.size()));
  return !out.empty();
}

std::size_t bits_of(const std::string& number) {
  return (number.size() - 1) * 8 + std::bit_width(static_cast<unsigned char>(number.front()));
}

// RFC 7517 §4.2, §4.3, §4.4: a key that says what it is for is for nothing else.
bool is_for_verifying(const json::object& key, Algorithm algorithm) {
  if (key.contains("use") && text(key, "use") != "sig") return false;
  if (key.contains("alg") && text(key, "alg") != to_string(algorithm)) return false;
  if (const auto* operations = key.if_contains("key_ops")) {
    if (!operations->is_array()) return false;
    bool verifies = false;
    for (const auto& operation : operations->get_array())
      verifies = verifies || (operation.is_string() && operation.get_string() == "verify");
    if (!verifies) return false;
  }
  return !key.contains("kid") || !text(key, "kid").empty();
}

std::uint8_t* bytes(std::string& text) { return reinterpret_cast<std::uint8_t*>(text.data()); }

cjose::Jwk rsa_key(const json::object& key) {
  std::string n, e;
  if (!number(key, "n", n) || !number(key, "e", e)) return nullptr;
  if (bits_of(n) < min_rsa_bits || bits_of(n) > max_rsa_bits || !(n.back() & 1)) return nullptr;
  if (e.size() > 4 || bits_of(e) < 17 || !(e.back() & 1)) return nullptr;
  cjose_jwk_rsa_keyspec spec{};
  spec.n = bytes(n), spec.nlen = n.size();
  spec.e = bytes(e), spec.elen = e.size();
  cjose_err failed{};
  return cjose::Jwk{cjose_jwk_create_RSA_spec(&spec, &failed)};
}

cjose::Jwk ec_key(const json::object& key) {
  std::string x, y;
  if (text(key, "crv") != "P-256" || !from_base64url(text(key, "x"), x) || !from_base64url(text(key, "y"), y))
    return nullptr;
  if (x.size() != p256_bytes || y.size() != p256_bytes) return nullptr;
  cjose_jwk_ec_keyspec spec{};
  spec.crv = CJOSE_JWK_EC_P_256;
  spec.x = bytes(x), spec.xlen = x.size();
  spec.y = bytes(y), spec.ylen = y.size();
  cjose_err failed{};
  return cjose::Jwk{cjose_jwk_create_EC_spec(&spec, &failed)};  // refuses points off the curve
}

}  // namespace

struct KeySet::Key {
  Algorithm algorithm;
  std::string kid;
  std::size_t signature_bytes;
  cjose::Jwk jwk;
};

Result<KeySet> KeySet::parse(std::string_view document) {
  if (document.size() > max_document) return bad_jwks("the key set is over 256 KiB");
  const auto object = parse_strict_object(document);
  const auto* keys = object ? object->if_contains("keys") : nullptr;
  if (!keys || !keys->is_array())
    return bad_jwks("this is not a JSON Web Key Set: it needs an object with an array \"keys\"");
  KeySet set;
  set.fingerprint_ = sha256(document);
  for (const auto& value : keys->get_array()) {
    ++set.left_out_;
    if (!value.is_object() || set.keys_.size() >= max_keys) continue;
    const json::object& key = value.get_object();
    const bool rsa = text(key, "kty") == "RSA", ec = text(key, "kty") == "EC";
    const auto algorithm = rsa ? Algorithm::rs256 : Algorithm::es256;
    // A private key that was published is nobody's any more.
    if ((!rsa && !ec) || key.contains("d") || !is_for_verifying(key, algorithm)) continue;
    auto jwk = rsa ? rsa_key(key) : ec_key(key);
    if (!jwk) continue;
    cjose_err failed{};
    const std::size_t size = rsa ? (cjose_jwk_get_keysize(jwk.get(), &failed) + 7) / 8 : 2 * p256_bytes;
    set.keys_.push_back(
        std::make_shared<const Key>(Key{algorithm, std::string{text(key, "kid")}, size, std::move(jwk)}));
    --set.left_out_;
  }
  if (set.keys_.empty())
    return bad_jwks(
        "none of the set's keys can be used: needed are RSA keys of 2048 bits or more for RS256, or EC "
        "keys on P-256 for ES256, published for signatures");
  return set;
}

KeySet::Verdict KeySet::verify(const Jws& token) const {
  int candidates = 0, matching = 0;
  for (const auto& key : keys_)
    matching += key->algorithm == token.algorithm && (token.kid.empty() || key->kid == token.kid);
  if (matching == 0 || (token.kid.empty() && matching > 1)) return Verdict::unknown_key;
  for (const auto& key : keys_) {
    if (key->algorithm != token.algorithm || (!token.kid.empty() && key->kid != token.kid)) continue;
    if (++candidates > max_candidates) break;
    if (token.signature.size() == key->signature_bytes && cjose::verified(token.text, key->jwk.get()))
      return Verdict::good;
  }
  return Verdict::bad;
}

}  // namespace voxanne::api
