// The configuration's SIP settings as the gateway's options.
#pragma once

#include "app/config.h"
#include "telephony/sip/options.h"

namespace voxanne::app {

// Errors: malformed (bad_configuration) naming the setting.
Result<telephony::sip::Options> sip_options(const Config& config);

}  // namespace voxanne::app
