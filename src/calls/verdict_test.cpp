#include "calls/verdict.h"

#include <gtest/gtest.h>

namespace voxanne::calls {
namespace {

using Cause = telephony::LegEnd::Cause;
using domain::Direction;
using domain::FaultParty;

TEST(CallVerdict, every_end_of_a_leg_has_one_and_failures_name_who_has_to_mend) {
  const struct {
    Cause cause;
    Direction direction;
    bool answered;
    std::string_view reason;
    FaultParty fault;
  } rows[] = {
      {Cause::remote_hung_up, Direction::inbound, true, "customer-ended-call", FaultParty::nobody},
      {Cause::local_hung_up, Direction::inbound, true, "assistant-ended-call", FaultParty::nobody},
      {Cause::cancelled, Direction::inbound, false, "customer-ended-call", FaultParty::nobody},
      {Cause::cancelled, Direction::outbound, false, "manually-canceled", FaultParty::nobody},
      {Cause::busy, Direction::outbound, false, "customer-busy", FaultParty::nobody},
      {Cause::no_answer, Direction::outbound, false, "customer-did-not-answer", FaultParty::nobody},
      {Cause::transferred, Direction::inbound, true, "assistant-forwarded-call", FaultParty::nobody},
      {Cause::rejected, Direction::outbound, false, "call.start.error-rejected", FaultParty::carrier},
      {Cause::media_timeout, Direction::inbound, true, "call.in-progress.error-media-timeout",
       FaultParty::carrier},
      {Cause::transport_failed, Direction::outbound, false, "call.start.error-transport",
       FaultParty::carrier},
      {Cause::failed, Direction::inbound, true, "call.in-progress.error-internal", FaultParty::us},
      {Cause::media_unavailable, Direction::inbound, true, "call.start.error-media-unavailable",
       FaultParty::us},
      {Cause::media_unavailable, Direction::outbound, false, "call.start.error-media-unavailable",
       FaultParty::us},
  };
  for (const auto& row : rows) {
    const auto verdict = verdict_of({.cause = row.cause, .status = 0, .detail = {}}, domain::Channel::sip,
                                    row.direction, row.answered);
    EXPECT_EQ(verdict.reason, row.reason);
    EXPECT_EQ(verdict.fault, row.fault) << row.reason;
    EXPECT_EQ(verdict.status == domain::CallStatus::failed, row.fault != FaultParty::nobody) << row.reason;
  }
  EXPECT_EQ(verdict_of({.cause = Cause::rejected, .status = 603, .detail = "Decline"}, domain::Channel::sip,
                       Direction::outbound, false)
                .detail,
            "603 Decline");
}

TEST(CallVerdict, what_breaks_a_browsers_call_is_the_callers) {
  const auto verdict = verdict_of({.cause = Cause::transport_failed, .status = 1007, .detail = "bad frame"},
                                  domain::Channel::browser, Direction::inbound, true);
  EXPECT_EQ(verdict.reason, "call.in-progress.error-transport");
  EXPECT_EQ(verdict.fault, FaultParty::caller);
}

}  // namespace
}  // namespace voxanne::calls
