// Assistants, phone numbers, messages: create, read, change, refuse.
#include "api/routes/test_world.h"
#include "store/messages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace voxanne::api {
namespace {

using testing::HasSubstr;
namespace json = boost::json;

class Resources : public testing::Test {
 protected:
  json::value made(const std::string& path, const std::string& body) {
    const auto answer = world.ask("POST", path, "demo", body);
    EXPECT_EQ(answer.status, 200) << answer.body;
    return answer.json();
  }
  std::string id_of(const json::value& object) { return std::string{object.at("id").as_string()}; }
  void expect_problem(const test::HttpAnswer& answer, int status, const std::string& says) {
    EXPECT_EQ(answer.status, status) << answer.body;
    EXPECT_THAT(std::string{answer.json().at("error").as_string()}, HasSubstr(says));
  }

  World world;
};

TEST_F(Resources, an_assistant_is_created_read_and_changed) {
  const auto created =
      made("/api/assistants", R"({"name":"Reception","greeting":"Good morning","record":false})");
  EXPECT_EQ(created.at("orgId"), "demo");
  EXPECT_EQ(created.at("voice"), "slt");
  EXPECT_EQ(created.at("idlePromptAfterMs"), 7'000);
  EXPECT_EQ(created.at("maxDuration"), 1'800);
  EXPECT_EQ(created.at("record"), false);
  const std::string path = "/api/assistants/" + id_of(created);
  EXPECT_EQ(world.get(path).json(), created);

  const auto changed =
      world.ask("PATCH", path, "demo", R"({"greeting":"Good evening","maxDuration":60})").json();
  EXPECT_EQ(changed.at("greeting"), "Good evening");
  EXPECT_EQ(changed.at("maxDuration"), 60);
  EXPECT_EQ(changed.at("name"), "Reception");
  EXPECT_EQ(changed.at("record"), false);
  EXPECT_EQ(world.get("/api/assistants").json().at("assistants").as_array().size(), 1u);
}

TEST_F(Resources, a_name_that_callers_may_say_is_told_to_whoever_listens_for_it) {
  const auto assistant = made("/api/assistants", R"({"name":"Rosalind","greeting":"Good morning"})");
  EXPECT_EQ(world.knowledge_changed, (std::vector<std::string>{"demo"}));
  const auto change = [&](const std::string& path, const std::string& body) {
    world.knowledge_changed.clear();
    EXPECT_EQ(world.ask("PATCH", path, "demo", body).status, 200);
    return world.knowledge_changed.size();
  };
  const std::string path = "/api/assistants/" + id_of(assistant);
  EXPECT_EQ(change(path, R"({"greeting":"Good evening"})"), 0U);
  EXPECT_EQ(change(path, R"({"name":"Beatrice"})"), 1U);
  EXPECT_EQ(change("/api/organization", R"({"timezone":"Europe/Paris"})"), 0U);
  EXPECT_EQ(change("/api/organization", R"({"name":"Harbour Dental and Sons"})"), 1U);
}

TEST_F(Resources, a_bad_assistant_is_refused) {
  const auto created = made("/api/assistants", R"({"name":"Reception","greeting":"Good morning"})");
  const std::string path = "/api/assistants/" + id_of(created);
  expect_problem(world.ask("POST", "/api/assistants", "demo", R"({"name":"x"})"), 400, "greeting");
  expect_problem(world.ask("POST", "/api/assistants", "demo", R"({"greeting":"x"})"), 400, "name");
  expect_problem(world.ask("PATCH", path, "demo", R"({"name":""})"), 400, "name");
  expect_problem(world.ask("PATCH", path, "demo", R"({"maxDuration":1})"), 400, "maxDuration");
  expect_problem(world.ask("PATCH", path, "demo", R"({"record":"yes"})"), 400, "record");
  EXPECT_EQ(world.ask("PATCH", path, "demo", R"({"name":"x"})", Role::viewer).status, 403);
  EXPECT_EQ(world.get(path).json(), created);
  EXPECT_EQ(world.get("/api/assistants/asst_unknown").json().at("code"), "assistant_not_found");
}

TEST_F(Resources, a_phone_number_is_normalised_and_answered_by_an_assistant) {
  const auto assistant = made("/api/assistants", R"({"name":"Reception","greeting":"Good morning"})");
  const auto number = made("/api/phone-numbers",
                           R"({"number":"+44 20 7946 0000","assistantId":")" + id_of(assistant) + "\"}");
  EXPECT_EQ(number.at("number"), "+442079460000");
  EXPECT_EQ(number.at("carrier"), "sip");
  const auto builtin =
      made("/api/phone-numbers", R"({"carrier":"builtin","assistantId":")" + id_of(assistant) + "\"}");
  EXPECT_TRUE(builtin.at("number").is_null());
  const std::string path = "/api/phone-numbers/" + id_of(number);
  const auto changed = world.ask("PATCH", path, "demo", R"({"carrier":"twilio"})").json();
  EXPECT_EQ(changed.at("carrier"), "twilio");
  EXPECT_EQ(changed.at("number"), "+442079460000");
  EXPECT_EQ(world.get(path).json(), changed);
  EXPECT_EQ(world.get("/api/phone-numbers").json().at("phoneNumbers").as_array().size(), 2u);
}

TEST_F(Resources, a_bad_phone_number_is_refused) {
  const auto assistant = id_of(made("/api/assistants", R"({"name":"Reception","greeting":"Good morning"})"));
  const std::string good = R"({"number":"+442079460000","assistantId":")" + assistant + "\"}";
  made("/api/phone-numbers", good);
  expect_problem(world.ask("POST", "/api/phone-numbers", "demo", good), 409, "in use");
  expect_problem(world.ask("POST", "/api/phone-numbers", "demo", R"({"assistantId":"a"})"), 400, "number");
  expect_problem(world.ask("POST", "/api/phone-numbers", "demo", R"({"number":"020","assistantId":"a"})"),
                 400, "number");
  expect_problem(world.ask("POST", "/api/phone-numbers", "demo", R"({"number":"+442079460001"})"), 400,
                 "assistantId");
  expect_problem(
      world.ask("POST", "/api/phone-numbers", "demo", R"({"number":"+442079460001","assistantId":"no"})"),
      422, "assistantId");
  expect_problem(world.ask("POST", "/api/phone-numbers", "demo", R"({"carrier":"pigeon"})"), 400, "carrier");
  // Another organization's assistant does not answer our number, nor is its number ours to take.
  expect_problem(world.ask("POST", "/api/phone-numbers", "other",
                           R"({"number":"+442079460001","assistantId":")" + assistant + "\"}"),
                 422, "assistantId");
}

