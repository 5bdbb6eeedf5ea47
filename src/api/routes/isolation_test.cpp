// No route answers without a token, and none reaches another organization's records: every declared
// route is tried, so that one added later without thought fails here.
#include "api/routes/test_world.h"
#include "store/api_keys.h"
#include "store/appointments.h"
#include "store/contacts.h"
#include "store/knowledge.h"
#include "store/mails.h"
#include "store/messages.h"
#include "store/webhooks.h"
#include "support/raw_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <ranges>
#include <set>

namespace voxanne::api {
namespace {

class Isolation : public testing::Test {
 protected:
  // Everything there is belongs to "demo"; every text of it holds this word.
  static constexpr const char* marker = "belongstodemo";

  Isolation() {
    const OrgId demo{"demo"};
    store::Batch batch;
    domain::Assistant assistant;
    assistant.id = AssistantId{ids.at("assistantId")};
    assistant.org = demo;
    assistant.name = assistant.greeting = marker;
    store::put_assistant(batch, assistant, now);
    domain::PhoneNumber number;
    number.id = PhoneNumberId{ids.at("phoneNumberId")};
    number.org = demo;
    number.assistant = assistant.id;
    number.number = "+442079460000";
    store::put_phone_number(batch, number, now);
    domain::Call call;
    call.id = CallId{ids.at("callId")};
    call.org = demo;
    call.customer.name = marker;
    call.created_at = now;
    store::insert_call(batch, call, {"node", "boot"});
    domain::Turn turn;
    turn.id = TurnId{"turn_demo"};
    turn.text = marker;
    store::put_turn(batch, {demo, call.id}, turn);
    domain::Message message;
    message.id = MessageId{ids.at("messageId")};
    message.org = demo;
    message.text = marker;
    message.created_at = now;
    store::insert_message(batch, message);
    domain::Document document;
    document.id = DocumentId{ids.at("documentId")};
    document.org = demo;
    document.title = marker;
    document.content_type = "text/plain";
    document.created_at = document.updated_at = now;
    store::put_document(
        batch, document,
        {{.id = ChunkId{"chunk_demo"}, .document = document.id, .heading = marker, .text = marker}});
    domain::Gap gap;
    gap.id = GapId{ids.at("gapId")};
    gap.org = demo;
    gap.question = marker;
    gap.created_at = now;
    store::open_gap(batch, gap);
    store::insert_account(batch,
                          {AccountId{ids.at("memberId")}, "belongstodemo@example.com", marker,
                           Passwords::hash_now(Secret{"a long enough one"}, Passwords::Cost::least)},
                          now);
    store::insert_member(batch, demo, ids.at("memberId"), "owner", now);
    store::Invitation invitation;
    invitation.org = demo;
    invitation.id = InvitationId{ids.at("invitationId")};
    invitation.email = "belongstodemo@example.org";
    invitation.role = "viewer";
    invitation.token_hash = "hash of an invitation";
    invitation.expires_at = now + 1h;
    store::put_invitation(batch, invitation);
    store::ApiKey key;
    key.org = demo;
    key.id = ApiKeyId{ids.at("keyId")};
    key.name = marker;
    key.hash = "hash of a key";
    key.scopes = "read";
    store::insert_api_key(batch, key);
    domain::Contact contact;
    contact.id = ContactId{ids.at("contactId")};
    contact.org = demo;
    contact.name = contact.notes = marker;
    contact.number = "+447700900123";
    store::insert_contact(batch, contact);
    domain::Appointment appointment;
    appointment.id = AppointmentId{ids.at("appointmentId")};
    appointment.org = demo;
    appointment.contact = contact.id;
    appointment.staff = appointment.service = marker;
    appointment.starts_at = now + 24h;
    appointment.ends_at = now + 25h;
    store::insert_appointment(batch, appointment);
    store::Webhook webhook;
    webhook.org = demo;
    webhook.id = WebhookId{ids.at("webhookId")};
    webhook.url = "https://belongstodemo.example/";
    webhook.description = marker;
    webhook.events = "call.ended";
    webhook.secret = "sealed";
    webhook.created_at = webhook.updated_at = now;
    store::insert_webhook(batch, webhook);
    store::announce(batch,
                    {.org = demo, .type = "call.ended", .data = R"({"summary":"belongstodemo"})", .at = now});
    store::Erasure erasure;
    erasure.id = ids.at("erasureId");
    erasure.org = demo;
    erasure.subject = "call";
    erasure.requested_by = marker;
    erasure.removed = R"({"calls":1,"turns":0,"logLines":0,"messages":0,"recordings":0,"contacts":0})";
    store::put_erasure(batch, erasure);
    store::set_message_recipients(batch, demo, {"belongstodemo@example.net"});
    world.write(std::move(batch));
    // Made by the store, so not known before.
    const auto told = world.get("/api/webhooks/wh_demo/deliveries").json().at("deliveries").at(0).at("id");
    ids.emplace("deliveryId", std::string{told.as_string()});
  }

