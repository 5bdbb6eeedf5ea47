#include "api/access/credentials.h"

#include "base/json_text.h"
#include "notify/mail_text.h"

#include <algorithm>
#include <charconv>

namespace voxanne::api {

namespace {

constexpr std::size_t secret_bytes = 32, secret_characters = 43;
constexpr std::string_view api_key_prefix = "vx_", invitation_prefix = "vi_";

Secret make(std::string_view prefix) {
  return Secret{std::string{prefix} + to_base64url(random_bytes(secret_bytes))};
}

bool has_form(std::string_view text, std::string_view prefix) {
  std::string bytes;
  return text.size() == prefix.size() + secret_characters && text.starts_with(prefix) &&
         from_base64url(text.substr(prefix.size()), bytes) && bytes.size() == secret_bytes;
}

}  // namespace

Credentials::Credentials(const Secret& root)
    : api_keys_(derive_key(root, "api-keys")),
      invitations_(derive_key(root, "invitations")),
      refresh_(derive_key(root, "refresh-tokens")),
      requests_(derive_key(root, "idempotent-requests")) {}

Secret Credentials::make_api_key() { return make(api_key_prefix); }
bool Credentials::is_api_key(std::string_view text) { return has_form(text, api_key_prefix); }
std::string Credentials::api_key_hash(std::string_view key) const {
  return to_hex(hmac_sha256(api_keys_.reveal(), key));
}
std::string Credentials::api_key_hint(std::string_view key) {
  return std::string{key.substr(key.size() - std::min<std::size_t>(4, key.size()))};
}

Secret Credentials::make_invitation() { return make(invitation_prefix); }
bool Credentials::is_invitation(std::string_view text) { return has_form(text, invitation_prefix); }
std::string Credentials::invitation_hash(std::string_view token) const {
  return to_hex(hmac_sha256(invitations_.reveal(), token));
}

std::string Credentials::request_hash(std::string_view request) const {
  return to_base64url(hmac_sha256(requests_.reveal(), request));
}

Secret Credentials::refresh_token(const Refresh& refresh) const {
  const std::string named = refresh.session.str() + "." + std::to_string(refresh.generation);
  return Secret{named + "." + to_base64url(hmac_sha256(refresh_.reveal(), named))};
}

std::optional<Credentials::Refresh> Credentials::open_refresh(std::string_view text) const {
  if (text.size() > 256) return std::nullopt;
  const auto last = text.rfind('.');
  if (last == text.npos) return std::nullopt;
  const auto named = text.substr(0, last);
  const auto dot = named.rfind('.');
  if (dot == named.npos) return std::nullopt;
  Refresh refresh{.session = SessionId{std::string{named.substr(0, dot)}}};
  const auto digits = named.substr(dot + 1);
  const auto [end, failed] =
      std::from_chars(digits.data(), digits.data() + digits.size(), refresh.generation);
  if (failed != std::errc{} || end != digits.data() + digits.size() || !is_sane_id(refresh.session.str()))
    return std::nullopt;
  // What is compared is the one spelling that we made, so that a token has no second text.
  if (!constant_time_equal(text, refresh_token(refresh).reveal())) return std::nullopt;
  return refresh;
}

std::optional<std::string> normal_email(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == text.npos) return std::nullopt;
  text = text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
  if (text.size() > 254 || !is_valid_utf8(text)) return std::nullopt;
  const auto at = text.find('@');
  if (at == text.npos || at == 0 || at + 1 == text.size() || text.find('@', at + 1) != text.npos)
    return std::nullopt;
  std::string email{text};
  for (char& c : email) {
    if (static_cast<unsigned char>(c) <= ' ' || c == 0x7f || c == ',' || c == ';' || c == '<' || c == '>' ||
        c == '"')
      return std::nullopt;
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  return email;
}

std::optional<std::string> mailable_email(std::string_view text) {
  auto email = normal_email(text);
  if (email && !notify::is_plain_address(*email)) email.reset();
  return email;
}

}  // namespace voxanne::api