TEST_F(Resources, of_two_changes_at_once_none_is_lost) {
  const auto assistant = id_of(made("/api/assistants", R"({"name":"Reception","greeting":"Good morning"})"));
  const auto number =
      id_of(made("/api/phone-numbers", R"({"number":"+442079460000","assistantId":")" + assistant + "\"}"));
  struct Case {
    std::string path;
    const char *first, *second;
  };
  for (const auto& [path, first, second] :
       {Case{"/api/assistants/" + assistant, R"({"greeting":"Hello"})", R"({"name":"Front desk"})"},
        Case{"/api/phone-numbers/" + number, R"({"carrier":"twilio"})", R"({"number":"+442079460001"})"},
        Case{"/api/organization", R"({"timezone":"Europe/Paris"})", R"({"name":"Harbour"})"},
        Case{"/api/organization", R"({"messageRecipients":["a@example.com"]})",
             R"({"messageRecipients":["b@example.com"]})"}}) {
    json::value theirs;
    world.meanwhile([&] { theirs = world.ask("PATCH", path, "demo", second).json(); });
    const auto ours = world.ask("PATCH", path, "demo", first);
    EXPECT_EQ(ours.status, 409) << path << ' ' << ours.body;
    EXPECT_EQ(ours.json().at("code"), "changed_meanwhile") << path;
    EXPECT_EQ(world.get(path).json(), theirs) << path;
    // Whoever reads it and tries again has both.
    const auto both = world.ask("PATCH", path, "demo", first);
    EXPECT_EQ(both.status, 200) << path << ' ' << both.body;
    EXPECT_NE(both.json(), theirs) << path;
  }
}

TEST_F(Resources, what_is_deleted_while_it_is_changed_stays_deleted) {
  const auto assistant = id_of(made("/api/assistants", R"({"name":"Reception","greeting":"Good morning"})"));
  const auto number =
      id_of(made("/api/phone-numbers", R"({"number":"+442079460000","assistantId":")" + assistant + "\"}"));
  for (const auto& [path, change] : {std::pair{"/api/phone-numbers/" + number, R"({"carrier":"twilio"})"},
                                     std::pair{"/api/assistants/" + assistant, R"({"greeting":"Hello"})"}}) {
    world.meanwhile([&] { EXPECT_EQ(world.ask("DELETE", path).status, 204); });
    EXPECT_EQ(world.ask("PATCH", path, "demo", change).status, 404) << path;
    EXPECT_EQ(world.get(path).status, 404) << path;
  }
}

TEST_F(Resources, messages_are_listed_and_marked_as_dealt_with) {
  store::Batch batch;
  domain::Message message;
  message.org = OrgId{"demo"};
  message.text = "Please call back";
  message.number = "+447700900123";
  for (int i = 0; i < 3; ++i) {
    message.id = MessageId{"msg_" + std::to_string(i)};
    message.created_at = from_unix_ms(1'780'000'000'000 + i);
    store::insert_message(batch, message);
  }
  world.write(std::move(batch));
  const auto list = world.get("/api/messages?limit=2").json();
  ASSERT_EQ(list.at("messages").as_array().size(), 2u);
  EXPECT_EQ(list.at("messages").at(0).at("id"), "msg_2");
  EXPECT_TRUE(list.at("messages").at(0).at("callId").is_null());
  const std::string cursor{list.at("pagination").at("nextCursor").as_string()};
  EXPECT_EQ(world.get("/api/messages?limit=2&cursor=" + cursor).json().at("messages").at(0).at("id"),
            "msg_0");

  const auto handled = world.ask("PATCH", "/api/messages/msg_1", "demo", R"({"handledBy":"Anna"})").json();
  EXPECT_EQ(handled.at("handledBy"), "Anna");
  EXPECT_TRUE(handled.at("handledAt").is_string());
  const auto reopened = world.ask("PATCH", "/api/messages/msg_1", "demo", R"({"handledBy":null})").json();
  EXPECT_TRUE(reopened.at("handledBy").is_null());
  EXPECT_TRUE(reopened.at("handledAt").is_null());
  expect_problem(world.ask("PATCH", "/api/messages/msg_1", "demo", R"({})"), 400, "handledBy");
  EXPECT_EQ(world.ask("PATCH", "/api/messages/msg_9", "demo", R"({"handledBy":"A"})").status, 404);
}

}  // namespace
}  // namespace voxanne::api
