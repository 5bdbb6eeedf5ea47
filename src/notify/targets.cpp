#include "notify/targets.h"

#include "net/public_address.h"
#include "net/url.h"

#include <algorithm>

namespace voxanne::notify {

bool Targets::may_connect(const net::IpAddress& address, bool secure) const {
  if (std::ranges::any_of(allowed_, [&](const auto& network) { return network.contains(address); }))
    return true;
  return secure && net::is_public(address);
}

Result<> Targets::check(std::string_view text) const {
  const auto url = net::parse_url(text);
  if (!url || (url->scheme != "https" && url->scheme != "http"))
    return malformed("bad_url", "url must be an https:// URL");
  if (!url->user.empty() || !url->password.empty())
    return malformed("bad_url",
                     "url may hold no user name or password: it is shown to everybody who reads it");
  const Error refused{Fault::impossible, "target_not_allowed",
                      "webhooks go by https to public addresses only; the operator may allow others "
                      "(WEBHOOK_ALLOW)"};
  if (const auto address = net::IpAddress::parse(url->host); address && !may_connect(*address, url->secure()))
    return refused;
  if (url->host == "localhost" || url->host.ends_with(".localhost")) {
    const auto here = net::IpAddress::parse("127.0.0.1"), there = net::IpAddress::parse("::1");
    if (!may_connect(*here, url->secure()) && !may_connect(*there, url->secure())) return refused;
  }
  if (!url->secure() && allowed_.empty()) return refused;
  return {};
}

}  // namespace voxanne::notify
