#include "store/calls.h"
#include "store/mails.h"
#include "store/statements.h"
#include "store/values.h"
#include "store/webhooks.h"

#include <stdexcept>

namespace voxanne::store {
namespace {

using domain::CallStatus;

constexpr Statement insert{
    "calls.insert",
    "INSERT INTO calls (org_id, id, assistant_id, phone_number_id, direction, channel, status, "
    "customer_number, customer_name, contact_id, created_at, started_at, answered_at, recording_status, "
    "is_test, metadata, node_id, boot_id) "
    "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)"};

constexpr Statement stay_queued{
    "calls.stay_queued",
    "UPDATE calls SET status = 'queued' WHERE org_id = ?1 AND id = ?2 AND status = 'queued'"};
constexpr Statement ring{"calls.ring",
                         "UPDATE calls SET status = 'ringing', started_at = coalesce(started_at, ?3) "
                         "WHERE org_id = ?1 AND id = ?2 AND status IN ('queued', 'ringing')"};
constexpr Statement answer{"calls.answer",
                           "UPDATE calls SET status = 'in-progress', started_at = coalesce(started_at, ?3), "
                           "answered_at = coalesce(answered_at, ?3) "
                           "WHERE org_id = ?1 AND id = ?2 AND status NOT IN ('ended', 'failed')"};

constexpr Statement end{"calls.end",
                        "UPDATE calls SET status = ?3, ended_reason = ?4, fault = ?5, verdict_detail = ?6, "
                        "ended_at = ?7, duration_ms = max(0, ?7 - answered_at) "
                        "WHERE org_id = ?1 AND id = ?2 AND ended_at IS NULL"};

constexpr Statement set_recording{"calls.set_recording_status",
                                  "UPDATE calls SET recording_status = ?3 WHERE org_id = ?1 AND id = ?2"};

constexpr Statement summarize{"calls.summarize",
                              "UPDATE calls SET summary = ?3, outcome = ?4, sentiment_label = ?5, "
                              "sentiment_score = ?6, tools_used = ?7, cost_cents = ?8 "
                              "WHERE org_id = ?1 AND id = ?2"};

constexpr Statement erase_ended{"calls.erase",
                                "DELETE FROM calls WHERE org_id = ?1 AND id = ?2 AND ended_at IS NOT NULL"};

constexpr Statement log{
    "call_logs.insert",
    "INSERT INTO call_logs (org_id, call_id, at, type, data) VALUES (?1, ?2, ?3, ?4, ?5)"};

constexpr Statement put{
    "call_transcripts.put",
    "INSERT INTO call_transcripts (org_id, call_id, id, speaker, text, start_ms, end_ms, confidence, "
    "interrupted, source, endpointing_ms, recognition_ms, thinking_ms, first_audio_ms) "
    "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14) "
    "ON CONFLICT (call_id, id) DO UPDATE SET text = excluded.text, start_ms = excluded.start_ms, "
    "end_ms = excluded.end_ms, confidence = excluded.confidence, interrupted = excluded.interrupted, "
    "source = excluded.source, endpointing_ms = excluded.endpointing_ms, "
    "recognition_ms = excluded.recognition_ms, thinking_ms = excluded.thinking_ms, "
    "first_audio_ms = excluded.first_audio_ms "
    "WHERE org_id = excluded.org_id AND speaker = excluded.speaker"};

constexpr Statement mark_transcript{
    "calls.mark_transcript",
    "UPDATE calls SET has_transcript = 1 WHERE org_id = ?1 AND id = ?2 AND has_transcript = 0"};

std::vector<Value> values_of_end(const CallKey& call, const domain::Verdict& verdict, UtcTime at) {
  return {bound(call.org),
          bound(call.id),
          bound(to_string(verdict.status)),
          verdict.reason,
          bound(to_string(verdict.fault)),
          verdict.detail,
          bound(at)};
}

}  // namespace

void insert_call(Batch& batch, const domain::Call& call, const Holder& holder) {
  batch.add(insert,
            {bound(call.org), bound(call.id), bound(call.assistant), bound(call.phone_number),
             bound(to_string(call.direction)), bound(to_string(call.channel)), bound(to_string(call.status)),
             call.customer.number, call.customer.name, bound(call.contact), bound(call.created_at),
             bound(call.started_at), bound(call.answered_at), bound(to_string(call.recording_status)),
             bound(call.is_test), call.metadata, holder.node, holder.boot},
            1);
}

void move_call(Batch& batch, const CallKey& call, CallStatus to, UtcTime at) {
  switch (to) {
    case CallStatus::queued:
      batch.add(stay_queued, {bound(call.org), bound(call.id)}, 1);
      return;
    case CallStatus::ringing:
      batch.add(ring, {bound(call.org), bound(call.id), bound(at)}, 1);
      return;
    case CallStatus::in_progress:
      batch.add(answer, {bound(call.org), bound(call.id), bound(at)}, 1);
      return;
    case CallStatus::ended:
    case CallStatus::failed:
      break;
  }
  throw std::logic_error("a call ends by end_call(), with its verdict");
}

void set_recording_status(Batch& batch, const CallKey& call, domain::RecordingStatus status) {
  batch.add(set_recording, {bound(call.org), bound(call.id), bound(to_string(status))}, 1);
}

void end_call(Batch& batch, const CallKey& call, const domain::Verdict& verdict, UtcTime at) {
  batch.add(end, values_of_end(call, verdict, at), 1);
}

void withdraw_call(Batch& batch, const CallKey& call, const domain::Verdict& verdict, UtcTime at) {
  batch.add(end, values_of_end(call, verdict, at));
  forget_deliveries_of(batch, call.org, call.id);
}

void summarize_call(Batch& batch, const CallKey& call, const CallSummary& summary) {
  batch.add(summarize,
            {bound(call.org), bound(call.id), summary.summary, summary.outcome, summary.sentiment_label,
             bound(summary.sentiment_score), summary.tools_used, bound(summary.cost_cents)},
            1);
}

// And what tells of it outward, told or not.
void erase_call(Batch& batch, const CallKey& call) {
  forget_deliveries_of(batch, call.org, call.id);
  forget_mails_of(batch, call.org, call.id);
  batch.add(erase_ended, {bound(call.org), bound(call.id)}, 1);
}

void log_event(Batch& batch, const CallKey& call, UtcTime at, std::string type, std::string data) {
  batch.add(log, {bound(call.org), bound(call.id), bound(at), std::move(type), std::move(data)}, 1);
}

void put_turn(Batch& batch, const CallKey& call, const domain::Turn& turn) {
  batch.add(put,
            {bound(call.org), bound(call.id), bound(turn.id), bound(to_string(turn.speaker)), turn.text,
             bound(turn.start_ms), bound(turn.end_ms), bound(turn.confidence), bound(turn.interrupted),
             turn.source, bound(turn.latency.endpointing_ms), bound(turn.latency.recognition_ms),
             bound(turn.latency.thinking_ms), bound(turn.latency.first_audio_ms)},
            1);
  batch.add(mark_transcript, {bound(call.org), bound(call.id)});
}

std::span<const Statement* const> call_writing_statements() {
  static constexpr const Statement* all[] = {&insert, &stay_queued,   &ring,           &answer,
                                             &end,    &set_recording, &summarize,      &erase_ended,
                                             &log,    &put,           &mark_transcript};
  return all;
}

}  // namespace voxanne::store
