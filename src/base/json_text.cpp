#include "base/json_text.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>

namespace voxanne {
namespace {

// What JSON cannot take as it is, and what is not ASCII.
bool is_special(char c) { return static_cast<signed char>(c) < 0x20 || c == '"' || c == '\\'; }

#if defined(__SSE2__)
// A bit for each special byte.
unsigned specials(__m128i block) {
  // Signed: bytes ≥ 0x80 are negative, hence below a space as well.
  const __m128i bad = _mm_or_si128(
      _mm_cmplt_epi8(block, _mm_set1_epi8(0x20)),
      _mm_or_si128(_mm_cmpeq_epi8(block, _mm_set1_epi8('"')), _mm_cmpeq_epi8(block, _mm_set1_epi8('\\'))));
  return unsigned(_mm_movemask_epi8(bad));
}

std::uint64_t eight(const char* at) {
  std::uint64_t bytes;
  std::memcpy(&bytes, at, sizeof bytes);
  return bytes;
}
#endif

// Index of the first special byte at or after `at`; the size when there is none.
std::size_t first_special(std::string_view text, std::size_t at) {
#if defined(__SSE2__)
  for (; at + 16 <= text.size(); at += 16) {
    const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + at));
    if (const unsigned mask = specials(block)) return at + std::size_t(__builtin_ctz(mask));
  }
  if (at + 8 <= text.size()) {
    // Both ends of what is left; where they overlap, a special byte is found at the same place.
    const std::size_t last = text.size() - 8;
    const __m128i block = _mm_set_epi64x(static_cast<long long>(eight(text.data() + last)),
                                         static_cast<long long>(eight(text.data() + at)));
    const unsigned mask = specials(block);
    if (mask == 0) return text.size();
    const auto bit = std::size_t(__builtin_ctz(mask));
    return bit < 8 ? at + bit : last + bit - 8;
  }
#endif
  while (at < text.size() && !is_special(text[at])) ++at;
  return at;
}

// Length of the well-formed UTF-8 sequence at `at` (RFC 3629 §4), or 0.
std::size_t utf8_length(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
  const auto tail = [&](std::size_t i) { return at + i < text.size() && (byte(i) & 0xC0) == 0x80; };
  const unsigned char c = byte(0);
  if (c < 0x80) return 1;
  if (c >= 0xC2 && c <= 0xDF) return tail(1) ? 2 : 0;
  if (c >= 0xE0 && c <= 0xEF) {
    if (!tail(1) || !tail(2)) return 0;
    if (c == 0xE0 && byte(1) < 0xA0) return 0;
    if (c == 0xED && byte(1) > 0x9F) return 0;
    return 3;
  }
  if (c >= 0xF0 && c <= 0xF4) {
    if (!tail(1) || !tail(2) || !tail(3)) return 0;
    if (c == 0xF0 && byte(1) < 0x90) return 0;
    if (c == 0xF4 && byte(1) > 0x8F) return 0;
    return 4;
  }
  return 0;
}

void append_thousandths(std::string& out, std::int64_t value) {
  if (value < 0) out.push_back('-');
  const auto all = static_cast<std::uint64_t>(std::abs(value));
  append_json_int(out, static_cast<std::int64_t>(all / 1000));
  const auto digit = [&](unsigned divisor) { return char('0' + all / divisor % 10); };
  const char decimals[] = {'.', digit(100), digit(10), digit(1)};
  std::size_t size = sizeof decimals;
  while (size > 1 && decimals[size - 1] == '0') --size;
  if (size > 1) out.append(decimals, size);
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  static constexpr char hex[] = "0123456789abcdef";
  out.push_back('"');
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = first_special(text, at);
    out.append(text, at, end - at);
    at = end;
    if (at == text.size()) break;
    const auto c = static_cast<unsigned char>(text[at]);
    if (c >= 0x80) {
      if (const std::size_t length = utf8_length(text, at)) {
        out.append(text, at, length);
        at += length;
      } else {
        out.append("\xEF\xBF\xBD");
        ++at;
      }
      continue;
    }
    ++at;
    switch (c) {
      case '"':
        out.append("\\\"");
        break;
      case '\\':
        out.append("\\\\");
        break;
      case '\n':
        out.append("\\n");
        break;
      case '\r':
        out.append("\\r");
        break;
      case '\t':
        out.append("\\t");
        break;
      default:
        out.append("\\u00");
        out.push_back(hex[c >> 4]);
        out.push_back(hex[c & 15]);
    }
  }
  out.push_back('"');
}

void append_json_int(std::string& out, std::int64_t value) {
  char text[24];
  out.append(text, std::to_chars(text, text + sizeof text, value).ptr);
}

void append_json_double(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out.append("null");
    return;
  }
  // Durations, cents and shares have three decimals at most, and two integers are written much faster than
  // the shortest digits of any double. A division rounds correctly: if it gives `value`, so does a reader.
  if (std::abs(value) < 1e12) {
    const auto thousandths = static_cast<std::int64_t>(value * 1000 + (value < 0 ? -0.5 : 0.5));
    if (static_cast<double>(thousandths) / 1000 == value) return append_thousandths(out, thousandths);
  }
  char text[32];
  out.append(text, std::to_chars(text, text + sizeof text, value).ptr);
}

std::size_t valid_utf8_prefix(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t length = utf8_length(text, at);
    if (length == 0) break;
    at += length;
  }
  return at;
}

}  // namespace voxanne
