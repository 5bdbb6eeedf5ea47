#include "telephony/sip/screen.h"

#include <algorithm>

namespace voxanne::telephony::sip {

auto Screen::judge(const Address& source) const -> Verdict {
  const Address plain = unmapped(source);
  if (allow_loopback_ && plain.is_loopback()) return Verdict::allowed;
  if (std::ranges::find(trunk_, plain) != trunk_.end()) return Verdict::allowed;
  if (std::ranges::any_of(allowed_, [&](const Network& network) { return network.contains(plain); }))
    return Verdict::allowed;
  return has_users_ ? Verdict::needs_credentials : Verdict::refused;
}

void Screen::add_trunk(const Address& address) {
  const Address plain = unmapped(address);
  if (std::ranges::find(trunk_, plain) != trunk_.end()) return;
  // A trunk that moves about without end keeps its newest addresses.
  if (trunk_.size() == max_trunk_addresses) trunk_.erase(trunk_.begin());
  trunk_.push_back(plain);
}

}  // namespace voxanne::telephony::sip
