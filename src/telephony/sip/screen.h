// Who may call in: a closed door with three keys — the trunk, the allow-list, digest credentials.
// One thread (the SIP thread).
#pragma once

#include "telephony/sip/address.h"

#include <vector>

namespace voxanne::telephony::sip {

class Screen {
 public:
  enum class Verdict { allowed, needs_credentials, refused };

  Screen(std::vector<Network> allowed, bool allow_loopback, bool has_users)
      : allowed_(std::move(allowed)), allow_loopback_(allow_loopback), has_users_(has_users) {}

  Verdict judge(const Address& source) const;

  // The trunk is known by where it answers our authenticated requests from.
  void add_trunk(const Address& address);

 private:
  static constexpr std::size_t max_trunk_addresses = 64;

  std::vector<Network> allowed_;
  std::vector<Address> trunk_;
  bool allow_loopback_;
  bool has_users_;
};

}  // namespace voxanne::telephony::sip
