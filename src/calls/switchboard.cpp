#include "calls/switchboard.h"

#include "async/reply.h"
#include "async/wait.h"
#include "base/e164.h"
#include "base/unhandled.h"
#include "calls/ledger.h"
#include "calls/verdict.h"
#include "store/contacts.h"
#include "store/organizations.h"
#include "store/prompt_store.h"
#include "store/webhooks.h"

#include <algorithm>
#include <future>

namespace voxanne::calls {
namespace {

constexpr std::size_t max_remembered_routes = 10'000;
constexpr seconds look_up_limit{2};         // whoever rings waits no longer for a database that is stuck
constexpr seconds longest_withdrawing{60};  // as a session's for its records
constexpr seconds longest_hang_up{2};       // whoever ends a call waits no longer to see that it has ended

seconds retry_of(telephony::Refusal why, seconds normal) {
  return why == telephony::Refusal::draining ? seconds{30} : normal;
}

Error refusal_error(telephony::Refusal why, seconds retry_after) {
  using telephony::Refusal;
  switch (why) {
    case Refusal::draining:
      return {Fault::unavailable, "draining",
              "the server is about to stop and takes no new calls; try again shortly", retry_after};
    case Refusal::organization_full:
      return {Fault::unavailable, "over_capacity",
              "the organization has as many calls as it may have at a time", retry_after};
    default:
      return {Fault::unavailable, "over_capacity", "the server has as many calls as it can serve well",
              retry_after};
  }
}

}  // namespace

struct Switchboard::Desk {
  explicit Desk(media::Shard& s) : shard(s), tasks(s.executor(), "calls") {}

