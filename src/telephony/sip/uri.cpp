#include "telephony/sip/uri.h"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace voxanne::telephony::sip {
namespace {

bool alphanumeric(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; }

// unreserved and user-unreserved of RFC 3261 section 25.1.
bool user_character(char c) {
  return alphanumeric(c) || std::string_view{"-_.!~*'()&=+$,;?/"}.find(c) != std::string_view::npos;
}

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

Error bad_uri(std::string_view why) {
  return malformed("invalid_sip_uri", "the SIP URI " + std::string{why} +
                                          "; write it as sip:USER@HOST, optionally with :PORT and "
                                          ";transport=udp or ;transport=tcp");
}

bool valid_host(std::string_view host) {
  if (host.empty() || host.size() > 253) return false;
  if (host.front() == '[') {
    if (host.back() != ']') return false;
    const auto address = parse_address(host.substr(1, host.size() - 2));
    return address && address->is_v6();
  }
  return alphanumeric(host.front()) &&
         std::ranges::all_of(host, [](char c) { return alphanumeric(c) || c == '-' || c == '.'; });
}

bool same_word(std::string_view a, std::string_view b) {
  return std::ranges::equal(
      a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

}  // namespace

std::optional<Address> Uri::address() const {
  std::string_view bare = host;
  if (bare.starts_with('[')) bare = bare.substr(1, bare.size() - 2);
  return parse_address(bare);
}

Result<Uri> parse_uri(std::string_view text) {
  if (text.size() > 512) return bad_uri("is longer than 512 characters");
  if (!same_word(text.substr(0, 4), "sip:")) return bad_uri("does not start with sip:");
  text.remove_prefix(4);

  Uri uri;
  if (const auto at = text.rfind('@'); at != text.npos) {
    const std::string_view user = text.substr(0, at);
    if (user.empty() || !std::ranges::all_of(user, [](char c) { return user_character(c) || c == '%'; }) ||
        !unescape_user(user))
      return bad_uri("has a user part with characters that must be escaped");
    uri.user = user;
    text.remove_prefix(at + 1);
  }

  std::string_view parameters;
  if (const auto semicolon = text.find(';'); semicolon != text.npos) {
    parameters = text.substr(semicolon);
    text = text.substr(0, semicolon);
  }
  const auto colon = text.find(':', text.starts_with('[') ? std::min(text.find(']'), text.size()) : 0);
  if (colon != text.npos) {
    const std::string_view digits = text.substr(colon + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), uri.port);
    if (error != std::errc{} || end != digits.data() + digits.size() || uri.port == 0)
      return bad_uri("has no valid port");
    text = text.substr(0, colon);
  }
  if (!valid_host(text)) return bad_uri("has no valid host");
  uri.host = same_word(text, "localhost") ? "127.0.0.1" : text;

  while (!parameters.empty()) {
    parameters.remove_prefix(1);
    const auto next = std::min(parameters.find(';'), parameters.size());
    const std::string_view parameter = parameters.substr(0, next);
    parameters.remove_prefix(next);
    if (same_word(parameter, "transport=udp")) {
      uri.transport = Transport::udp;
    } else if (same_word(parameter, "transport=tcp")) {
      uri.transport = Transport::tcp;
    } else {
      return bad_uri("has a parameter that is not known here");
    }
  }
  return uri;
}

std::string to_string(const Uri& uri) {
  std::string text = "sip:";
  if (!uri.user.empty()) text += uri.user + "@";
  text += uri.host;
  if (uri.port != 0) text += ":" + std::to_string(uri.port);
  if (uri.transport) text.append(";transport=").append(to_string(*uri.transport));
  return text;
}

std::string escape_user(std::string_view text) {
  static constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (user_character(c)) {
      out.push_back(c);
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out.append({'%', digits[byte >> 4], digits[byte & 15]});
    }
  }
  return out;
}

std::optional<std::string> unescape_user(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      const int high = i + 2 < text.size() ? hex(text[i + 1]) : -1;
      const int low = high < 0 ? -1 : hex(text[i + 2]);
      if (low < 0) return std::nullopt;
      c = static_cast<char>(high * 16 + low);
      i += 2;
    }
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return std::nullopt;
    out.push_back(c);
  }
  return out;
}

}  // namespace voxanne::telephony::sip
