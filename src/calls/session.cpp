#include "calls/session.h"

#include "async/wait.h"
#include "base/json_text.h"
#include "base/unhandled.h"
#include "calls/verdict.h"
#include "domain/call_json.h"
#include "domain/records_json.h"
#include "knowledge/gaps.h"
#include "recordings/upload_queue.h"
#include "store/contacts.h"
#include "store/knowledge.h"
#include "store/messages.h"
#include "store/uploads.h"
#include "store/webhooks.h"

#include <boost/asio/experimental/awaitable_operators.hpp>

namespace voxanne::calls {
namespace {

using domain::CallStatus;
using domain::RecordingStatus;
using events::EventType;

domain::Verdict failed_verdict(std::string reason, std::string detail) {
  return {CallStatus::failed, std::move(reason), domain::FaultParty::us, std::move(detail)};
}

std::string json_object(const conversation::EventDetails& details) {
  std::string out{"{"};
  for (const auto& [name, value] : details) {
    if (out.size() > 1) out.push_back(',');
    append_json_string(out, name);
    out.push_back(':');
    append_json_string(out, value);
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
  call_.status = CallStatus::in_progress;
  call_.answered_at = now;
  if (!call_.started_at) call_.started_at = now;

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

  store::Batch batch;
  store::move_call(batch, key(), CallStatus::in_progress, now);
  if (tap_.recorder) store::set_recording_status(batch, key(), RecordingStatus::recording);
  ledger_.write(std::move(batch), [this] { publish(EventType::call_updated, call_json()); });
  log::info("call.answered", {{"callId", call_.id.str()},
                              {"orgId", call_.org.str()},
                              {"traceId", trace_.trace_id()},
                              {"channel", domain::to_string(call_.channel)},
                              {"rate", leg_->sample_rate()}});
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

async::Task<> Session::write_down() {
  const domain::Verdict& verdict = *verdict_;
  // The audio ended then; what happened since (a sentence being rendered for nobody) is no part of the call.
  const UtcTime now = call_.ended_at.value_or(services_.clock.utc());
  const telephony::MediaStats media = leg_->media_stats();
  leg_.reset();  // from here on no more audio

  recordings::Recording recording;
  if (tap_.recorder) recording = co_await tap_.recorder->finish();
  call_.status = verdict.status;
  call_.ended_reason = verdict.reason;
  call_.ended_at = now;
  if (call_.answered_at) call_.duration = double((now - *call_.answered_at).count()) / 1'000.0;
  const auto summary = summarize(facts_);

  store::Batch batch;
  store::end_call(batch, key(), verdict, now);
  store::summarize_call(batch, key(), summary);
  if (recording.slots > 0) {
    call_.recording_status = RecordingStatus::queued;
    call_.has_recording = true;
    store::enqueue_upload(
        batch, recordings::upload_of(call_.org, call_.id, services_.holder.node, recording.slots, now));
  } else if (tap_.recorder) {
    call_.recording_status = RecordingStatus::failed;
    store::set_recording_status(batch, key(), RecordingStatus::failed);
  }
  std::string data{R"({"reason":)"};
  append_json_string(data, verdict.reason);
  data += R"(,"fault":)";
  append_json_string(data, domain::to_string(verdict.fault));
  data += R"(,"detail":)";
  append_json_string(data, verdict.detail);
  const auto count = [&](const char* name, std::uint64_t value) {
    data.append(",\"").append(name).append("\":").append(std::to_string(value));
  };
  count("packetsReceived", media.received);
  count("packetsLost", media.lost);
  count("packetsLate", media.late);
  count("framesConcealed", media.concealed);
  count("packetsSent", media.sent);
  store::log_event(batch, key(), now, "call.ended", data + "}");
  if (!call_.contact.empty()) store::touch_contact(batch, call_.org, call_.contact, call_.created_at);

  call_.has_transcript = !facts_.turns.empty();
  call_.summary = summary.summary;
  call_.outcome = summary.outcome;
  call_.tools_used = summary.tools_used;
  call_.fault = verdict.fault;
  store::announce_call(batch, "call.ended", call_, now);
  const bool queued = recording.slots > 0;
  ledger_.write(std::move(batch), [this, queued] {
    publish(EventType::call_ended, call_json());
    publish_figures();
    services_.outward_queued();
    if (queued) {
      publish(EventType::recording_ready, call_json());
      services_.upload_queued();
    }
  });
  log::info("call.ended", {{"callId", call_.id.str()},
                           {"orgId", call_.org.str()},
                           {"traceId", trace_.trace_id()},
                           {"reason", verdict.reason},
                           {"fault", domain::to_string(verdict.fault)},
                           {"seconds", call_.duration.value_or(0)},
                           {"packetsLost", media.lost}});
  if (services_.on_ended)
    services_.on_ended(
        {.call = call_, .verdict = verdict, .media = media, .turns = facts_.turns, .trace = trace_});
  if (!co_await ledger_.flush(async::Deadline::after(services_.clock, 60s)))
    log::error("call.records_not_durable", {{"callId", call_.id.str()},
                                            {"orgId", call_.org.str()},
                                            {"traceId", trace_.trace_id()},
                                            {"pending", ledger_.pending()}});
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

void Session::on_answered() { answered_.set(); }

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
    verdict_ = verdict_of(end, call_.direction, call_.answered_at.has_value());
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
  ledger_.write(std::move(batch),
                [this, json = std::move(json)] { publish(EventType::transcript_final, json); });
  if (on_transcript_) on_transcript_(turn.speaker, turn.text, true);
}

void Session::on_partial(domain::Speaker speaker, std::string_view text) {
  std::string data{R"({"speaker":)"};
  append_json_string(data, domain::to_string(speaker));
  data += R"(,"text":)";
  append_json_string(data, text);
  publish(EventType::transcript_partial, data + "}");
  if (on_transcript_) on_transcript_(speaker, text, false);
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

async::Task<Result<>> Session::take_message(conversation::TakenMessage taken) {
  const MessageId id = taken.id.empty() ? MessageId::make() : taken.id;
  if (!messages_.contains(id)) messages_.emplace(id, write_message(id, std::move(taken)));
  // The caller is told once it is durable. One that takes longer stays on its way and is not sent twice.
  const auto ticket = messages_.at(id);
  const bool settled = co_await async::wait_until(
      services_.clock, async::Deadline::after(services_.clock, 3s), ticket->settled);
  const Result<> kept =
      settled ? ticket->outcome
              : unavailable("message_not_durable", "neither the database nor the journal took it in time");
  if (!kept)
    log::warning("message.not_kept", {{"callId", call_.id.str()},
                                      {"orgId", call_.org.str()},
                                      {"traceId", trace_.trace_id()},
                                      {"messageId", id.str()},
                                      {"code", kept.error().code}});
  co_return kept;
}

std::shared_ptr<Ledger::Ticket> Session::write_message(const MessageId& id,
                                                       conversation::TakenMessage taken) {
  domain::Message message;
  message.id = id;
  message.org = call_.org;
  message.call = call_.id;
  message.caller_name = std::move(taken.caller_name);
  message.number = taken.number.empty() ? call_.customer.number : std::move(taken.number);
  message.text = std::move(taken.text);
  message.urgency = taken.urgent ? "urgent" : "normal";
  message.created_at = services_.clock.utc();
  store::Batch batch;
  store::insert_message(batch, message);
  store::log_event(batch, key(), message.created_at, "message.taken");
  std::string told;
  domain::append_message(told, message);
  store::announce(batch, {.org = message.org,
                          .type = "message.taken",
                          .data = std::move(told),
                          .at = message.created_at,
                          .call = message.call});
  if (services_.mail_message) services_.mail_message(batch, message, subject_.organization);
  std::string data{R"({"id":)"};
  append_json_string(data, message.id.str());
  data += R"(,"urgency":)";
  append_json_string(data, message.urgency);
  return ledger_.write(std::move(batch), [this, data = data + "}"] {
    ++facts_.messages_taken;
    publish(EventType::message_taken, data);
    services_.outward_queued();
  });
}

void Session::open_gap(std::string question) {
  const auto gap = knowledge::gap_of(call_.org, call_.id, question, services_.clock.utc());
  if (!gap) return;
  ++facts_.questions_unanswered;
  std::string data{R"({"question":)"};
  append_json_string(data, gap->question);
  store::Batch batch;
  store::open_gap(batch, *gap);
  ledger_.write(std::move(batch), [this, data = data + "}"] { publish(EventType::gap_opened, data); });
}

void Session::log(std::string type, std::string data) {
  store::Batch batch;
  store::log_event(batch, key(), services_.clock.utc(), std::move(type), std::move(data));
  ledger_.write(std::move(batch));
}

void Session::publish(EventType type, std::string data) {
  services_.events.publish({.type = type,
                            .org = call_.org,
                            .call = call_.id,
                            .data = std::move(data),
                            .at = services_.clock.utc()});
}

// The figures of an hour are others now (GET /api/calls-dashboard/stats).
void Session::publish_figures() {
  std::string data{R"({"hour":")"};
  append_rfc3339(data, std::chrono::floor<std::chrono::hours>(call_.created_at));
  services_.events.publish({.type = EventType::stats_updated,
                            .org = call_.org,
                            .call = {},
                            .data = data + "\"}",
                            .at = services_.clock.utc()});
}

std::string Session::call_json() const {
  std::string out;
  domain::append_call(out, call_);
  return out;
}

}  // namespace voxanne::calls
