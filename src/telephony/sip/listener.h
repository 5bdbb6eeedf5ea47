// What libre's listeners need from outside: to know that a port is free, and to be seen.
#pragma once

#include "base/result.h"
#include "telephony/sip/address.h"

#include <cstdint>
#include <functional>
#include <vector>

namespace voxanne::telephony::sip {

// The port that `listener` may bind; a free one for port 0. libre binds TCP with SO_REUSEPORT, so a
// port that another server holds would be shared with it in silence; and it does not tell which
// port it chose. Errors: listen_error()'s.
Result<std::uint16_t> claim_port(const Listen& listener);

// What an errno of bind() means: conflict "sip_port_in_use", impossible "sip_address_unavailable" (no
// address of this machine, or not one yet) or "sip_listen_failed".
Error listen_error(const Listen& listener, int error);

// libre binds single addresses, and answers a peer from the one that faces it: a listener for all of them
// (0.0.0.0, [::]) is one for each that this machine has now, link-local ones left out. Others are
// themselves.
std::vector<Listen> each_address(const Listen& listener);

// Calls `listen` for each of `addresses`, which are each_address(wanted), and gives back those where it
// listens; where any port will do, `listen` chooses it at the first of them and it is the same at all. A
// wildcard's address that is "sip_address_unavailable", as a tentative or duplicate one of IPv6 is (RFC 4862
// section 5.4), is left out with a warning; where that leaves none, it is the error, and "sip_listen_failed"
// where there was none.
Result<std::vector<Listen>> listen_on(const Listen& wanted, const std::vector<Listen>& addresses,
                                      const std::function<Result<>(Listen&)>& listen);

// Sends a response that nobody waits for to a bound UDP listener. libre shows a listener's socket
// only with a message that came by it, and this one is the first.
void send_stray_response(const Listen& listener);

}  // namespace voxanne::telephony::sip
