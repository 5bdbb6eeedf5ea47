#include "notify/signature.h"

#include <sodium.h>

namespace voxanne::notify {
namespace {

constexpr std::string_view prefix = "whsec_";
constexpr int base64 = sodium_base64_VARIANT_ORIGINAL;

std::string to_base64(std::string_view raw) {
  std::string out(sodium_base64_encoded_len(raw.size(), base64), '\0');
  sodium_bin2base64(out.data(), out.size(), reinterpret_cast<const unsigned char*>(raw.data()), raw.size(),
                    base64);
  out.pop_back();  // its terminator
  return out;
}

std::string key_of(const Secret& secret) {
  auto text = secret.reveal();
  if (!text.starts_with(prefix)) return {};
  text.remove_prefix(prefix.size());
  std::string key(text.size(), '\0');
  std::size_t size = 0;
  if (sodium_base642bin(reinterpret_cast<unsigned char*>(key.data()), key.size(), text.data(), text.size(),
                        nullptr, &size, nullptr, base64) != 0)
    return {};
  key.resize(size);
  return key;
}

}  // namespace

Secret make_webhook_secret() { return Secret{std::string{prefix} + to_base64(random_bytes(32))}; }

std::string webhook_timestamp(UtcTime at) { return std::to_string(to_unix_ms(at) / 1'000); }

std::string webhook_signature(const std::vector<Secret>& secrets, std::string_view id, UtcTime at,
                              std::string_view payload) {
  std::string signed_text{id};
  signed_text.append(".").append(webhook_timestamp(at)).append(".").append(payload);
  std::string out;
  for (const Secret& secret : secrets) {
    const std::string key = key_of(secret);
    if (key.empty()) continue;
    if (!out.empty()) out.push_back(' ');
    out.append("v1,").append(to_base64(hmac_sha256(key, signed_text)));
  }
  return out;
}

}  // namespace voxanne::notify
