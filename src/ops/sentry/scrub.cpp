#include "ops/sentry/scrub.h"

#include "base/ids.h"
#include "base/json_text.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace voxanne::ops::sentry {
namespace {

bool digit(char c) { return c >= '0' && c <= '9'; }
bool letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool word(char c) { return digit(c) || letter(c) || c == '_'; }
// A non-ASCII byte belongs to a word as well: addresses and names may be written in any script.
bool mail(char c) { return word(c) || c == '.' || c == '+' || c == '-' || c == '%' || (c & 0x80) != 0; }
bool token(char c) { return word(c) || c == '-' || c == '.' || c == '+' || c == '/' || c == '=' || c == '~'; }

std::string lower(std::string_view text) {
  std::string out{text};
  std::ranges::transform(out, out.begin(), [](unsigned char c) { return char(std::tolower(c)); });
  return out;
}

template <class Is>
std::size_t run(std::string_view text, Is is) {
  return std::size_t(std::ranges::find_if_not(text, is) - text.begin());
}

bool names_a_secret(std::string_view name) {
  constexpr std::array secrets{"token",         "secret", "password", "passwd", "signature",
                               "authorization", "apikey", "api_key",  "cookie", "session",
                               "credential",    "dsn",    "bearer",   "api-key"};
  const std::string key = lower(name);
  return std::ranges::any_of(secrets, [&](const char* s) { return key.find(s) != std::string::npos; });
}

// +44 7700 900123, (0)20-7946 0958, 07700900123: seven digits or more with little between them.
std::size_t phone_number(std::string_view text) {
  std::size_t digits = 0, end = 0, between = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (digit(text[i])) {
      ++digits;
      end = i + 1;
      between = 0;
    } else if ((text[i] == '+' || text[i] == '(') && i == 0) {
    } else if (std::string_view{" ().-/"}.find(text[i]) == std::string_view::npos || ++between > 2) {
      break;
    }
  }
  return digits >= 7 && (end == text.size() || !word(text[end])) ? end : 0;
}

std::size_t e_mail(std::string_view text) {
  const auto local = run(text, mail);
  if (local == 0 || local == text.size() || text[local] != '@') return 0;
  const auto domain = run(text.substr(local + 1), mail);
  return domain == 0 ? 0 : local + 1 + domain;
}

// Long, and neither a word nor one of our ids (a prefix and 26 characters).
std::size_t secret_text(std::string_view text) {
  const auto length = run(text, token);
  const auto it = text.substr(0, length);
  const bool known = it.starts_with("vx_") || it.starts_with("sk-") || it.starts_with("eyJ");
  if (known && length >= 12) return length;
  if (length < 40 || it.find("://") != std::string_view::npos) return 0;
  const bool path = std::ranges::count(it, '/') * 12 > std::ptrdiff_t(length);
  return !path && std::ranges::any_of(it, digit) && std::ranges::any_of(it, letter) ? length : 0;
}

// `name=value`, `name: value` and `"name":"value"` where the name says that it is a secret.
std::size_t named_secret(std::string_view text, std::size_t& kept) {
  const auto name = run(text, [](char c) { return word(c) || c == '-'; });
  if (name == 0 || !names_a_secret(text.substr(0, name))) return 0;
  std::size_t at = name;
  const auto skip = [&](std::string_view of) {
    while (at < text.size() && of.find(text[at]) != std::string_view::npos) ++at;
  };
  skip("\"' ");
  if (at == text.size() || (text[at] != '=' && text[at] != ':')) {
    // "Bearer abc", "Basic abc"
    if (lower(text.substr(0, name)) != "bearer" || at == name) return 0;
  } else {
    ++at;
  }
  skip("\"' ");
  if (lower(text.substr(at, 7)) == "bearer " || lower(text.substr(at, 6)) == "basic ")
    at = text.find(' ', at) + 1;
  kept = at;
  const auto value = run(text.substr(at), [](char c) {
    return !std::isspace(static_cast<unsigned char>(c)) && c != '"' && c != '\'' && c != '&' && c != ',' &&
           c != ';';
  });
  return value == 0 ? 0 : at + value;
}

// user:password@ after a scheme.
std::size_t url_credentials(std::string_view text) {
  if (!text.starts_with("://")) return 0;
  const auto authority = text.substr(3, text.find_first_of("/?# \"", 3) - 3);
  const auto at = authority.rfind('@');
  return at == std::string_view::npos ? 0 : 3 + at + 1;
}

}  // namespace

std::string scrub(std::string_view text, std::size_t limit) {
  std::string out;
  // What is cut off needs no looking at; a number that straddles the end is seen whole.
  text = text.substr(0, limit + 256);
  bool inside = false;  // of a word: nothing begins there
  for (std::size_t i = 0; i < text.size() && out.size() < limit;) {
    const auto rest = text.substr(i);
    std::size_t kept = 0, taken = 0;
    std::string_view instead;
    if ((taken = url_credentials(rest)) > 0) {
      kept = 3;
      instead = "[redacted]@";
    } else if (!inside) {
      if ((taken = named_secret(rest, kept)) > 0)
        instead = "[redacted]";
      else if ((taken = e_mail(rest)) > 0)
        instead = "[email]";
      else if ((taken = secret_text(rest)) > 0)
        instead = "[token]";
      else if ((taken = phone_number(rest)) > 0)
        instead = "[number]";
    }
    if (taken > 0) {
      out.append(rest.substr(0, kept)).append(instead);
      i += taken;
      inside = false;
      continue;
    }
    out.push_back(text[i]);
    inside = mail(text[i]) && text[i] != '+' && text[i] != '-' && text[i] != '.';
    ++i;
  }
  if (out.size() > limit) out.resize(limit);
  // A character that was cut in two.
  const auto whole = valid_utf8_prefix(out);
  if (out.size() - whole < 4 && whole < out.size() && out.size() >= limit) out.resize(whole);
  return out;
}

std::string scrub_field(std::string_view key, std::string_view value) {
  constexpr std::array ids{"requestId", "callId",  "orgId",      "traceId",     "spanId",
                           "node",      "version", "release",    "environment", "uploadId",
                           "messageId", "queue",   "documentId", "assistantId"};
  if (std::ranges::find(ids, key) != ids.end())
    return is_sane_id(value) ? std::string{value} : scrub(value, 128);
  constexpr std::array words{"text", "transcript", "question", "answer", "name",  "number", "from",   "to",
                             "mail", "email",      "caller",   "words",  "phone", "body",   "content"};
  const std::string lowered = lower(key);
  const bool personal = std::ranges::find(words, lowered) != words.end() || lowered.ends_with("number") ||
                        lowered.ends_with("email") || lowered.ends_with("transcript");
  if (personal || names_a_secret(key)) return value.empty() ? "" : "[redacted]";
  return scrub(value, 512);
}

}  // namespace voxanne::ops::sentry
