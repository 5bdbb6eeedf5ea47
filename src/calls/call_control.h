// What the API asks of living calls: the Switchboard behind an interface, so that the routes never see
// a leg or a shard.
//
// Runs on the asking web shard; the implementation hops to the call's own and back. Every function
// answers for the given organization only: another one's call is not_found.
#pragma once

#include "async/task.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/trace.h"
#include "domain/assistant.h"
#include "domain/call.h"

#include <functional>
#include <string>

namespace voxanne::calls {

struct PlaceCall {
  OrgId org;
  AssistantId assistant;
  PhoneNumberId phone_number;   // whose carrier dials and whose number is shown
  domain::Customer customer;    // number: E.164
  std::string metadata = "{}";  // a JSON object, kept with the call
  // What this call changes of its assistant (assistantOverrides, checked); empty: nothing.
  std::function<void(domain::Assistant&)> adapt{};
  Trace trace{};  // of the request that asked for it
};

class CallControl {
 public:
  virtual ~CallControl() = default;

  // Answers once the call's row is durable and dialling has begun; how it goes on is told by events.
  // Errors: not_found (assistant_not_found, phone_number_not_found), impossible (what the
  // carrier or the organization's limits forbid), unavailable (over_capacity, draining, those of the store;
  // with retry_after): then nobody is dialled, and it may be asked for again.
  virtual async::Task<Result<domain::Call>> place(PlaceCall request) = 0;

  // Hangs up politely; the verdict is manually-canceled. Answers once the call's end is durable, or after two
  // seconds, when the far end or the database takes longer.
  // Errors: not_found (call_not_found), conflict (call_already_ended).
  virtual async::Task<Result<>> end(OrgId org, CallId call) = 0;

  // The assistant says this next. Errors: as end(), and conflict (call_not_answered).
  virtual async::Task<Result<>> say(OrgId org, CallId call, std::string text) = 0;
};

}  // namespace voxanne::calls
