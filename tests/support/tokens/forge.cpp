#include "support/tokens/forge.h"

#include "base/secret.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <stdexcept>

namespace voxanne::test {

namespace {

void need(bool done) {
  if (!done) throw std::runtime_error("OpenSSL refused");
}

std::string number(const EVP_PKEY* key, const char* name, int size = 0) {
  BIGNUM* value = nullptr;
  need(EVP_PKEY_get_bn_param(key, name, &value) == 1);
  std::string bytes(static_cast<std::size_t>(size ? size : BN_num_bytes(value)), '\0');
  BN_bn2binpad(value, reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  BN_free(value);
  return to_base64url(bytes);
}

}  // namespace

struct SigningKey::Impl {
  explicit Impl(EVP_PKEY* k) : key(k) { need(k != nullptr); }
  ~Impl() { EVP_PKEY_free(key); }
  bool is_rsa() const { return EVP_PKEY_is_a(key, "RSA") == 1; }
  EVP_PKEY* key;
};

SigningKey SigningKey::rsa(int bits) {
  SigningKey made;
  made.impl_ = std::make_shared<const Impl>(EVP_RSA_gen(static_cast<unsigned>(bits)));
  return made;
}

SigningKey SigningKey::ec() {
  SigningKey made;
  made.impl_ = std::make_shared<const Impl>(EVP_EC_gen("P-256"));
  return made;
}

std::string SigningKey::sign(std::string_view text) const {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context{EVP_MD_CTX_new(), EVP_MD_CTX_free};
  need(EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, impl_->key) == 1);
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  std::size_t size = 0;
  need(EVP_DigestSign(context.get(), nullptr, &size, bytes, text.size()) == 1);
  std::string signature(size, '\0');
  need(EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, bytes,
                      text.size()) == 1);
  signature.resize(size);
  if (impl_->is_rsa()) return signature;
  // JWS has the two numbers side by side, OpenSSL a DER sequence of them.
  const auto* der = reinterpret_cast<const unsigned char*>(signature.data());
  ECDSA_SIG* pair = d2i_ECDSA_SIG(nullptr, &der, static_cast<long>(signature.size()));
  need(pair != nullptr);
  std::string raw(64, '\0');
  auto* out = reinterpret_cast<unsigned char*>(raw.data());
  BN_bn2binpad(ECDSA_SIG_get0_r(pair), out, 32);
  BN_bn2binpad(ECDSA_SIG_get0_s(pair), out + 32, 32);
  ECDSA_SIG_free(pair);
  return raw;
}

std::string SigningKey::jwk(std::string_view kid, std::string_view more) const {
  std::string text = R"({"kid":")" + std::string{kid} + "\",";
  if (impl_->is_rsa())
    text += R"("kty":"RSA","n":")" + number(impl_->key, OSSL_PKEY_PARAM_RSA_N) + R"(","e":")" +
            number(impl_->key, OSSL_PKEY_PARAM_RSA_E) + "\"";
  else
    text += R"("kty":"EC","crv":"P-256","x":")" + number(impl_->key, OSSL_PKEY_PARAM_EC_PUB_X, 32) +
            R"(","y":")" + number(impl_->key, OSSL_PKEY_PARAM_EC_PUB_Y, 32) + "\"";
  if (!more.empty()) text.append(",").append(more);
  return text + "}";
}

std::string SigningKey::public_pem() const {
  const std::unique_ptr<BIO, decltype(&BIO_free)> out{BIO_new(BIO_s_mem()), BIO_free};
  need(PEM_write_bio_PUBKEY(out.get(), impl_->key) == 1);
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

std::string jwks(std::initializer_list<std::string> keys) {
  std::string text = R"({"keys":[)";
  for (const auto& key : keys) text.append(text.back() == '[' ? "" : ",").append(key);
  return text + "]}";
}

std::string unsigned_jws(std::string_view header, std::string_view payload) {
  return to_base64url(header) + "." + to_base64url(payload) + ".";
}

std::string forged(std::string_view header, std::string_view payload, const SigningKey& key) {
  const std::string input = to_base64url(header) + "." + to_base64url(payload);
  return input + "." + to_base64url(key.sign(input));
}

std::string forged_hs256(std::string_view header, std::string_view payload, std::string_view secret) {
  const std::string input = to_base64url(header) + "." + to_base64url(payload);
  return input + "." + to_base64url(hmac_sha256(secret, input));
}

}  // namespace voxanne::test
