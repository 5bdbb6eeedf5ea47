// What libre's listeners need from outside: to know that a port is free, and to be seen.
#pragma once

#include "base/result.h"
#include "telephony/sip/address.h"

#include <cstdint>
#include <vector>

namespace voxanne::telephony::sip {

// The port that `listener` may bind; a free one for port 0. libre binds TCP with SO_REUSEPORT, so a
// port that another server holds would be shared with it in silence; and it does not tell which
// port it chose. Errors: conflict "sip_port_in_use", impossible "sip_listen_failed".
Result<std::uint16_t> claim_port(const Listen& listener);

// libre binds single addresses, and answers a peer from the one that faces it: a listener for all of them
// (0.0.0.0, [::]) is one for each that this machine has now, link-local ones left out. Others are
// themselves.
std::vector<Listen> each_address(const Listen& listener);

// Sends a response that nobody waits for to a bound UDP listener. libre shows a listener's socket
// only with a message that came by it, and this one is the first.
void send_stray_response(const Listen& listener);

}  // namespace voxanne::telephony::sip
