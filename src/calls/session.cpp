#include "calls/session.h"

#include "async/wait.h"
#include "base/json_text.h"
#include "base/unhandled.h"
#include "calls/verdict.h"
#include "domain/call_json.h"
#include "store/webhooks.h"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <utility>

namespace voxanne::calls {
namespace {

using domain::CallStatus;
using domain::RecordingStatus;
using events::EventType;

// A turn is published once it is durable, and what is being said then waits for the turns before it, so that
// a reply is not seen before its question. Where the database takes longer than this, nothing waits for it.
constexpr milliseconds partials_wait{2'000};

domain::Verdict failed_verdict(std::string reason, std::string detail) {
  return {CallStatus::failed, std::move(reason), domain::FaultParty::us, std::move(detail)};
}

std::string json_object(const conversation::EventDetails& details) {
  std::string out{"{"};
  for (const auto& [name, value] : details) {
    if (out.size() > 1) out.push_back(',');
    append_json_string(out, name);
    out.push_back(':');
    if (const auto* number = std::get_if<std::int64_t>(&value))
      append_json_int(out, *number);
    else
      append_json_string(out, std::get<std::string>(value));
  }
  return out + "}";
}

}  // namespace

Session::Session(Services& services, std::unique_ptr<telephony::Leg> leg, Subject subject, bool stored,
                 OnTranscript on_transcript)
    : services_(services),
      subject_(std::move(subject)),
      stored_(stored),
      on_transcript_(std::move(on_transcript)),
      trace_(subject_.trace.empty() ? Trace::begin() : subject_.trace),
      leg_(std::move(leg)),
      answered_(leg_->shard().executor()),
      leg_ended_(leg_->shard().executor()),
      filed_(std::make_shared<async::Event>(leg_->shard().executor())),
      ledger_(leg_->shard().executor(), services.clock, services.store,
              {call_.id.str(), call_.org.str(), std::string{trace_.trace_id()}}) {}

Session::~Session() = default;

async::Task<> Session::run() {
  open();
  co_await guarded(talk());
  co_await guarded(hang_up());
}

async::Task<> Session::guarded(async::Task<> step) {
  try {
    co_await std::move(step);
  } catch (const std::exception&) {
    if (async::is_cancellation(std::current_exception())) throw;
    log::unhandled("call.failed", std::current_exception(),
                   {{"callId", call_.id.str()}, {"orgId", call_.org.str()}, {"traceId", trace_.trace_id()}});
    if (!verdict_) verdict_ = failed_verdict("pipeline-error-internal", "an exception ended the call");
  }
}

async::Task<> Session::talk() {
  using namespace async::asio::experimental::awaitable_operators;
  leg_->start(*this);
  if (call_.direction == domain::Direction::inbound)
    answered_.set();
  else
    co_await (answered_.wait() || leg_ended_.wait());

  if (!leg_ended_.is_set() && !verdict_) {
    const auto spoken = co_await converse();
    if (!verdict_) verdict_ = spoken;
  }
}

async::Task<> Session::file() {
  co_await guarded(write_down());
  // What still writes refers to this.
  co_await ledger_.stop();
}

// The row, with its first log line; a call that is answered before its row is durable goes on.
void Session::open() {
  if (!stored_) {
    store::Batch batch;
    store::insert_call(batch, call_, services_.holder);
    store::announce_call(batch, "call.started", call_, call_.created_at);
    ledger_.write(std::move(batch), services_.outward_queued);
  }
  std::string data{R"({"channel":)"};
  append_json_string(data, domain::to_string(call_.channel));
  data += R"(,"direction":)";
  append_json_string(data, domain::to_string(call_.direction));
  log("call.started", data + "}");
  publish(EventType::call_started, call_json());
}

async::Task<domain::Verdict> Session::converse() {
  const auto executor = leg_->shard().executor();
  const UtcTime now = services_.clock.utc();
  conversation::ConversationOptions options;
  options.assistant = subject_.assistant;
  options.org = call_.org.str();
  options.call_id = call_.id.str();
  options.trace_id = trace_.trace_id();
  options.rate = leg_->sample_rate();
  options.playout_delay = [this] { return leg_->playout_delay(); };
  conversation_ = std::make_unique<conversation::Conversation>(
      executor, services_.clock, std::move(options), services_.providers(leg_->shard(), subject_, hands()),
      static_cast<conversation::ConversationObserver&>(*this));

  if (subject_.assistant.record && subject_.assistant.consent_announcement.empty()) start_recording(now);
  tee_ = std::make_unique<media::Tee>(*conversation_, tap_);

  if (call_.direction == domain::Direction::outbound) note_answer();
  leg_->answer(*tee_);
  auto verdict = co_await conversation_->run();
  if (auto left = conversation_->unfinished_message(); left && !messages_.contains(left->id)) {
    const MessageId id = left->id;
    messages_.emplace(id, write_message(id, std::move(*left)));
  }
  co_return verdict;
}

void Session::start_recording(UtcTime at) {
  recorded_since_ = at - call_.answered_at.value_or(at);
  tap_.recorder = std::make_unique<recordings::Recorder>(
      services_.spool,
      recordings::SpoolHeader{
          .call = call_.id, .org = call_.org, .rate = leg_->sample_rate(), .started_at = at},
      [this](const Error& error) {
        recorded_since_.reset();
        log::error("recording.stopped", {{"callId", call_.id.str()},
                                         {"orgId", call_.org.str()},
                                         {"traceId", trace_.trace_id()},
                                         {"code", error.code},
                                         {"error", error.message}});
        std::string data{R"({"code":)"};
        append_json_string(data, error.code);
        log("recording.stopped", data + "}");
        publish(EventType::recording_failed, data + "}");
      });
  call_.recording_status = RecordingStatus::recording;
}

async::Task<> Session::hang_up() {
  if (!verdict_) verdict_ = failed_verdict("call.in-progress.error-unknown", {});
  if (!call_.ended_at) call_.ended_at = services_.clock.utc();
  if (!leg_ended_.is_set()) {
    leg_->hang_up();
    const auto deadline = async::Deadline::after(services_.clock, 5s);
    static_cast<void>(co_await async::wait_until(services_.clock, deadline, leg_ended_));
  }
}

void Session::end(domain::Verdict why) {
  if (!verdict_) verdict_ = why;
  if (conversation_) conversation_->stop(*verdict_);
  if (leg_ && !answered_.is_set()) leg_->hang_up();  // still ringing: on_ended() wakes run()
}

Result<> Session::say(std::string text) {
  if (conversation_ && !verdict_) {
    conversation_->say(std::move(text));
    return {};
  }
  return Error{Fault::conflict, "call_not_answered", "the call has not been answered; wait for call.updated"};
}

void Session::on_ringing() {
  call_.status = CallStatus::ringing;
  call_.started_at = services_.clock.utc();
  store::Batch batch;
  store::move_call(batch, key(), CallStatus::ringing, *call_.started_at);
  ledger_.write(std::move(batch), [this, json = call_json()] { publish(EventType::call_updated, json); });
}

void Session::on_answered() {
  if (call_.direction == domain::Direction::outbound)
    answered_.set();
  else if (conversation_ && !call_.answered_at && !call_.ended_at)  // it may cross our hanging up
    note_answer();
}

void Session::note_answer() {
  const UtcTime now = services_.clock.utc();
  call_.status = CallStatus::in_progress;
  call_.answered_at = now;
  if (!call_.started_at) call_.started_at = now;
  store::Batch batch;
  store::move_call(batch, key(), CallStatus::in_progress, now);
  if (tap_.recorder) store::set_recording_status(batch, key(), RecordingStatus::recording);
  ledger_.write(std::move(batch), [this, json = call_json()] { publish(EventType::call_updated, json); });
  log::info("call.answered", {{"callId", call_.id.str()},
                              {"orgId", call_.org.str()},
                              {"traceId", trace_.trace_id()},
                              {"channel", domain::to_string(call_.channel)},
                              {"rate", leg_->sample_rate()}});
}

void Session::on_digit(char digit) {
  if (conversation_) conversation_->on_digit(digit);
}

void Session::on_hold(bool held) {
  log(held ? "hold.began" : "hold.ended");
  if (conversation_) conversation_->on_hold(held);
}

void Session::on_ended(const telephony::LegEnd& end) {
  if (!call_.ended_at) call_.ended_at = services_.clock.utc();
  if (!verdict_ && end.cause != telephony::LegEnd::Cause::local_hung_up)
    verdict_ = verdict_of(end, call_.channel, call_.direction, call_.answered_at.has_value());
  leg_ended_.set();
  if (conversation_ && verdict_) conversation_->stop(*verdict_);
}

void Session::on_turn(domain::Turn turn) {
  if (services_.on_turn) services_.on_turn(turn);
  facts_.turns.push_back(turn);
  std::string json;
  domain::append_turn(json, turn);
  store::Batch batch;
  store::put_turn(batch, key(), turn);
  forget_partial(turn.speaker);
  if (unwritten_turns_++ == 0) unwritten_since_ = services_.clock.now();
  ledger_.write(std::move(batch), [this, json = std::move(json)] {
    --unwritten_turns_;
    publish(EventType::transcript_final, json);
    if (unwritten_turns_ == 0) publish_partials();
  });
  if (on_transcript_) on_transcript_(turn.speaker, turn.text, true);
}

void Session::on_partial(domain::Speaker speaker, std::string_view text) {
  std::string data{R"({"speaker":)"};
  append_json_string(data, domain::to_string(speaker));
  data += R"(,"text":)";
  append_json_string(data, text);
  forget_partial(speaker);
  partials_.emplace_back(speaker, data + "}");
  if (unwritten_turns_ == 0 || services_.clock.now() - unwritten_since_ > partials_wait) publish_partials();
  if (on_transcript_) on_transcript_(speaker, text, false);
}

void Session::forget_partial(domain::Speaker speaker) {
  std::erase_if(partials_, [speaker](const auto& partial) { return partial.first == speaker; });
}

void Session::publish_partials() {
  for (auto& [speaker, data] : std::exchange(partials_, {}))
    publish(EventType::transcript_partial, std::move(data));
}

void Session::on_event(std::string_view name, conversation::EventDetails details) {
  log(std::string{name}, json_object(details));
  if (name != conversation::consent_announced || !subject_.assistant.record || tap_.recorder) return;
  start_recording(services_.clock.utc());
  store::Batch batch;
  store::set_recording_status(batch, key(), RecordingStatus::recording);
  ledger_.write(std::move(batch), [this] { publish(EventType::call_updated, call_json()); });
}

void Session::on_clear_playout() { leg_->clear_playout(); }

Hands Session::hands() {
  return {
      .look_up = [this](std::string question) { return services_.look_up(call_.org, std::move(question)); },
      .take_message = [this](conversation::TakenMessage taken) { return take_message(std::move(taken)); },
      .on_gap = [this](std::string question) { open_gap(std::move(question)); },
      .recorded_since = [this] { return recorded_since_; }};
}

}  // namespace voxanne::calls
