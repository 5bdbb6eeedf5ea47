#include "api/client.h"

#include <algorithm>
#include <array>

namespace voxanne::api {

namespace {

using net::IpAddress;

constexpr std::size_t max_hops = 32;

// What a proxy adds. One alone means that the peer is not who is asking.
bool is_forwarding_header(std::string_view name) {
  constexpr std::string_view prefix = "x-forwarded";
  if (net::equal_ignoring_case(name.substr(0, prefix.size()), prefix)) return true;
  for (const std::string_view other :
       {"forwarded", "via", "x-real-ip", "x-client-ip", "x-cluster-client-ip", "x-original-forwarded-for",
        "x-original-host", "x-host", "true-client-ip", "cf-connecting-ip", "fastly-client-ip",
        "x-envoy-external-address"})
    if (net::equal_ignoring_case(name, other)) return true;
  return false;
}

bool is_forwarded(const net::Headers& headers) {
  for (std::size_t i = 0; i < headers.size(); ++i)
    if (is_forwarding_header(headers[i].name)) return true;
  return false;
}

bool is_port(std::string_view text) {
  return !text.empty() && text.size() <= 5 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool is_local_host(std::string_view host) {
  for (const std::string_view name : {"localhost", "127.0.0.1", "[::1]"}) {
    if (!net::equal_ignoring_case(host.substr(0, name.size()), name)) continue;
    const auto rest = host.substr(name.size());
    if (rest.empty() || (rest.front() == ':' && is_port(rest.substr(1)))) return true;
  }
  return false;
}

// A cross-site GET of an image or script carries no Origin, but browsers say where it came from.
bool is_from_elsewhere(const net::Headers& headers) {
  const auto site = headers.find("Sec-Fetch-Site");
  return site && *site != "same-origin" && *site != "none";
}

bool is_trusted(const IpAddress& address, const std::vector<net::Network>& proxies) {
  return std::ranges::any_of(proxies, [&](const net::Network& network) { return network.contains(address); });
}

// A proxy may pass on what it gets without a word: with one on this machine, a peer from here may be anybody.
bool has_proxy_here(const net::Request& request, const std::vector<net::Network>& proxies) {
  if (proxies.empty()) return false;
  return std::ranges::any_of(std::array<std::string_view, 3>{"127.0.0.1", "::1", request.peer.address},
                             [&](std::string_view text) {
                               const auto address = IpAddress::parse(text);
                               return address && is_trusted(*address, proxies);
                             });
}

bool is_local(const net::Request& request, const std::vector<net::Network>& proxies) {
  const net::Headers& headers = request.headers;
  if (!request.peer.loopback || is_forwarded(headers) || has_proxy_here(request, proxies)) return false;
  const auto host = headers.get("Host");
  if (headers.count("Host") != 1 || !is_local_host(host)) return false;
  if (headers.count("Origin") > 1 || is_from_elsewhere(headers)) return false;
  const auto origin = headers.find("Origin");
  return !origin || is_own_origin(*origin, host);
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// "192.0.2.1", "192.0.2.1:4711", "2001:db8::1", "[2001:db8::1]:4711"
std::optional<IpAddress> parse_hop(std::string_view text) {
  text = trimmed(text);
  if (text.starts_with('[')) {
    const auto close = text.find(']');
    if (close == text.npos) return std::nullopt;
    const auto rest = text.substr(close + 1);
    if (!rest.empty() && (rest.front() != ':' || !is_port(rest.substr(1)))) return std::nullopt;
    return IpAddress::parse(text.substr(1, close - 1));
  }
  const auto colon = text.find(':');
  if (colon != text.npos && text.find(':', colon + 1) == text.npos) {
    if (!is_port(text.substr(colon + 1))) return std::nullopt;
    text = text.substr(0, colon);
  }
  return IpAddress::parse(text);
}

// The last of a list that several fields of one name make.
std::string_view last_of(const net::Headers& headers, std::string_view name) {
  std::string_view last;
  for (std::size_t i = 0; i < headers.size(); ++i)
    if (net::equal_ignoring_case(headers[i].name, name)) last = headers[i].value;
  const auto comma = last.rfind(',');
  return trimmed(comma == last.npos ? last : last.substr(comma + 1));
}

// From the right: each hop was written by the proxy before it, so the first that is no proxy of ours is
// the client, and what stands left of it is the client's own claim.
IpAddress forwarded_for(const net::Headers& headers, IpAddress peer,
                        const std::vector<net::Network>& proxies) {
  std::vector<std::string_view> hops;
  for (std::size_t i = 0; i < headers.size(); ++i) {
    auto [name, value] = headers[i];
    if (!net::equal_ignoring_case(name, "X-Forwarded-For")) continue;
    for (;;) {
      const auto comma = value.find(',');
      hops.push_back(value.substr(0, comma));
      if (comma == value.npos) break;
      value.remove_prefix(comma + 1);
    }
  }
  std::size_t walked = 0;
  for (auto hop = hops.rbegin(); hop != hops.rend() && walked < max_hops; ++hop, ++walked) {
    const auto address = parse_hop(*hop);
    if (!address) break;
    peer = *address;
    if (!is_trusted(peer, proxies)) break;
  }
  return peer;
}

}  // namespace

bool is_own_origin(std::string_view origin, std::string_view host) {
  for (const std::string_view scheme : {"http://", "https://"})
    if (net::equal_ignoring_case(origin.substr(0, scheme.size()), scheme) &&
        net::equal_ignoring_case(origin.substr(scheme.size()), host))
      return true;
  return false;
}

Client client_of(const net::Request& request, const std::vector<net::Network>& trusted_proxies) {
  Client client{.address = request.peer.address,
                .secure = request.peer.secure,
                .local = is_local(request, trusted_proxies)};
  const auto peer = IpAddress::parse(request.peer.address);
  if (!peer) return client;
  if (!is_trusted(*peer, trusted_proxies)) {
    client.address = peer->subscriber();
    return client;
  }
  client.address = forwarded_for(request.headers, *peer, trusted_proxies).subscriber();
  if (request.headers.has("X-Forwarded-Proto"))
    client.secure = net::equal_ignoring_case(last_of(request.headers, "X-Forwarded-Proto"), "https");
  return client;
}

}  // namespace voxanne::api
