#include "ops/sentry/dsn.h"

#include <algorithm>

namespace voxanne::ops::sentry {
namespace {

bool is_word(std::string_view text, std::string_view also) {
  return !text.empty() && std::ranges::all_of(text, [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           also.find(c) != std::string_view::npos;
  });
}

bool is_port(std::string_view text) {
  return !text.empty() && text.size() <= 5 &&
         std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; }) &&
         std::stoi(std::string{text}) <= 65'535;
}

bool is_host(std::string_view text) {
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos || !is_word(text.substr(1, end - 1), ":.")) return false;
    const auto rest = text.substr(end + 1);
    return rest.empty() || (rest.front() == ':' && is_port(rest.substr(1)));
  }
  const auto colon = text.find(':');
  return is_word(text.substr(0, colon), ".-_") &&
         (colon == std::string_view::npos || is_port(text.substr(colon + 1)));
}

Error bad_dsn() {
  return malformed("bad_dsn",
                   "allowed is https://PUBLIC_KEY@HOST/PROJECT, as the tracker's settings show it");
}

}  // namespace

Result<Dsn> parse_dsn(std::string_view text) {
  const auto scheme_end = text.find("://");
  const auto scheme = text.substr(0, scheme_end);
  if (scheme_end == std::string_view::npos || (scheme != "https" && scheme != "http") || text.size() > 1'024)
    return bad_dsn();
  const auto rest = text.substr(scheme_end + 3);
  const auto at = rest.find('@');
  const auto slash = rest.rfind('/');
  if (at == std::string_view::npos || slash == std::string_view::npos || slash < at) return bad_dsn();
  const auto key = rest.substr(0, std::min(at, rest.find(':')));
  const auto place = rest.substr(at + 1, slash - at - 1);
  const auto project = rest.substr(slash + 1);
  const auto host = place.substr(0, place.find('/'));
  const auto prefix = place.substr(host.size());
  if (!is_word(key, "_-") || key.size() > 64 || !is_host(host) || !is_word(project, "_-") ||
      (!prefix.empty() && (!is_word(prefix, "/._-") || prefix.find("..") != std::string_view::npos)))
    return bad_dsn();
  const std::string base = std::string{scheme} + "://";
  Dsn dsn;
  dsn.public_key = key;
  dsn.text = base + std::string{key} + "@" + std::string{place} + "/" + std::string{project};
  dsn.envelope_url = base + std::string{place} + "/api/" + std::string{project} + "/envelope/";
  return dsn;
}

std::string auth_header(const Dsn& dsn) {
  return "Sentry sentry_version=7, sentry_client=" + std::string{client_name} +
         "/1.0, sentry_key=" + dsn.public_key;
}

}  // namespace voxanne::ops::sentry
