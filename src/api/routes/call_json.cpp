#include "api/routes/call_json.h"

#include "api/routes/fields.h"
#include "store/calls.h"

#include <optional>

namespace voxanne::api {
namespace {

// The fields as they are written; empty texts and absent numbers are null.
struct Fields {
  std::string_view id, org, assistant, phone_number, direction, channel, status, ended_reason;
  std::string_view customer_number, customer_name, contact{};
  UtcTime created_at;
  std::optional<UtcTime> started_at, answered_at, ended_at;
  std::optional<double> duration, cost_cents{}, sentiment_score{};
  bool has_recording = false, has_transcript = false, is_test = false;
  std::string_view recording_status, summary{}, outcome{}, sentiment_label{}, tools_used{}, appointment{},
      metadata;
};

void append_fields(std::string& out, const Fields& call) {
  append_text(out, R"({"id":)", call.id);
  append_text(out, R"(,"orgId":)", call.org);
  append_text(out, R"(,"assistantId":)", call.assistant);
  append_text(out, R"(,"phoneNumberId":)", call.phone_number);
  append_text(out, R"(,"direction":)", call.direction);
  append_text(out, R"(,"channel":)", call.channel);
  append_text(out, R"(,"status":)", call.status);
  append_text(out, R"(,"endedReason":)", call.ended_reason);
  append_text(out, R"(,"customer":{"number":)", call.customer_number);
  append_text(out, R"(,"name":)", call.customer_name);
  append_text(out, R"(},"contactId":)", call.contact);
  append_time(out, R"(,"createdAt":)", call.created_at);
  append_time(out, R"(,"startedAt":)", call.started_at);
  append_time(out, R"(,"answeredAt":)", call.answered_at);
  append_time(out, R"(,"endedAt":)", call.ended_at);
  append_number(out, R"(,"duration":)", call.duration);
  append_number(out, R"(,"costCents":)", call.cost_cents);
  append_flag(out, R"(,"hasRecording":)", call.has_recording);
  append_text(out, R"(,"recordingStatus":)", call.recording_status);
  append_flag(out, R"(,"hasTranscript":)", call.has_transcript);
  append_text(out, R"(,"summary":)", call.summary);
  append_text(out, R"(,"outcome":)", call.outcome);
  append_text(out, R"(,"sentiment":{"label":)", call.sentiment_label);
  append_number(out, R"(,"score":)", call.sentiment_score);
  out.append(R"(},"toolsUsed":)").append(call.tools_used.empty() ? "[]" : call.tools_used);
  append_text(out, R"(,"appointmentId":)", call.appointment);
  append_flag(out, R"(,"isTest":)", call.is_test);
  out.append(R"(,"metadata":)").append(call.metadata.empty() ? "{}" : call.metadata);
  out.push_back('}');
}

}  // namespace

void append_call(std::string& out, const store::Row& row) {
  namespace column = store::call_column;
  const auto real = [&](int index) {
    return row.is_null(index) ? std::optional<double>{} : std::optional{row.real(index)};
  };
  const auto duration_ms = row.is_null(column::duration_ms)
                               ? std::optional<double>{}
                               : std::optional{double(row.integer(column::duration_ms))};
  append_fields(out, {.id = row.text(column::id),
                      .org = row.text(column::org_id),
                      .assistant = row.text(column::assistant_id),
                      .phone_number = row.text(column::phone_number_id),
                      .direction = row.text(column::direction),
                      .channel = row.text(column::channel),
                      .status = row.text(column::status),
                      .ended_reason = row.text(column::ended_reason),
                      .customer_number = row.text(column::customer_number),
                      .customer_name = row.text(column::customer_name),
                      .contact = row.text(column::contact_id),
                      .created_at = from_unix_ms(row.integer(column::created_at)),
                      .started_at = row.time(column::started_at),
                      .answered_at = row.time(column::answered_at),
                      .ended_at = row.time(column::ended_at),
                      .duration = duration_ms ? std::optional{*duration_ms / 1000.0} : std::nullopt,
                      .cost_cents = real(column::cost_cents),
                      .sentiment_score = real(column::sentiment_score),
                      .has_recording = row.integer(column::has_recording) != 0,
                      .has_transcript = row.integer(column::has_transcript) != 0,
                      .is_test = row.integer(column::is_test) != 0,
                      .recording_status = row.text(column::recording_status),
                      .summary = row.text(column::summary),
                      .outcome = row.text(column::outcome),
                      .sentiment_label = row.text(column::sentiment_label),
                      .tools_used = row.text(column::tools_used),
                      .appointment = row.text(column::appointment_id),
                      .metadata = row.text(column::metadata)});
}

void append_call(std::string& out, const domain::Call& call) {
  append_fields(out, {.id = call.id.str(),
                      .org = call.org.str(),
                      .assistant = call.assistant.str(),
                      .phone_number = call.phone_number.str(),
                      .direction = to_string(call.direction),
                      .channel = to_string(call.channel),
                      .status = to_string(call.status),
                      .ended_reason = call.ended_reason,
                      .customer_number = call.customer.number,
                      .customer_name = call.customer.name,
                      .created_at = call.created_at,
                      .started_at = call.started_at,
                      .answered_at = call.answered_at,
                      .ended_at = call.ended_at,
                      .duration = call.duration,
                      .is_test = call.is_test,
                      .recording_status = to_string(call.recording_status),
                      .metadata = call.metadata});
}

}  // namespace voxanne::api
