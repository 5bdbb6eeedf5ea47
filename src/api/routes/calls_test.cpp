#include "api/routes/test_world.h"
#include "support/raw_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace voxanne::api {
namespace {

using testing::HasSubstr;
namespace json = boost::json;

class CallRoutes : public testing::Test {
 protected:
  CallRoutes() { world.add_line("demo", "test-assistant-123", "test-phone-123"); }

  // A finished call with two turns and a log.
  CallId finished_call(const std::string& org = "demo") {
    domain::Call call;
    call.id = CallId::make();
    call.org = OrgId{org};
    call.assistant = AssistantId{"test-assistant-123"};
    call.customer = {"+447700900123", "Zoe"};
    call.created_at = from_unix_ms(1'780'000'000'000);
    store::Batch batch;
    store::insert_call(batch, call, {"node", "boot"});
    const store::CallKey key{call.org, call.id};
    store::move_call(batch, key, domain::CallStatus::in_progress, call.created_at + 1s);
    domain::Turn turn;
    turn.id = TurnId{"turn_" + call.id.str()};
    turn.speaker = domain::Speaker::caller;
    turn.text = "When do you open?";
    turn.start_ms = 900;
    turn.end_ms = 2'100;
    turn.confidence = 0.75;
    store::put_turn(batch, key, turn);
    turn.id = TurnId{"turn2_" + call.id.str()};
    turn.speaker = domain::Speaker::assistant;
    turn.text = "At nine.";
    turn.start_ms = 2'500;
    turn.source = "Opening hours";
    turn.confidence = {};
    turn.latency.endpointing_ms = 240;
    store::put_turn(batch, key, turn);
    store::log_event(batch, key, call.created_at, "call.answered", R"({"rate":16000})");
    store::end_call(batch, key,
                    {domain::CallStatus::ended, "customer-ended-call", domain::FaultParty::nobody, {}},
                    call.created_at + 11s);
    world.write(std::move(batch));
    return call.id;
  }

