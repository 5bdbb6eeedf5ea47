// A plain SIP caller, for `voxanne call`, tests and load tests: a gateway without trunk that dials
// SIP URIs and takes no calls.
//
//   Gateway caller{thread, clock, caller_options("sip:demo@127.0.0.1:5060").value(), {}};
//   caller.start();
//   auto leg = caller.dial(shard, {.to = "sip:demo@127.0.0.1:5060"});
#pragma once

#include "telephony/sip/gateway.h"

#include <string_view>

namespace voxanne::telephony::sip {

// Listens on a free port of the address from which `target` is reached, over its transport (UDP
// unless the URI says otherwise). Errors: parse_uri()'s.
Result<Options> caller_options(std::string_view target);

}  // namespace voxanne::telephony::sip
