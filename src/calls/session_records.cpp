// What a call leaves written: messages, gaps, its log, and at its end verdict, summary and queued recording.
#include "calls/session.h"

#include "async/wait.h"
#include "base/json_text.h"
#include "base/log.h"
#include "domain/call_json.h"
#include "domain/records_json.h"
#include "knowledge/gaps.h"
#include "recordings/upload_queue.h"
#include "store/contacts.h"
#include "store/knowledge.h"
#include "store/messages.h"
#include "store/uploads.h"
#include "store/webhooks.h"

#include <algorithm>

namespace voxanne::calls {

using domain::RecordingStatus;
using events::EventType;

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
  // One that is still on its way is written before this record.
  facts_.messages_taken = static_cast<int>(
      std::ranges::count_if(messages_, [](const auto& message) { return bool(message.second->outcome); }));
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
    // A call that was cancelled before its first sound has no recording, and has lost none.
    call_.recording_status = recording.stopped ? RecordingStatus::failed : RecordingStatus::none;
    store::set_recording_status(batch, key(), call_.recording_status);
  }
  std::string data{"{"};
  domain::append_verdict(data, verdict);
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
    filed_->set();
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