  World world;
};

constexpr std::string_view good_call =
    R"({"assistantId":"test-assistant-123","phoneNumberId":"test-phone-123","customer":{"number":"+44 7700 900000","name":"Ann"},"metadata":{"campaign":7},"assistantOverrides":{"greeting":"Hi"}})";

TEST_F(CallRoutes, a_call_is_placed_and_answered_with_200) {
  const auto answer = world.ask("POST", "/api/calls", "demo", std::string{good_call});
  ASSERT_EQ(answer.status, 200) << answer.body;
  const auto call = answer.json().as_object();
  EXPECT_EQ(call.at("orgId"), "demo");
  EXPECT_EQ(call.at("customer").at("number"), "+447700900000");
  EXPECT_EQ(call.at("customer").at("name"), "Ann");
  EXPECT_EQ(call.at("direction"), "outbound");
  EXPECT_EQ(call.at("status"), "queued");
  EXPECT_EQ(call.at("metadata").at("campaign"), 7);
  ASSERT_EQ(world.calls().placed.size(), 1u);
  domain::Assistant assistant;
  assistant.greeting = "Good morning.";
  assistant.goodbye = "Bye.";
  world.calls().placed[0].adapt(assistant);
  EXPECT_EQ(assistant.greeting, "Hi");
  EXPECT_EQ(assistant.goodbye, "Bye.");

  const auto again = world.get("/api/calls/" + std::string{call.at("id").as_string()});
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(again.json().as_object(), call);
}

TEST_F(CallRoutes, a_bad_request_names_the_field_and_changes_nothing) {
  struct Case {
    std::string body, field, code;
  };
  for (
      const auto& [body, field, code] :
      {Case{R"({})", "assistantId", "missing_field"},
       Case{R"({"assistantId":7})", "assistantId", "invalid_field"},
       Case{R"({"assistantId":"a b"})", "assistantId", "invalid_field"},
       Case{R"({"assistantId":"a"})", "phoneNumberId", "missing_field"},
       Case{R"({"assistantId":"a","phoneNumberId":"p"})", "customer", "missing_field"},
       Case{R"({"assistantId":"a","phoneNumberId":"p","customer":"x"})", "customer", "invalid_field"},
       Case{R"({"assistantId":"a","phoneNumberId":"p","customer":{}})", "customer.number", "missing_field"},
       Case{R"({"assistantId":"a","phoneNumberId":"p","customer":{"number":"07700 900000"}})",
            "customer.number", "invalid_phone_number"},
       Case{R"({"assistantId":"a","phoneNumberId":"p","customer":{"number":"+44x"}})", "customer.number",
            "invalid_phone_number"},
       Case{R"({"assistantId":"a","phoneNumberId":"p","customer":{"number":"+447700900000","name":9}})",
            "customer.name", "invalid_field"},
       Case{R"({"assistantId":"a","phoneNumberId":"p","customer":{"number":"+447700900000"},"metadata":[]})",
            "metadata", "invalid_field"},
       Case{
           R"({"assistantId":"a","phoneNumberId":"p","customer":{"number":"+447700900000"},"metadata":{"x":")" +
               std::string(17'000, 'x') + "\"}}",
           "metadata", "invalid_field"},
       Case{
           R"({"assistantId":"a","phoneNumberId":"p","customer":{"number":"+447700900000"},"assistantOverrides":{"record":false}})",
           "assistantOverrides", "invalid_field"},
       Case{
           R"({"assistantId":"a","phoneNumberId":"p","customer":{"number":"+447700900000"},"assistantOverrides":{"maxDuration":1}})",
           "assistantOverrides.maxDuration", "invalid_field"},
       Case{R"({"assistantId":)", "JSON", "invalid_json"}}) {
    const auto answer = world.ask("POST", "/api/calls", "demo", body);
    EXPECT_EQ(answer.status, 400) << body.substr(0, 120) << answer.body;
    const auto problem = answer.json();
    EXPECT_EQ(problem.at("code"), json::string{code}) << body.substr(0, 120);
    EXPECT_THAT(std::string{problem.at("error").as_string()}, HasSubstr(field)) << body.substr(0, 120);
    EXPECT_TRUE(problem.as_object().contains("requestId"));
  }
  EXPECT_TRUE(world.calls().placed.empty());
}

TEST_F(CallRoutes, refusals_of_the_switchboard_reach_the_client) {
  struct Case {
    Error error;
    int status;
  };
  for (const auto& [error, status] :
       {Case{not_found("assistant_not_found", "no such assistant"), 404},
        Case{{Fault::impossible, "carrier_not_configured", "set SIP_TRUNK_URI"}, 422},
        Case{{Fault::unavailable, "over_capacity", "the server is full", 5s}, 503}}) {
    world.calls().refusal = error;
    const auto answer = world.ask("POST", "/api/calls", "demo", std::string{good_call});
    EXPECT_EQ(answer.status, status);
    EXPECT_EQ(answer.json().at("code"), json::string{error.code});
    if (status == 503) EXPECT_EQ(answer.headers.at("retry-after"), "5");
  }
}

TEST_F(CallRoutes, a_viewer_reads_but_does_not_call) {
  EXPECT_EQ(world.ask("POST", "/api/calls", "demo", std::string{good_call}, Role::viewer).status, 403);
  EXPECT_EQ(world.ask("GET", "/api/calls", "demo", {}, Role::viewer).status, 200);
}

TEST_F(CallRoutes, a_finished_call_has_all_its_facts) {
  const auto id = finished_call();
  const auto call = world.get("/api/calls/" + id.str()).json();
  EXPECT_EQ(call.at("status"), "ended");
  EXPECT_EQ(call.at("endedReason"), "customer-ended-call");
  EXPECT_EQ(call.at("duration"), 10);
  EXPECT_EQ(call.at("answeredAt"), json::string{to_rfc3339(from_unix_ms(1'780'000'001'000))});
  EXPECT_EQ(call.at("hasTranscript"), true);
  EXPECT_EQ(call.at("hasRecording"), false);
  EXPECT_EQ(call.at("recordingStatus"), "none");
  for (const char* unknown : {"phoneNumberId", "contactId", "costCents", "outcome", "appointmentId"})
    EXPECT_TRUE(call.at(unknown).is_null()) << unknown;
  EXPECT_EQ(call.as_object().size(), 26u);
}

TEST_F(CallRoutes, transcript_and_log_are_in_order) {
  const auto id = finished_call();
  const auto transcript = world.get("/api/calls/" + id.str() + "/transcript").json();
  EXPECT_EQ(transcript.at("callId"), json::string{id.str()});
  ASSERT_EQ(transcript.at("turns").as_array().size(), 2u);
  const auto& caller = transcript.at("turns").at(0);
  EXPECT_EQ(caller.at("speaker"), "caller");
  EXPECT_EQ(caller.at("startMs"), 900);
  EXPECT_EQ(caller.at("confidence"), 0.75);
  const auto& assistant = transcript.at("turns").at(1);
  EXPECT_EQ(assistant.at("source"), "Opening hours");
  EXPECT_EQ(assistant.at("latency").at("endpointingMs"), 240);
  EXPECT_TRUE(assistant.at("latency").at("thinkingMs").is_null());

  const auto log = world.get("/api/calls/" + id.str() + "/events").json();
  ASSERT_EQ(log.at("events").as_array().size(), 1u);
  EXPECT_EQ(log.at("events").at(0).at("type"), "call.answered");
  EXPECT_EQ(log.at("events").at(0).at("data").at("rate"), 16'000);
  EXPECT_EQ(log.at("events").at(0).at("at"), json::string{to_rfc3339(from_unix_ms(1'780'000'000'000))});
}

TEST_F(CallRoutes, living_calls_are_ended_and_spoken_into) {
  const auto placed = world.ask("POST", "/api/calls", "demo", std::string{good_call}).json();
  const std::string path = "/api/calls/" + std::string{placed.at("id").as_string()};
  EXPECT_EQ(world.ask("POST", path + "/say", "demo", R"({"text":"One moment."})").status, 204);
  EXPECT_EQ(world.ask("POST", path + "/say", "demo", R"({"text":""})").status, 400);
  EXPECT_EQ(world.ask("POST", path + "/end", "demo").status, 200);
  EXPECT_EQ(world.calls().said, std::vector<std::string>{"One moment."});
  EXPECT_EQ(world.calls().ended.back(), placed.at("id").as_string());
  world.calls().refusal = Error{Fault::conflict, "call_already_ended", "the call has ended already"};
  EXPECT_EQ(world.ask("POST", path + "/end", "demo").status, 409);
}

TEST_F(CallRoutes, what_was_told_of_an_erased_call_is_told_to_nobody_who_comes_again) {
  const auto id = finished_call();
  world.bus().publish(
      {events::EventType::call_ended, OrgId{"demo"}, id, R"({"customer":"Zoe"})", world.clock().utc()});
  const auto told_again = [&] {
    test::RawClient client{world.port()};
    EXPECT_EQ(client
                  .open_websocket("/ws/live-calls?since=0&epoch=" + world.bus().epoch(),
                                  "Authorization: Bearer " + world.token("demo") + "\r\n")
                  .status,
              101);
    EXPECT_THAT(client.read_frame().payload, HasSubstr("subscribed"));
    return client.read_frame().payload;
  };
  EXPECT_THAT(told_again(), HasSubstr("Zoe"));
  EXPECT_EQ(world.ask("DELETE", "/api/calls/" + id.str()).status, 200);
  EXPECT_THAT(told_again(), HasSubstr("resync"));
}

TEST_F(CallRoutes, an_unknown_call_is_404) {
  for (const char* path : {"", "/transcript", "/events"})
    EXPECT_EQ(world.get(std::string{"/api/calls/call_unknown"} + path).json().at("code"), "call_not_found")
        << path;
}

}  // namespace
}  // namespace voxanne::api
