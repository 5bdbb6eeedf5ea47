// How we appear to a peer: which listener of ours faces it and which address it is told to send
// to. Behind a NAT the two differ.
#pragma once

#include "telephony/sip/address.h"

#include <optional>
#include <string>
#include <string_view>

namespace voxanne::telephony::sip {

// The user of our Contact, and so of calls that a registrar sends to it whatever number was dialled.
inline constexpr std::string_view contact_user = "voxanne";

struct Route {
  Listen listener;     // what is bound; its address is where RTP binds too
  Address advertised;  // goes into Contact and SDP

  std::string contact() const;  // "sip:voxanne@192.0.2.1:5060;transport=tcp"
};

// `peer` is absent while only DNS knows it. The listener's address is one of this machine's own.
Route route_to(const std::optional<Address>& peer, const Listen& listener,
               const std::optional<Address>& public_address);

// The address from which this machine would send to `peer` (absent: to the IPv4 world); nullopt when it
// would not.
std::optional<Address> source_towards(const std::optional<Address>& peer);

}  // namespace voxanne::telephony::sip
