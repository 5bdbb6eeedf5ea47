#include "base/secret.h"

#include <sodium.h>

#include <utility>

namespace voxanne {
namespace {

// Chooses the implementations that this processor is fastest with.
[[maybe_unused]] const int sodium_is_ready = sodium_init();

const unsigned char* bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

void wipe(std::string& text) {
  text.resize(text.capacity());
  sodium_memzero(text.data(), text.size());
  text.clear();
}

std::string encode(std::string_view text, int variant) {
  std::string out(sodium_base64_encoded_len(text.size(), variant), '\0');
  sodium_bin2base64(out.data(), out.size(), bytes(text), text.size(), variant);
  out.pop_back();  // the terminating zero that the length counts
  return out;
}

}  // namespace

Secret::Secret(Secret&& other) noexcept : text_(other.text_) { wipe(other.text_); }

Secret& Secret::operator=(const Secret& other) {
  if (this != &other) {
    wipe(text_);
    text_ = other.text_;
  }
  return *this;
}

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this != &other) {
    wipe(text_);
    text_ = other.text_;
    wipe(other.text_);
  }
  return *this;
}

Secret::~Secret() { wipe(text_); }

bool constant_time_equal(std::string_view a, std::string_view b) {
  // Hashing first makes lengths equal, so that neither length nor content shows in the time.
  const std::string ha = sha256(a), hb = sha256(b);
  return sodium_memcmp(ha.data(), hb.data(), ha.size()) == 0;
}

Secret derive_key(const Secret& root, std::string_view purpose) {
  std::string info{purpose};
  info.push_back('\1');
  return Secret{hmac_sha256(root.reveal(), info)};
}

std::string hmac_sha256(std::string_view key, std::string_view message) {
  crypto_auth_hmacsha256_state state;
  crypto_auth_hmacsha256_init(&state, bytes(key), key.size());
  crypto_auth_hmacsha256_update(&state, bytes(message), message.size());
  std::string out(crypto_auth_hmacsha256_BYTES, '\0');
  crypto_auth_hmacsha256_final(&state, reinterpret_cast<unsigned char*>(out.data()));
  sodium_memzero(&state, sizeof state);
  return out;
}

std::string sha256(std::string_view message) {
  std::string out(crypto_hash_sha256_BYTES, '\0');
  crypto_hash_sha256(reinterpret_cast<unsigned char*>(out.data()), bytes(message), message.size());
  return out;
}

struct Sha256::State {
  crypto_hash_sha256_state sodium;
};

Sha256::Sha256() : state_(std::make_unique<State>()) { crypto_hash_sha256_init(&state_->sodium); }
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;

void Sha256::update(std::string_view piece) {
  crypto_hash_sha256_update(&state_->sodium, bytes(piece), piece.size());
}

std::string Sha256::finish() {
  std::string out(crypto_hash_sha256_BYTES, '\0');
  crypto_hash_sha256_final(&state_->sodium, reinterpret_cast<unsigned char*>(out.data()));
  return out;
}

std::string random_bytes(std::size_t count) {
  std::string out(count, '\0');
  randombytes_buf(out.data(), out.size());
  return out;
}

std::string to_hex(std::string_view text) {
  std::string out(text.size() * 2 + 1, '\0');
  sodium_bin2hex(out.data(), out.size(), bytes(text), text.size());
  out.pop_back();
  return out;
}

std::string to_base64url(std::string_view text) {
  return encode(text, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

bool from_base64url(std::string_view text, std::string& out) {
  out.assign(text.size(), '\0');
  std::size_t length = 0;
  if (sodium_base642bin(reinterpret_cast<unsigned char*>(out.data()), out.size(), text.data(), text.size(),
                        nullptr, &length, nullptr, sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0) {
    out.clear();
    return false;
  }
  out.resize(length);
  return true;
}

}  // namespace voxanne
