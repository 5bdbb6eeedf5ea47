// No route answers without a token, and none reaches another organization's records: every declared
// route is tried, so that one added later without thought fails here.
#include "api/routes/test_world.h"
#include "store/knowledge.h"
#include "store/messages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

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
    world.write(std::move(batch));
  }

  std::string path_of(const Declaration& route) const {
    std::string path{route.path};
    for (const auto& [name, id] : ids)
      if (const auto at = path.find(":" + name); at != std::string::npos)
        path.replace(at, name.size() + 1, id);
    EXPECT_EQ(path.find(':'), std::string::npos) << "add an id for " << route.path << " to this test";
    return path;
  }

  const std::map<std::string, std::string> ids{
      {"callId", "call_demo"},   {"assistantId", "asst_demo"}, {"phoneNumberId", "phone_demo"},
      {"messageId", "msg_demo"}, {"documentId", "doc_demo"},   {"gapId", "gap_demo"},
      {"name", "main.js"}};
  World world;
  const UtcTime now = world.clock().utc();
};

// Bodies with which the owner's own request would succeed.
std::string body_of(const Declaration& route) {
  if (route.path == "/api/calls")
    return R"({"assistantId":"asst_demo","phoneNumberId":"phone_demo","customer":{"number":"+447700900000"}})";
  if (route.path.ends_with("/search")) return R"({"query":"belongstodemo"})";
  if (route.path.ends_with("/answer")) return R"({"answer":"mine"})";
  if (route.path.starts_with("/api/knowledge-base/:")) return R"({"title":"mine"})";
  if (route.path.ends_with("/say")) return R"({"text":"hello"})";
  if (route.path.starts_with("/api/messages/")) return R"({"handledBy":"me"})";
  if (route.path == "/api/phone-numbers") return R"({"number":"+442079460009","assistantId":"asst_demo"})";
  return R"({"name":"mine","greeting":"mine"})";
}

TEST_F(Isolation, without_a_token_every_route_of_the_api_is_401) {
  for (const auto& route : declarations()) {
    if (!route.path.starts_with("/api/")) continue;
    EXPECT_TRUE(route.role) << route.path;
    const std::string method{net::to_string(route.method)};
    const auto answer = world.ask(method, path_of(route), "", method == "GET" ? "" : body_of(route));
    EXPECT_EQ(answer.status, 401) << method << ' ' << route.path;
    EXPECT_TRUE(answer.headers.contains("www-authenticate")) << route.path;
  }
}

TEST_F(Isolation, another_organization_s_id_is_404_and_its_lists_are_empty) {
  for (const auto& route : declarations()) {
    if (!route.path.starts_with("/api/")) continue;
    const std::string method{net::to_string(route.method)};
    const auto answer = world.ask(method, path_of(route), "other", method == "GET" ? "" : body_of(route));
    if (route.path.find("/:") != std::string_view::npos) {
      EXPECT_EQ(answer.status, 404) << method << ' ' << route.path << ' ' << answer.body;
    }
    EXPECT_EQ(answer.body.find(marker), std::string::npos)
        << method << ' ' << route.path << ' ' << answer.body;
  }
  // Nothing of it was changed either, and the owner sees all of it.
  for (const char* path : {"/api/assistants/asst_demo", "/api/messages/msg_demo", "/api/calls/call_demo",
                           "/api/calls/call_demo/transcript", "/api/calls", "/api/calls-dashboard",
                           "/api/messages", "/api/assistants"})
    EXPECT_NE(world.get(path).body.find(marker), std::string::npos) << path;
  EXPECT_TRUE(world.get("/api/messages/msg_demo").json().at("handledBy").is_null());
  EXPECT_TRUE(world.calls().ended.empty());
  EXPECT_TRUE(world.calls().said.empty());
}

TEST_F(Isolation, what_changes_something_is_not_for_viewers) {
  for (const auto& route : declarations())
    if (route.path.starts_with("/api/") && route.method != Method::get && !route.path.ends_with("/search"))
      EXPECT_EQ(route.role, Role::manager) << route.path;
}

}  // namespace
}  // namespace voxanne::api
