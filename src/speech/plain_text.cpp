#include "speech/plain_text.h"

#include <array>
#include <cstdint>

namespace voxanne::speech {
namespace {

struct Decoded {
  char32_t point;
  std::size_t length;
};

// Undecodable bytes yield a blank of one byte.
Decoded decode(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return {U' ', 1};
  char32_t point = lead & (0x7FU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80) return {U' ', 1};
    point = point << 6U | (byte(i) & 0x3FU);
  }
  return {point, length};
}

// U+00C0–U+017F without accents; '*' where the block holds something else.
constexpr std::string_view latin =
    "AAAAAAACEEEEIIIIDNOOOOO*OUUUUYTsaaaaaaaceeeeiiiidnooooo*ouuuuyty"
    "AaAaAaCcCcCcCcDdDdEeEeEeEeEeGgGgGgGgHhHhIiIiIiIiIiIiJjKkkLlLlLlLlLlNnNnNnnNnOoOoOoOoRrRrRrSsSsSs"
    "SsTtTtTtUuUuUuUuUuUuWwYyYZzZzZzs";
static_assert(latin.size() == 0x180 - 0xC0);

std::string_view plain(char32_t point, std::array<char, 1>& one) {
  const auto single = [&](char c) {
    one[0] = c;
    return std::string_view{one.data(), 1};
  };
  if (point < 0x20 || point == 0x7F) return single(point == '\n' ? '\n' : ' ');
  if (point < 0x80) return single(static_cast<char>(point));
  if (point >= 0xC0 && point < 0x180) {
    switch (point) {
      case 0xC6:
      case 0xE6:
        return "ae";
      case 0xDF:
        return "ss";
      case 0x152:
      case 0x153:
        return "oe";
      default:
        return single(latin[point - 0xC0] == '*' ? ' ' : latin[point - 0xC0]);
    }
  }
  switch (point) {
    case 0xA3:
      return single(pound_sign);
    case 0x20AC:
      return single(euro_sign);
    case 0xB0:
      return single(degree_sign);
    case 0xBC:
      return " a quarter";
    case 0xBD:
      return " a half";
    case 0xBE:
      return " three quarters";
    case 0x2010:
    case 0x2011:
    case 0x2012:
    case 0x2013:
    case 0x2212:
      return single('-');
    case 0x2014:
    case 0x2015:
      return " , ";
    case 0x2018:
    case 0x2019:
    case 0x2BC:
      return single('\'');
    case 0x201C:
    case 0x201D:
      return single('"');
    case 0x2026:
      return ". ";
    case 0xAD:
    case 0x200B:
    case 0x200C:
    case 0x200D:
    case 0xFEFF:
      return {};
    default:
      return single(' ');
  }
}

}  // namespace

PlainText plain_text(std::string_view utf8) {
  PlainText out;
  out.characters.reserve(utf8.size());
  out.source_end.reserve(utf8.size());
  std::array<char, 1> one{};
  for (std::size_t at = 0; at < utf8.size();) {
    const auto [point, length] = decode(utf8.substr(at));
    at += length;
    for (const char c : plain(point, one)) {
      out.characters += c;
      out.source_end.push_back(at);
    }
  }
  return out;
}

}  // namespace voxanne::speech
