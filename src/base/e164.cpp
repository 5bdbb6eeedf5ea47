#include "base/e164.h"

#include <algorithm>

namespace voxanne {
namespace {

Error bad_number(std::string_view why) {
  return malformed("invalid_phone_number",
                   "the phone number " + std::string{why} +
                       "; give it in E.164, country code first, such as +447700900000");
}

}  // namespace

bool is_e164(std::string_view text) {
  return text.size() >= 8 && text.size() <= 16 && text[0] == '+' && text[1] >= '1' && text[1] <= '9' &&
         std::ranges::all_of(text.substr(1), [](char c) { return c >= '0' && c <= '9'; });
}

Result<std::string> to_e164(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c >= '0' && c <= '9') {
      out.push_back(c);
    } else if (c == '+') {
      if (!out.empty()) return bad_number("has a + in its middle");
      out.push_back(c);
    } else if (c == '(' && text.substr(i).starts_with("(0)") && out.size() > 1) {
      i += 2;  // the national trunk zero that is not dialled from abroad
    } else if (c != ' ' && c != '-' && c != '.' && c != '(' && c != ')' && c != '/') {
      return bad_number("has characters that are not digits");
    }
  }
  if (out.starts_with("00")) out.replace(0, 2, "+");
  if (!out.starts_with('+')) return bad_number("has no country code");
  if (!is_e164(out)) return bad_number("is too short or too long");
  return out;
}

std::optional<std::string> dialled_number(std::string_view text) {
  if (auto number = to_e164(text)) return std::move(*number);
  if (auto number = to_e164("+" + std::string{text})) return std::move(*number);
  return std::nullopt;
}

}  // namespace voxanne
