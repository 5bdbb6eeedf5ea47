// Where webhooks may go: by https to any public address, and by http too within the networks that the
// operator allows (WEBHOOK_ALLOW), such as an internal one. A name is judged by the address it leads to
// when the socket opens, so that it cannot lead elsewhere later. Immutable; any thread.
#pragma once

#include "base/result.h"
#include "net/network.h"

#include <string_view>
#include <vector>

namespace voxanne::notify {

class Targets {
 public:
  explicit Targets(std::vector<net::Network> allowed) : allowed_(std::move(allowed)) {}

  bool may_connect(const net::IpAddress& address, bool secure) const;
  // What can be told of a URL before it is used. Errors: malformed (bad_url), impossible
  // (target_not_allowed).
  Result<> check(std::string_view url) const;

 private:
  const std::vector<net::Network> allowed_;
};

}  // namespace voxanne::notify