  std::string path_of(const Declaration& route) const {
    std::string path{route.path};
    for (const auto& [name, id] : ids)
      if (const auto at = path.find(":" + name); at != std::string::npos)
        path.replace(at, name.size() + 1, id);
    EXPECT_EQ(path.find(':'), std::string::npos) << "add an id for " << route.path << " to this test";
    return path;
  }

  // What of demo's stands in a text; empty: nothing.
  std::string leak_in(std::string_view text) const {
    std::vector<std::string> traces{marker, "442079460000", "447700900123", "turn_demo", "chunk_demo"};
    for (const auto& [name, id] : ids)
      if (name != "name") traces.push_back(id);
    for (const std::string& trace : traces)
      if (text.find(trace) != std::string_view::npos) return trace;
    return {};
  }

  std::map<std::string, std::string> ids{
      {"callId", "call_demo"},    {"assistantId", "asst_demo"}, {"phoneNumberId", "phone_demo"},
      {"messageId", "msg_demo"},  {"documentId", "doc_demo"},   {"gapId", "gap_demo"},
      {"memberId", "user_demo"},  {"invitationId", "inv_demo"}, {"keyId", "key_demo"},
      {"contactId", "cont_demo"}, {"webhookId", "wh_demo"},     {"appointmentId", "appt_demo"},
      {"erasureId", "ers_demo"},  {"name", "main.js"}};
  World world;
  const UtcTime now = world.clock().utc();
};

// Everything of the API but what opens the door, and what is the operator's.
bool is_of_an_organization(const Declaration& route) {
  static const std::set<std::string_view> doors = {"/api/auth/login", "/api/auth/refresh", "/api/auth/logout",
                                                   "/api/auth/invitation"};
  return route.path.starts_with("/api/") && !route.path.starts_with("/api/admin/") &&
         !doors.contains(route.path);
}

// What whoever has no such record is answered to a request of body_of(); nothing where it names none.
std::optional<int> refusal_of(const Declaration& route) {
  if (route.path.find("/:") != std::string_view::npos) return 404;
  if (route.method != Method::post) return {};
  if (route.path == "/api/calls") return 404;
  if (route.path == "/api/appointments" || route.path == "/api/phone-numbers") return 422;
  return {};
}

// Bodies with which the owner's own request would succeed.
std::string body_of(const Declaration& route) {
  if (route.path == "/api/calls")
    return R"({"assistantId":"asst_demo","phoneNumberId":"phone_demo","customer":{"number":"+447700900000"}})";
  if (route.path.starts_with("/api/members/:")) return R"({"role":"viewer"})";
  if (route.path == "/api/members/invitations") return R"({"email":"new@example.com","role":"viewer"})";
  if (route.path == "/api/api-keys") return R"({"name":"mine","scopes":["read"]})";
  if (route.path == "/api/auth/password") return R"({"currentPassword":"x","newPassword":"a long one"})";
  if (route.path == "/api/admin/organizations") return R"({"name":"mine","ownerEmail":"me@example.com"})";
  if (route.path.starts_with("/api/contacts/:")) return R"({"name":"mine"})";
  if (route.path.starts_with("/api/contacts")) return R"({"name":"mine","number":"+447700900124"})";
  if (route.path == "/api/appointments")
    return R"({"staff":"mine","startsAt":"2030-01-01T09:00:00Z","endsAt":"2030-01-01T10:00:00Z",)"
           R"("contactId":"cont_demo"})";
  if (route.path.starts_with("/api/appointments/")) return R"({"service":"mine","contactId":"cont_demo"})";
  if (route.path == "/api/webhooks") return R"({"url":"https://mine.example/","events":["call.ended"]})";
  if (route.path.starts_with("/api/webhooks/")) return R"({"description":"mine"})";
  if (route.path == "/api/organization") return R"({"name":"mine"})";
  if (route.path.ends_with("/search")) return R"({"query":"belongstodemo"})";
  if (route.path.ends_with("/answer")) return R"({"answer":"mine"})";
  if (route.path.starts_with("/api/knowledge-base/:")) return R"({"title":"mine"})";
  if (route.path.ends_with("/say")) return R"({"text":"hello"})";
  if (route.path.starts_with("/api/messages/")) return R"({"handledBy":"me"})";
  if (route.path == "/api/phone-numbers") return R"({"number":"+442079460009","assistantId":"asst_demo"})";
  if (route.path.starts_with("/api/assistants")) return R"({"name":"mine","greeting":"mine"})";
  if (route.path.starts_with("/api/phone-numbers/")) return R"({"assistantId":"asst_demo"})";
  return "{}";
}

TEST_F(Isolation, without_a_token_every_route_of_the_api_is_401) {
  for (const auto& route : declarations()) {
    if (!is_of_an_organization(route)) continue;
    EXPECT_TRUE(route.role) << route.path;
    const std::string method{net::to_string(route.method)};
    const auto answer = world.ask(method, path_of(route), "", method == "GET" ? "" : body_of(route));
    EXPECT_EQ(answer.status, 401) << method << ' ' << route.path;
    EXPECT_TRUE(answer.headers.contains("www-authenticate")) << route.path;
  }
}

TEST_F(Isolation, another_organization_s_id_is_404_and_its_lists_are_empty) {
  // What the owner sees of all there is.
  std::map<std::string, std::string> before;
  for (const char* path : {"/api/assistants/asst_demo",
                           "/api/messages/msg_demo",
                           "/api/calls/call_demo",
                           "/api/calls/call_demo/transcript",
                           "/api/calls",
                           "/api/calls-dashboard",
                           "/api/messages",
                           "/api/assistants",
                           "/api/phone-numbers",
                           "/api/phone-numbers/phone_demo",
                           "/api/knowledge-base",
                           "/api/knowledge-base/doc_demo",
                           "/api/knowledge-base/gaps",
                           "/api/members",
                           "/api/members/invitations",
                           "/api/api-keys",
                           "/api/api-keys/key_demo",
                           "/api/contacts",
                           "/api/contacts/cont_demo",
                           "/api/webhooks",
                           "/api/webhooks/wh_demo",
                           "/api/webhooks/wh_demo/deliveries",
                           "/api/appointments",
                           "/api/appointments/appt_demo",
                           "/api/organization"})
    EXPECT_NE(leak_in(before[path] = world.get(path).body), "") << path;
  for (const auto& route : declarations()) {
    if (!is_of_an_organization(route)) continue;
    const std::string method{net::to_string(route.method)};
    const auto answer = world.ask(method, path_of(route), "other", method == "GET" ? "" : body_of(route));
    if (const auto refusal = refusal_of(route)) {
      EXPECT_EQ(answer.status, *refusal) << method << ' ' << route.path << ' ' << answer.body;
    }
    EXPECT_EQ(leak_in(answer.body), "") << method << ' ' << route.path << ' ' << answer.body;
  }
  for (const char* filtered :
       {"/api/contacts?number=%2B447700900123", "/api/appointments?staff=belongstodemo",
        "/api/calls-dashboard?search=belongstodemo&includeTest=true"}) {
    const auto answer = world.get(filtered, "other");
    EXPECT_EQ(answer.status, 200) << filtered;
    EXPECT_EQ(leak_in(answer.body), "") << filtered << ' ' << answer.body;
  }
  // Nothing of it was changed either.
  for (const auto& [path, body] : before) EXPECT_EQ(world.get(path).body, body) << path;
  EXPECT_TRUE(world.calls().placed.empty());
  EXPECT_TRUE(world.calls().ended.empty());
  EXPECT_TRUE(world.calls().said.empty());
}

TEST_F(Isolation, what_is_one_s_own_is_not_tied_to_what_is_another_organization_s) {
  const auto made = [&](const char* path, const std::string& body) {
    const auto answer = world.ask("POST", path, "other", body);
    EXPECT_EQ(answer.status, 200) << path << ' ' << answer.body;
    return path + ("/" + std::string{answer.json().at("id").as_string()});
  };
  const auto assistant = made("/api/assistants", R"({"name":"mine","greeting":"mine"})");
  const auto number = made("/api/phone-numbers", R"({"number":"+442079460008","assistantId":")" +
                                                     assistant.substr(assistant.rfind('/') + 1) + "\"}");
  const auto appointment =
      made("/api/appointments",
           R"({"staff":"mine","startsAt":"2030-01-01T09:00:00Z","endsAt":"2030-01-01T10:00:00Z"})");
  EXPECT_EQ(world.ask("PATCH", number, "other", R"({"assistantId":"asst_demo"})").status, 422);
  EXPECT_EQ(world.ask("PATCH", appointment, "other", R"({"contactId":"cont_demo"})").status, 422);
  for (const auto& path : {number, appointment}) EXPECT_EQ(leak_in(world.get(path, "other").body), "");
}

TEST_F(Isolation, the_live_events_are_the_token_s_organization_s) {
  const auto publish = [&](const char* org, const char* data) {
    world.bus().publish({events::EventType::stats_updated, OrgId{org}, {}, data, world.clock().utc()});
  };
  publish("demo", R"({"text":"belongstodemo"})");
  test::RawClient client{world.port()};
  ASSERT_EQ(client
                .open_websocket("/ws/live-calls?since=0&epoch=" + world.bus().epoch(),
                                "Authorization: Bearer " + world.token("other") + "\r\n")
                .status,
            101);
  EXPECT_NE(client.read_frame().payload.find(R"("orgId":"other")"), std::string::npos);
  publish("demo", R"({"text":"belongstodemo"})");
  publish("other", R"({"text":"mine"})");
  const auto event = client.read_frame().payload;
  EXPECT_NE(event.find("mine"), std::string::npos) << "nothing came before it, but " << event;
  EXPECT_EQ(leak_in(event), "");
}

// Whether the assistant is there is the switchboard's to see, which is told whose token it was.
TEST_F(Isolation, a_call_from_the_browser_is_the_token_s_organization_s_whatever_it_asks_for) {
  std::string called;
  world.on_browser_call = [&](std::unique_ptr<telephony::Leg>, telephony::browser::InboundCall call) {
    called = call.org.str();
  };
  test::RawClient client{world.port()};
  ASSERT_EQ(client.open_websocket("/ws/web-call?assistantId=asst_demo").status, 101);
  client.send_frame(1, R"({"type":"subscribe","token":")" + world.token("other") + "\"}");
  EXPECT_EQ(client.read_frame().payload, R"({"type":"subscribed","orgId":"other"})");
  client.send_frame(1, R"({"type":"start"})");
  while (client.read_frame().opcode == 1) {
  }
  EXPECT_EQ(called, "other");
}

