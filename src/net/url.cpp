#include "net/url.h"

#include <boost/url/encode.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/rfc/unreserved_chars.hpp>
#include <boost/url/url_view.hpp>

#include <algorithm>
#include <charconv>

namespace voxanne::net {

namespace {

std::uint16_t default_port(std::string_view scheme) {
  if (scheme == "http" || scheme == "ws") return 80;
  if (scheme == "https" || scheme == "wss") return 443;
  return 0;
}

template <class Text>
std::string lower(const Text& text) {
  std::string out{text.begin(), text.end()};
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

}  // namespace

std::string Url::authority() const {
  std::string text = host.find(':') == std::string::npos ? host : "[" + host + "]";
  if (port != 0 && port != default_port(scheme)) text += ":" + std::to_string(port);
  return text;
}

std::string Url::origin() const { return scheme + "://" + authority(); }

Result<Url> parse_url(std::string_view text) {
  const auto parsed = boost::urls::parse_uri({text.data(), text.size()});
  if (!parsed || !parsed->has_authority() || parsed->encoded_host().empty())
    return malformed("bad_url", "this is not an absolute URL with a scheme and a host");
  Url url;
  url.scheme = lower(parsed->scheme());
  url.host = parsed->host_type() == boost::urls::host_type::ipv6 ? lower(parsed->host_address())
                                                                 : lower(parsed->host());
  // Nothing that an escape hides: those who resolve, connect and check would not all read it alike.
  if (parsed->host_type() != boost::urls::host_type::ipv6 &&
      url.host.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-._") != std::string::npos)
    return malformed("bad_url",
                     "the URL's host may have letters, digits, hyphens and dots (other scripts as xn--…)");
  url.port = default_port(url.scheme);
  if (parsed->has_port()) {
    // port_number() of Boost 1.81 wraps around at 65536.
    const std::string_view digits{parsed->port().data(), parsed->port().size()};
    const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), url.port);
    if (failed != std::errc{} || end != digits.data() + digits.size() || url.port == 0)
      return malformed("bad_url", "the URL's port must be between 1 and 65535");
  }
  url.path = parsed->encoded_path();
  if (url.path.empty()) url.path = "/";
  // Boost 1.81 lets a path follow the port without its slash.
  if (url.path.front() != '/') return malformed("bad_url", "the URL's path must begin with a slash");
  if (parsed->has_query()) url.query = parsed->encoded_query();
  url.user = parsed->user();
  url.password = parsed->password();
  return url;
}

std::string percent_encode(std::string_view text) {
  return boost::urls::encode({text.data(), text.size()}, boost::urls::unreserved_chars);
}

}  // namespace voxanne::net
