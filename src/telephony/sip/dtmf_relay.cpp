#include "telephony/sip/dtmf_relay.h"

#include <algorithm>
#include <cctype>

namespace voxanne::telephony::sip {
namespace {

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

bool same_word(std::string_view a, std::string_view b) {
  return std::ranges::equal(
      a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

}  // namespace

std::optional<char> parse_dtmf(std::string_view body) {
  const std::string_view key = trimmed(body);
  // Some gateways send the event number of RFC 4733 instead of the sign.
  if (key == "10") return '*';
  if (key == "11") return '#';
  if (key.size() != 1) return std::nullopt;
  const char sign = static_cast<char>(std::toupper(static_cast<unsigned char>(key.front())));
  if (std::string_view{"0123456789*#ABCD"}.find(sign) == std::string_view::npos) return std::nullopt;
  return sign;
}

std::optional<char> parse_dtmf_relay(std::string_view body) {
  while (!body.empty()) {
    const auto end = std::min(body.find('\n'), body.size());
    const std::string_view line = body.substr(0, end);
    body.remove_prefix(std::min(end + 1, body.size()));
    const auto equals = line.find('=');
    if (equals != line.npos && same_word(trimmed(line.substr(0, equals)), "signal"))
      return parse_dtmf(line.substr(equals + 1));
  }
  return std::nullopt;
}

}  // namespace voxanne::telephony::sip