// What others were refused was not refused for another reason: the owner's same request succeeds, and so does
// every operation that is described, with what the description says. A route that this test has no id or body
// for fails here.
TEST_F(Isolation, every_operation_succeeds_for_whom_it_is) {
  static const std::set<std::string> elsewhere = {
      "postApiTestError",                    // fails on purpose
      "getApiCallsCallIdRecording",          // of sound that was stored: recordings_test.cpp
      "postApiCallsCallIdRecordingRequeue",  // of sound that could not be: recordings_test.cpp
      "getStorageKey",                       // recordings_test.cpp
      "getWsLiveCalls",
      "getWsWebCall",  // they become sockets
  };
  const auto post = [&](const char* path, const std::string& body, std::vector<std::string> headers = {}) {
    headers.push_back("Content-Type: application/json");
    return world.send({.method = "POST", .url = path, .headers = std::move(headers), .body = body});
  };
  for (const char* path : {"/health", "/health/live", "/health/ready"}) world.get(path, "");
  const std::string operators = std::string{"Authorization: Bearer "} + World::operator_token;
  post("/api/admin/organizations", R"({"name":"mine","ownerEmail":"me@example.com"})", {operators});
  world.send({.url = "/api/admin/jobs", .headers = {operators}, .body = {}});

  const auto login =
      post("/api/auth/login", R"({"email":"belongstodemo@example.com","password":"a long enough one"})");
  const std::string bearer =
      "Authorization: Bearer " + std::string{login.json().at("accessToken").as_string()};
  const auto cookie_of = [](const test::HttpAnswer& answer) {
    const auto& text = answer.headers.at("set-cookie");
    return "Cookie: " + text.substr(0, text.find(';'));
  };
  const auto again = post("/api/auth/refresh", "", {cookie_of(login)});
  post("/api/auth/password",
       R"({"currentPassword":"a long enough one","newPassword":"another long enough one"})", {bearer});
  post("/api/auth/logout", "", {cookie_of(again)});
  const auto invited = world.ask("POST", "/api/members/invitations", "demo",
                                 R"({"email":"second@example.com","role":"owner"})");
  post("/api/auth/invitation", R"({"name":"Second","password":"a long enough one","token":")" +
                                   std::string{invited.json().at("token").as_string()} + "\"}");
  world.send({.method = "POST",
              .url = "/api/knowledge-base/upload",
              .headers = {"Authorization: Bearer " + world.token("demo"),
                          "Content-Type: multipart/form-data; boundary=XX"},
              .body = "--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\n"
                      "There is parking.\r\n--XX--\r\n"});

  const auto ask = [&](const Declaration& route) {
    const std::string method{net::to_string(route.method)};
    const auto id = World::description().operation(method, path_of(route));
    if (!is_of_an_organization(route) || world.succeeded.contains(id) || elsewhere.contains(id)) return;
    const auto answer = world.ask(method, path_of(route), "demo", method == "GET" ? "" : body_of(route));
    EXPECT_EQ(answer.status / 100, 2)
        << method << ' ' << route.path << " is " << answer.status << ' ' << answer.body;
  };
  for (const auto& route : declarations())
    if (route.method != Method::del) ask(route);
  store::Batch batch;
  store::end_call(batch, {OrgId{"demo"}, CallId{ids.at("callId")}},
                  {domain::CallStatus::ended, "customer-ended-call", domain::FaultParty::nobody, {}}, now);
  world.write(std::move(batch));
  // An assistant goes once no number is answered by it.
  const auto numbers = world.get("/api/phone-numbers").json();
  for (const auto& number : numbers.at("phoneNumbers").as_array())
    world.ask("DELETE", "/api/phone-numbers/" + std::string{number.at("id").as_string()});
  for (const auto& route : declarations() | std::views::reverse)
    if (route.method == Method::del) ask(route);

  for (const std::string& operation : World::description().operations())
    EXPECT_NE(world.succeeded.contains(operation), elsewhere.contains(operation)) << operation;
}

