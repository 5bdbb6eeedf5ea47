// Takes calls in, places calls, and knows which are alive. Whom it cannot serve it refuses, or sends on to an
// overflow number first (admission.h says when).
//
//   inbound:  leg + who was dialled ─▶ route (organization, assistant) ─▶ admission ─▶ Session
//   outbound: place() ─▶ assistant, number, carrier ─▶ admission ─▶ row ─▶ Session
//
// When the database is away or hangs, a number that was dialled before is routed as it was then, and no call
// is placed: nobody is dialled before the call's row is durable, and a row that comes to be later is ended
// (call.start.error-not-recorded). A call that has ended is known until it is filed, so that whoever ends it
// once more is told so.
//
// Owner: app; made before the listeners start and destroyed after the shards' calls have ended
// (drain()). place(), end() and say() run on any loop; take() on the leg's shard; drain() blocks and
// is called from outside all loops.
#pragma once

#include "async/mutex.h"
#include "calls/admission.h"
#include "calls/call_control.h"
#include "calls/services.h"
#include "calls/session.h"
#include "telephony/leg.h"

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace voxanne::calls {

class Switchboard final : public CallControl {
 public:
  struct Options {
    Admission::Options admission{};
    seconds retry_after{5};  // told with a refusal
    // Where callers are sent on to when all lines are taken, by those who can be; E.164, or empty.
    std::string overflow_number{};
    // Development: whoever is dialled, this organization's assistant answers.
    std::optional<std::pair<OrgId, AssistantId>> catch_all{};
  };
  // Who dials for a carrier; null where that carrier is not set up.
  using Dialers = std::map<domain::PhoneNumber::Carrier, telephony::Dialer*>;

  Switchboard(Services services, Options options, std::vector<media::Shard*> shards);
  ~Switchboard() override;
  void set_dialers(Dialers dialers) { dialers_ = std::move(dialers); }

  // The shard with the fewest calls, for a new leg; any thread.
  media::Shard& choose_shard();
  // A call came in by SIP.
  void take(std::unique_ptr<telephony::Leg> leg, telephony::InboundInfo info);
  // A call came in for a known assistant (a browser, whose token named the organization).
  void take_for(std::unique_ptr<telephony::Leg> leg, telephony::InboundInfo info, OrgId org,
                AssistantId assistant, Session::OnTranscript on_transcript);

  async::Task<Result<domain::Call>> place(PlaceCall request) override;
  async::Task<Result<>> end(OrgId org, CallId call) override;
  async::Task<Result<>> say(OrgId org, CallId call, std::string text) override;

  // No new calls from here on; returns when the last has ended, or after `grace` ends the rest with
  // worker-shutdown and waits until they are filed.
  void drain(milliseconds grace);

  std::size_t active() const { return admission_.active(); }
  bool has_room() const { return admission_.has_room(); }
  const Admission& admission() const { return admission_; }
  // Sent on to the overflow number since start.
  std::uint64_t overflowed() const { return overflowed_.load(); }

 private:
  struct Target {
    domain::Assistant assistant;
    domain::Organization organization;
    PhoneNumberId number;
  };
  struct Desk;  // one shard's calls

  Desk& desk_of(const media::Shard& shard);
  async::Task<> answer(Desk& desk, std::unique_ptr<telephony::Leg> leg, telephony::InboundInfo info,
                       std::optional<std::pair<OrgId, AssistantId>> known,
                       Session::OnTranscript on_transcript);
  async::Task<> recognise(domain::Call& call);
  async::Task<> serve(Desk& desk, Admission::Place place, std::unique_ptr<Session> session);
  async::Task<Result<domain::Call>> place_on(Desk& desk, PlaceCall request);
  // Why a call is not placed whose row was not written.
  Error not_recorded(Desk& desk, const domain::Call& call, Error why, const Trace& trace);
  async::Task<> withdraw(store::CallKey call, domain::Verdict verdict, std::string trace_id);
  async::Task<Result<Target>> route(const std::string& dialled,
                                    std::optional<std::pair<OrgId, AssistantId>> known);
  async::Task<Result<Target>> look_up(std::string dialled,
                                      std::optional<std::pair<OrgId, AssistantId>> known);
  // Who called a number and was refused so may be sent on to this one; empty: nowhere.
  std::string overflow_for(telephony::Refusal why, const std::string& dialled) const;
  async::Task<> turn_away(std::unique_ptr<telephony::Leg> leg, telephony::Refusal why, std::string dialled);
  using Act = std::function<async::Task<Result<>>(Session&)>;
  async::Task<Result<>> with_session(OrgId org, CallId call, Act act);

  Services services_;
  const Options options_;
  Dialers dialers_;
  std::vector<std::unique_ptr<Desk>> desks_;
  Admission admission_;
  std::atomic<std::uint64_t> overflowed_{0};

  mutable async::Mutex mutex_;  // the following; held for a lookup, never across an await
  struct Where {
    OrgId org;
    Desk* desk = nullptr;  // null: the line is free, and the call is being filed
  };
  std::unordered_map<CallId, Where> where_;
  std::map<std::string, Target> routes_;  // the last answer for each number dialled
};

}  // namespace voxanne::calls