  media::Shard& shard;
  std::atomic<int> calls{0};
  std::unordered_map<CallId, Session*> sessions;  // shard only
  async::TaskGroup tasks;
};

Switchboard::Switchboard(Services services, Options options, std::vector<media::Shard*> shards)
    : services_(std::move(services)), options_(std::move(options)), admission_(options_.admission) {
  for (media::Shard* shard : shards) desks_.push_back(std::make_unique<Desk>(*shard));
}

Switchboard::~Switchboard() = default;

media::Shard& Switchboard::choose_shard() {
  const auto least =
      std::ranges::min_element(desks_, {}, [](const auto& desk) { return desk->calls.load(); });
  return (*least)->shard;
}

Switchboard::Desk& Switchboard::desk_of(const media::Shard& shard) {
  return **std::ranges::find_if(desks_, [&](const auto& desk) { return &desk->shard == &shard; });
}

void Switchboard::take(std::unique_ptr<telephony::Leg> leg, telephony::InboundInfo info) {
  Desk& desk = desk_of(leg->shard());
  desk.tasks.spawn(answer(desk, std::move(leg), std::move(info), std::nullopt, {}));
}

void Switchboard::take_for(std::unique_ptr<telephony::Leg> leg, telephony::InboundInfo info, OrgId org,
                           AssistantId assistant, Session::OnTranscript on_transcript) {
  Desk& desk = desk_of(leg->shard());
  desk.tasks.spawn(answer(desk, std::move(leg), std::move(info),
                          std::pair{std::move(org), std::move(assistant)}, std::move(on_transcript)));
}

// Where all lines are taken another number may still answer. Whoever dialled that one already would be sent
// round in a circle.
std::string Switchboard::overflow_for(telephony::Refusal why, const std::string& dialled) const {
  if (why != telephony::Refusal::server_full && why != telephony::Refusal::organization_full) return {};
  const auto number = dialled_number(dialled);
  return number && *number == options_.overflow_number ? std::string{} : options_.overflow_number;
}

// A leg that is refused: told so, and kept until it has ended.
async::Task<> Switchboard::turn_away(std::unique_ptr<telephony::Leg> leg, telephony::Refusal why,
                                     std::string dialled) {
  class Observer final : public telephony::LegObserver {
   public:
    explicit Observer(async::Executor executor) : ended(executor) {}
    void on_digit(char) override {}
    void on_hold(bool) override {}
    void on_ended(const telephony::LegEnd&) override { ended.set(); }
    async::Event ended;
  } observer{leg->shard().executor()};
  leg->start(observer);
  const std::string overflow = overflow_for(why, dialled);
  if (!overflow.empty() && leg->redirect(overflow))
    ++overflowed_;
  else
    leg->refuse(why, retry_of(why, options_.retry_after));
  static_cast<void>(co_await async::wait_until(services_.clock, async::Deadline::after(services_.clock, 35s),
                                               observer.ended));
}

async::Task<> Switchboard::answer(Desk& desk, std::unique_ptr<telephony::Leg> leg,
                                  telephony::InboundInfo info,
                                  std::optional<std::pair<OrgId, AssistantId>> known,
                                  Session::OnTranscript on_transcript) {
  const auto target = co_await route(info.to, std::move(known));
  std::optional<telephony::Refusal> refusal;
  if (target.has_error())
    refusal = target.error().kind == Fault::not_found ? telephony::Refusal::unknown_target
                                                      : telephony::Refusal::server_full;
  else
    refusal = admission_.admit(target->organization.id, target->organization.max_concurrent_calls,
                               domain::Direction::inbound);
  if (refusal) {
    log::warning("call.refused", {{"why", target.has_error() ? target.error().code
                                                             : refusal_error(*refusal, seconds{0}).code},
                                  {"protocolId", info.protocol_id},
                                  {"callId", info.call_id.str()},
                                  {"orgId", target ? target->organization.id.str() : std::string{}},
                                  {"active", active()}});
    co_await turn_away(std::move(leg), *refusal, std::move(info.to));
    co_return;
  }

  Admission::Place place{admission_, target->organization.id};
  domain::Call call;
  call.id = info.call_id.empty() ? CallId::make() : info.call_id;
  call.org = target->organization.id;
  call.assistant = target->assistant.id;
  call.phone_number = target->number;
  call.direction = domain::Direction::inbound;
  call.channel = leg->channel();
  call.status = domain::CallStatus::ringing;
  call.customer = {info.from_number, info.from_name};
  call.is_test = info.is_test;
  call.created_at = services_.clock.utc();
  call.started_at = call.created_at;
  co_await recognise(call);
  co_await serve(desk, std::move(place),
                 std::make_unique<Session>(services_, std::move(leg),
                                           Subject{std::move(call), target->assistant, target->organization},
                                           false, std::move(on_transcript)));
}

// Whose number it is; a call whose contact cannot be looked up goes on without.
async::Task<> Switchboard::recognise(domain::Call& call) {
  if (call.customer.number.empty()) co_return;
  const auto contact = co_await async::with_deadline(
      services_.clock, async::Deadline::after(services_.clock, 300ms),
      store::contact_by_number(services_.store, call.org, call.customer.number));
  if (!contact || !*contact) co_return;
  call.contact = (*contact)->id;
  if (call.customer.name.empty()) call.customer.name = (*contact)->name;
}

// Admitted calls only. The place is given back once the line is free, whatever happened on it: records may
// take longer, and somebody else may ring.
async::Task<> Switchboard::serve(Desk& desk, Admission::Place place, std::unique_ptr<Session> session) {
  const CallId id = session->call().id;
  const OrgId org = session->call().org;
  ++desk.calls;
  desk.sessions.emplace(id, session.get());
  {
    const std::lock_guard lock{mutex_};
    where_.emplace(id, Where{org, &desk});
  }
  const auto leave = [&] {
    desk.sessions.erase(id);
    {
      const std::lock_guard lock{mutex_};
      where_.at(id).desk = nullptr;
    }
    --desk.calls;
    place.give_back();
  };
  const auto forget = [&] {
    const std::lock_guard lock{mutex_};
    where_.erase(id);
  };
  try {
    co_await session->run();
  } catch (...) {
    leave();
    forget();
    throw;
  }
  leave();
  co_await session->file();
  forget();
}

async::Task<Result<Switchboard::Target>> Switchboard::route(
    const std::string& dialled, std::optional<std::pair<OrgId, AssistantId>> known) {
  const std::string key = known ? known->first.str() + "/" + known->second.str() : dialled;
  auto target =
      co_await async::with_deadline(services_.clock, async::Deadline::after(services_.clock, look_up_limit),
                                    look_up(dialled, std::move(known)));
  const std::lock_guard lock{mutex_};
  if (target) {
    if (routes_.size() < max_remembered_routes) routes_.insert_or_assign(key, *target);
  } else if (target.error().kind == Fault::unavailable || target.error().kind == Fault::timed_out) {
    if (const auto last = routes_.find(key); last != routes_.end()) co_return last->second;
  } else {
    routes_.erase(key);
  }
  co_return target;
}

async::Task<Result<Switchboard::Target>> Switchboard::look_up(
    std::string dialled, std::optional<std::pair<OrgId, AssistantId>> known) {
  store::Store& store = services_.store;
  Target target;
  if (!known) {
    if (const auto number = dialled_number(dialled)) {
      auto found = co_await store::phone_number_dialled(store, *number);
      if (found.has_error()) co_return found.error();
      if (*found) {
        target.number = (*found)->id;
        known = std::pair{(*found)->org, (*found)->assistant};
      }
    }
    if (!known) known = options_.catch_all;
  }
  if (!known) co_return not_found("unknown_number", "nobody here has the number that was dialled");
  auto assistant = co_await store::find_assistant(store, known->first, known->second);
  if (assistant.has_error()) co_return assistant.error();
  if (!*assistant)
    co_return not_found("assistant_not_found", "there is no such assistant in this organization");
  auto organization = co_await store::find_organization(store, known->first);
  if (organization.has_error()) co_return organization.error();
  target.assistant = std::move(**assistant);
  if (*organization) target.organization = std::move(**organization);
  target.organization.id = known->first;
  co_return target;
}

async::Task<Result<domain::Call>> Switchboard::place(PlaceCall request) {
  Desk& desk = desk_of(choose_shard());
  co_return co_await async::on_loop(desk.shard.executor(), place_on(desk, std::move(request)));
}

async::Task<Result<domain::Call>> Switchboard::place_on(Desk& desk, PlaceCall request) {
  auto number = co_await store::find_phone_number(services_.store, request.org, request.phone_number);
  if (number.has_error()) co_return number.error();
  if (!*number)
    co_return not_found(
        "phone_number_not_found",
        "there is no such phone number in this organization; GET /api/phone-numbers lists them");
  auto target = co_await look_up({}, std::pair{request.org, request.assistant});
  if (target.has_error()) co_return target.error();
  if (request.adapt) request.adapt(target->assistant);

  const auto dialer = dialers_.find((*number)->carrier);
  if (dialer == dialers_.end() || !dialer->second)
    co_return Error{
        Fault::impossible, "carrier_not_configured",
        "the phone number's carrier is not set up on this server; set SIP_TRUNK_URI, or use a number of "
        "another carrier"};
  auto leg = dialer->second->dial(
      desk.shard, {.to = request.customer.number, .from_number = (*number)->number, .from_name = {}});
  if (leg.has_error()) co_return leg.error();
  if (const auto refusal = admission_.admit(request.org, target->organization.max_concurrent_calls,
                                            domain::Direction::outbound))
    co_return refusal_error(*refusal, retry_of(*refusal, options_.retry_after));

  Admission::Place place{admission_, request.org};
  domain::Call call;
  call.id = CallId::make();
  call.org = request.org;
  call.assistant = request.assistant;
  call.phone_number = request.phone_number;
  call.direction = domain::Direction::outbound;
  call.channel = (*leg)->channel();
  call.customer = std::move(request.customer);
  call.metadata = std::move(request.metadata);
  call.created_at = services_.clock.utc();
  co_await recognise(call);
  store::Batch batch;
  store::insert_call(batch, call, services_.holder);
  store::announce_call(batch, "call.started", call, call.created_at);
  auto written = co_await services_.store.write(std::move(batch));
  if (written.has_error()) co_return not_recorded(desk, call, written.error(), request.trace);
  // Who drains may have seen the last call end while this one was not yet among the tasks.
  if (admission_.draining()) {
    co_await withdraw({call.org, call.id}, shutdown_verdict(), std::string{request.trace.trace_id()});
    co_return refusal_error(telephony::Refusal::draining,
                            retry_of(telephony::Refusal::draining, options_.retry_after));
  }
  services_.outward_queued();
  desk.tasks.spawn(
      serve(desk, std::move(place),
            std::make_unique<Session>(services_, std::move(*leg),
                                      Subject{call, target->assistant, target->organization,
                                              request.trace.empty() ? Trace{} : request.trace.child()},
                                      true)));
  co_return call;
}

Error Switchboard::not_recorded(Desk& desk, const domain::Call& call, Error why, const Trace& trace) {
  const Error silent = store::database_silent();
  log::warning("call.not_recorded", {{"callId", call.id.str()},
                                     {"orgId", call.org.str()},
                                     {"traceId", trace.trace_id()},
                                     {"code", why.code}});
  // Of all else that may pass, the outcome is unknown (store.h).
  if (why.kind != Fault::unavailable || why.code == silent.code) return why;
  desk.tasks.spawn(withdraw({call.org, call.id}, not_recorded_verdict(), std::string{trace.trace_id()}));
  return store::is_outcome_unknown(why) ? silent : why;
}

// As durable as a call's own records, and behind what it ends: in the database, or first in the journal.
async::Task<> Switchboard::withdraw(store::CallKey call, domain::Verdict verdict, std::string trace_id) {
  Ledger ledger{co_await async::asio::this_coro::executor, services_.clock, services_.store,
                Ledger::Ids{call.id.str(), call.org.str(), std::move(trace_id)}};
  store::Batch batch;
  store::withdraw_call(batch, call, verdict, services_.clock.utc());
  ledger.write(std::move(batch));
  if (!co_await ledger.flush(async::Deadline::after(services_.clock, longest_withdrawing)))
    log::error("call.records_not_durable",
               {{"callId", call.id.str()}, {"orgId", call.org.str()}, {"pending", ledger.pending()}});
  co_await ledger.stop();
}

async::Task<Result<>> Switchboard::with_session(OrgId org, CallId id, Act act) {
  const Error already_ended{Fault::conflict, "call_already_ended", "the call has ended already"};
  Desk* desk = nullptr;
  {
    const std::lock_guard lock{mutex_};
    if (const auto entry = where_.find(id); entry != where_.end() && entry->second.org == org) {
      desk = entry->second.desk;
      if (!desk) co_return already_ended;  // its row may not be there yet
    }
  }
  if (desk) {
    auto on_desk = [](Desk& at, const CallId& call, const Act& f, Error gone) -> async::Task<Result<>> {
      const auto session = at.sessions.find(call);
      if (session == at.sessions.end()) co_return gone;
      co_return co_await f(*session->second);
    };
    co_return co_await async::on_loop(desk->shard.executor(), on_desk(*desk, id, act, already_ended));
  }
  auto call = co_await store::find_call(services_.store, {org, id});
  if (call.has_error()) co_return call.error();
  if (!*call) co_return not_found("call_not_found", "there is no such call");
  co_return already_ended;
}

async::Task<Result<>> Switchboard::end(OrgId org, CallId call) {
  // The session may be gone before its record is waited for.
  co_return co_await with_session(
      std::move(org), std::move(call), [&clock = services_.clock](Session& session) -> async::Task<Result<>> {
        const auto filed = session.filed();
        session.end(canceled_verdict());
        static_cast<void>(
            co_await async::wait_until(clock, async::Deadline::after(clock, longest_hang_up), *filed));
        co_return Result<>{};
      });
}

async::Task<Result<>> Switchboard::say(OrgId org, CallId call, std::string text) {
  co_return co_await with_session(
      std::move(org), std::move(call),
      [text = std::move(text)](Session& session) -> async::Task<Result<>> { co_return session.say(text); });
}

void Switchboard::drain(milliseconds grace) {
  admission_.drain();
  const auto join_all = [this](milliseconds limit) {
    const auto deadline = async::Deadline::after(services_.clock, limit);
    auto joined = [](Desk& desk) -> async::Task<Result<>> {
      co_await desk.tasks.join();
      co_return Result<>{};
    };
    bool all = true;
    for (const auto& desk : desks_)
      all &= async::run_on(desk->shard.executor(),
                           async::with_deadline(services_.clock, deadline, joined(*desk)))
                 .has_value();
    return all;
  };
  if (join_all(grace)) return;
  log::warning("calls.cut_by_shutdown", {{"active", active()}});
  for (const auto& desk : desks_)
    async::asio::post(desk->shard.executor(), [&desk] {
      for (const auto& [id, session] : desk->sessions) session->end(shutdown_verdict());
    });
  if (!join_all(90s)) log::error("calls.not_filed", {{"active", active()}});
}

}  // namespace voxanne::calls
