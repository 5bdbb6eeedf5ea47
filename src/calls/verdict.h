// One verdict per call: how it ended and whose fault a failure was. Pure.
#pragma once

#include "domain/call.h"
#include "telephony/leg.h"

namespace voxanne::calls {

// What the end of a leg means for its call, when nothing on our side had ended it before. Nobody carries a
// browser's call: what breaks it is the caller's to mend.
domain::Verdict verdict_of(const telephony::LegEnd& end, domain::Channel channel, domain::Direction direction,
                           bool answered);

domain::Verdict canceled_verdict();  // somebody ended it through the API
// Its record could not be written in time, so that nobody was dialled.
domain::Verdict not_recorded_verdict();
domain::Verdict shutdown_verdict();  // the server stopped before the call did

}  // namespace voxanne::calls
