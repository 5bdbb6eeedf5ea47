#include "calls/verdict.h"

namespace voxanne::calls {
namespace {

using domain::CallStatus;
using domain::FaultParty;
using domain::Verdict;

Verdict ended(std::string_view reason, std::string detail) {
  return {CallStatus::ended, std::string{reason}, FaultParty::nobody, std::move(detail)};
}

Verdict failed(FaultParty fault, bool answered, std::string_view what, std::string detail) {
  return {CallStatus::failed,
          (answered ? "call.in-progress.error-" : "call.start.error-") + std::string{what}, fault,
          std::move(detail)};
}

}  // namespace

Verdict verdict_of(const telephony::LegEnd& end, domain::Channel channel, domain::Direction direction,
                   bool answered) {
  using Cause = telephony::LegEnd::Cause;
  const auto theirs = channel == domain::Channel::browser ? FaultParty::caller : FaultParty::carrier;
  std::string detail = end.detail;
  if (end.status != 0) detail = std::to_string(end.status) + (detail.empty() ? "" : " " + detail);
  switch (end.cause) {
    case Cause::remote_hung_up:
      return ended(domain::ended::customer, detail);
    case Cause::local_hung_up:
      return ended(domain::ended::assistant, detail);
    case Cause::cancelled:
      return ended(
          direction == domain::Direction::inbound ? domain::ended::customer : domain::ended::canceled,
          detail);
    case Cause::busy:
      return ended(domain::ended::busy, detail);
    case Cause::no_answer:
      return ended(domain::ended::no_answer, detail);
    case Cause::transferred:
      return ended(domain::ended::forwarded, detail);
    case Cause::rejected:
      return failed(theirs, answered, "rejected", detail);
    case Cause::media_timeout:
      return failed(theirs, answered, "media-timeout", detail);
    case Cause::transport_failed:
      return failed(theirs, answered, "transport", detail);
    case Cause::failed:
      return failed(FaultParty::us, answered, "internal", detail);
    case Cause::media_unavailable:
      // Nothing was heard or said, however far the call had come.
      return {CallStatus::failed, "call.start.error-media-unavailable", FaultParty::us, std::move(detail)};
  }
  return failed(theirs, answered, "unknown", detail);
}

Verdict canceled_verdict() { return ended(domain::ended::canceled, {}); }

Verdict not_recorded_verdict() {
  return failed(FaultParty::us, false, "not-recorded",
                "the database did not answer in time when the call was to be placed; nobody was dialled");
}

Verdict shutdown_verdict() {
  return {CallStatus::ended, std::string{domain::ended::shutdown}, FaultParty::us,
          "the server stopped before the call had ended"};
}

}  // namespace voxanne::calls
