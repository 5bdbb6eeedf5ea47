#include "domain/call_json.h"

#include "base/json_fields.h"

namespace voxanne::domain {

void append_call(std::string& out, const CallFields& call) {
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

void append_call(std::string& out, const Call& call) {
  append_call(out, CallFields{.id = call.id.str(),
                              .org = call.org.str(),
                              .assistant = call.assistant.str(),
                              .phone_number = call.phone_number.str(),
                              .direction = to_string(call.direction),
                              .channel = to_string(call.channel),
                              .status = to_string(call.status),
                              .ended_reason = call.ended_reason,
                              .customer_number = call.customer.number,
                              .customer_name = call.customer.name,
                              .contact = call.contact.str(),
                              .created_at = call.created_at,
                              .started_at = call.started_at,
                              .answered_at = call.answered_at,
                              .ended_at = call.ended_at,
                              .duration = call.duration,
                              .cost_cents = call.cost_cents,
                              .sentiment_score = call.sentiment_score,
                              .has_recording = call.has_recording,
                              .has_transcript = call.has_transcript,
                              .is_test = call.is_test,
                              .recording_status = to_string(call.recording_status),
                              .summary = call.summary,
                              .outcome = call.outcome,
                              .sentiment_label = call.sentiment_label,
                              .tools_used = call.tools_used,
                              .appointment = call.appointment.str(),
                              .metadata = call.metadata});
}

void append_verdict(std::string& out, const Verdict& verdict) {
  append_string(out, R"("reason":)", verdict.reason);
  append_string(out, R"(,"fault":)", to_string(verdict.fault));
  append_string(out, R"(,"detail":)", verdict.detail);
}

void append_turn(std::string& out, const Turn& turn) {
  append_string(out, R"({"id":)", turn.id.str());
  append_string(out, R"(,"speaker":)", to_string(turn.speaker));
  append_string(out, R"(,"text":)", turn.text);
  append_int(out, R"(,"startMs":)", turn.start_ms);
  append_int(out, R"(,"endMs":)", turn.end_ms);
  append_number(out, R"(,"confidence":)", turn.confidence);
  append_flag(out, R"(,"interrupted":)", turn.interrupted);
  append_text(out, R"(,"source":)", turn.source);
  append_int(out, R"(,"latency":{"endpointingMs":)", turn.latency.endpointing_ms);
  append_int(out, R"(,"recognitionMs":)", turn.latency.recognition_ms);
  append_int(out, R"(,"thinkingMs":)", turn.latency.thinking_ms);
  append_int(out, R"(,"firstAudioMs":)", turn.latency.first_audio_ms);
  out.append("}}");
}

}  // namespace voxanne::domain
