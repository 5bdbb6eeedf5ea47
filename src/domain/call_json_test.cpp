#include "domain/call_json.h"

#include <gtest/gtest.h>

namespace voxanne::domain {
namespace {

TEST(CallJson, every_field_is_there_and_null_where_unknown) {
  Call call;
  call.id = CallId{"call_1"};
  call.org = OrgId{"demo"};
  call.created_at = from_unix_ms(1'500);
  std::string out;
  append_call(out, call);
  EXPECT_EQ(
      out, R"({"id":"call_1","orgId":"demo","assistantId":null,"phoneNumberId":null,"direction":"inbound",)"
           R"("channel":"sip","status":"queued","endedReason":null,"customer":{"number":null,"name":null},)"
           R"("contactId":null,"createdAt":"1970-01-01T00:00:01.500Z","startedAt":null,"answeredAt":null,)"
           R"("endedAt":null,"duration":null,"costCents":null,"hasRecording":false,"recordingStatus":"none",)"
           R"("hasTranscript":false,"summary":null,"outcome":null,"sentiment":{"label":null,"score":null},)"
           R"("toolsUsed":[],"appointmentId":null,"isTest":false,"metadata":{}})");
}

TEST(CallJson, known_fields_are_written_and_escaped) {
  Call call;
  call.id = CallId{"call_1"};
  call.assistant = AssistantId{"test-assistant-123"};
  call.direction = Direction::outbound;
  call.channel = Channel::browser;
  call.status = CallStatus::ended;
  call.ended_reason = ended::customer;
  call.customer = {"+447700900123", "Zo\xc3\xab \"Z\"\n"};
  call.answered_at = from_unix_ms(0);
  call.duration = 12.5;
  call.metadata = R"({"campaign":7})";
  std::string out;
  append_call(out, call);
  for (const std::string_view part :
       {R"("assistantId":"test-assistant-123")",
        R"("direction":"outbound","channel":"browser","status":"ended")",
        R"("endedReason":"customer-ended-call")", "\"name\":\"Zo\xc3\xab \\\"Z\\\"\\n\"",
        R"("answeredAt":"1970-01-01T00:00:00.000Z")", R"("duration":12.5)", R"("metadata":{"campaign":7})"})
    EXPECT_NE(out.find(part), out.npos) << part << " in " << out;
}

TEST(CallJson, a_turn_has_its_latency) {
  Turn turn;
  turn.id = TurnId{"turn_1"};
  turn.speaker = Speaker::assistant;
  turn.text = "We open at nine.";
  turn.start_ms = 100;
  turn.end_ms = 1'500;
  turn.source = "Opening hours";
  turn.latency.thinking_ms = 3;
  std::string out;
  append_turn(out, turn);
  EXPECT_EQ(out,
            R"({"id":"turn_1","speaker":"assistant","text":"We open at nine.","startMs":100,"endMs":1500,)"
            R"("confidence":null,"interrupted":false,"source":"Opening hours",)"
            R"("latency":{"endpointingMs":null,"recognitionMs":null,"thinkingMs":3,"firstAudioMs":null}})");
}

}  // namespace
}  // namespace voxanne::domain