TEST_F(Isolation, what_changes_something_is_not_for_viewers) {
  for (const auto& route : declarations())
    if (is_of_an_organization(route) && route.method != Method::get && !route.path.ends_with("/search") &&
        route.path != "/api/auth/password")
      EXPECT_GE(route.role, Role::manager) << route.path;
}

TEST_F(Isolation, what_is_the_operator_s_opens_to_no_organization) {
  int seen = 0;
  for (const auto& route : declarations()) {
    if (!route.path.starts_with("/api/admin/")) continue;
    ++seen;
    const std::string method{net::to_string(route.method)};
    EXPECT_EQ(world.ask(method, path_of(route), "demo", method == "GET" ? "" : body_of(route)).status, 401);
  }
  EXPECT_GT(seen, 0);
}

TEST_F(Isolation, the_owners_routes_and_webhooks_are_closed_to_every_api_key) {
  const std::string key =
      world.ask("POST", "/api/api-keys", "demo", R"({"name":"all","scopes":["read","write","calls"]})")
          .json()
          .at("key")
          .as_string()
          .c_str();
  int seen = 0;
  for (const auto& route : declarations()) {
    const bool is_of_webhooks = route.path.starts_with("/api/webhooks");
    if (!is_of_an_organization(route) || (route.role != Role::owner && !is_of_webhooks)) continue;
    seen += is_of_webhooks;
    const std::string method{net::to_string(route.method)};
    const auto answer = world.send(
        {.method = method, .url = path_of(route), .headers = {"Authorization: Bearer " + key}, .body = {}});
    EXPECT_EQ(answer.status, 403) << route.path;
    EXPECT_EQ(answer.json().at("code").as_string(), "scope_missing") << route.path;
  }
  EXPECT_EQ(seen, 8);
  EXPECT_EQ(world.send({.url = "/api/calls", .headers = {"Authorization: Bearer " + key}, .body = {}}).status,
            200);
}

}  // namespace
}  // namespace voxanne::api
