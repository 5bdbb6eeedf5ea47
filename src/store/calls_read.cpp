#include "store/call_columns.h"
#include "store/calls.h"
#include "store/find.h"
#include "store/statements.h"
#include "store/values.h"

namespace voxanne::store {
namespace {

constexpr Statement one{"calls.one",
                        "SELECT " VOXANNE_CALL_COLUMNS " FROM calls c WHERE c.org_id = ?1 AND c.id = ?2"};

// Bounded by how many calls a node serves at once.
constexpr Statement left_open{
    "calls.left_open", "SELECT " VOXANNE_CALL_COLUMNS
                       " FROM calls c WHERE c.ended_at IS NULL AND c.node_id = ?1 AND c.boot_id <> ?2"};

constexpr Statement turns{"call_transcripts.of_call",
                          "SELECT id, speaker, text, start_ms, end_ms, confidence, interrupted, source, "
                          "endpointing_ms, recognition_ms, thinking_ms, first_audio_ms "
                          "FROM call_transcripts WHERE call_id = ?2 AND org_id = ?1 ORDER BY start_ms, seq"};

constexpr Statement log{
    "call_logs.of_call",
    "SELECT at, type, data FROM call_logs WHERE call_id = ?2 AND org_id = ?1 ORDER BY seq"};

constexpr Statement hours{"call_hours.between",
                          "SELECT hour, calls, answered, missed, failed, talk_ms FROM call_hours "
                          "WHERE org_id = ?1 AND hour >= ?2 AND hour < ?3 ORDER BY hour"};

}  // namespace

domain::Call call_from(const Row& row) {
  using namespace call_column;
  domain::Call call;
  call.id = id_from<CallTag>(row, id);
  call.org = id_from<OrgTag>(row, org_id);
  call.assistant = id_from<AssistantTag>(row, assistant_id);
  call.phone_number = id_from<PhoneNumberTag>(row, phone_number_id);
  call.direction = word_from(row, direction, domain::parse_direction);
  call.channel = word_from(row, channel, domain::parse_channel);
  call.status = word_from(row, status, domain::parse_call_status);
  call.ended_reason = row.str(ended_reason);
  call.customer = {row.str(customer_number), row.str(customer_name)};
  call.created_at = from_unix_ms(row.integer(created_at));
  call.started_at = row.time(started_at);
  call.answered_at = row.time(answered_at);
  call.ended_at = row.time(ended_at);
  if (!row.is_null(duration_ms)) call.duration = static_cast<double>(row.integer(duration_ms)) / 1000;
  call.recording_status = word_from(row, recording_status, domain::parse_recording_status);
  call.is_test = row.integer(is_test) != 0;
  call.metadata = row.str(metadata);
  call.contact = id_from<ContactTag>(row, contact_id);
  call.appointment = id_from<AppointmentTag>(row, appointment_id);
  call.cost_cents = real_from(row, cost_cents);
  call.has_recording = row.integer(has_recording) != 0;
  call.has_transcript = row.integer(has_transcript) != 0;
  call.summary = row.str(summary);
  call.outcome = row.str(outcome);
  call.sentiment_label = row.str(sentiment_label);
  call.sentiment_score = real_from(row, sentiment_score);
  call.tools_used = row.str(tools_used);
  call.fault = word_from(row, fault, domain::parse_fault_party);
  return call;
}

domain::Turn turn_from(const Row& row) {
  using namespace turn_column;
  domain::Turn turn;
  turn.id = id_from<TurnTag>(row, id);
  turn.speaker = word_from(row, speaker, domain::parse_speaker);
  turn.text = row.str(text);
  turn.start_ms = static_cast<int>(row.integer(start_ms));
  turn.end_ms = static_cast<int>(row.integer(end_ms));
  turn.confidence = real_from(row, confidence);
  turn.interrupted = row.integer(interrupted) != 0;
  turn.source = row.str(source);
  turn.latency = {int_from(row, endpointing_ms), int_from(row, recognition_ms), int_from(row, thinking_ms),
                  int_from(row, first_audio_ms)};
  return turn;
}

async::Task<Result<bool>> visit_call(Store& store, CallKey call, RowVisitor visit) {
  bool found = false;
  const auto read = co_await store.read(one, {bound(call.org), bound(call.id)}, [&](const Row& row) {
    found = true;
    visit(row);
  });
  if (!read) co_return read.error();
  co_return found;
}

async::Task<Result<std::optional<domain::Call>>> find_call(Store& store, CallKey call) {
  return find_one(store, one, {bound(call.org), bound(call.id)}, call_from);
}

async::Task<Result<>> visit_turns(Store& store, CallKey call, RowVisitor visit) {
  return store.read(turns, {bound(call.org), bound(call.id)}, std::move(visit));
}

async::Task<Result<>> visit_log(Store& store, CallKey call, RowVisitor visit) {
  return store.read(log, {bound(call.org), bound(call.id)}, std::move(visit));
}

async::Task<Result<std::vector<domain::Call>>> calls_left_open(Store& store, Holder holder) {
  return find_all(store, left_open, {holder.node, holder.boot}, call_from);
}

async::Task<Result<>> visit_call_hours(Store& store, OrgId org, UtcTime from, UtcTime to, RowVisitor visit) {
  return store.read(hours, {bound(org), bound(from), bound(to)}, std::move(visit));
}

std::span<const Statement* const> call_reading_statements() {
  static constexpr const Statement* all[] = {&one, &left_open, &turns, &log, &hours};
  return all;
}

}  // namespace voxanne::store
