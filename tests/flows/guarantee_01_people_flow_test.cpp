// Guarantee 1, from outside, with people: accounts by the command line and by invitation, logins, API keys,
// and what ends with them.
#include "support/http.h"
#include "support/raw_client.h"
#include "support/server.h"
#include "support/temp_dir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>

namespace voxanne::test {
namespace {

namespace json = boost::json;
using testing::HasSubstr;

const std::string operator_token = "the-operator-s-own-token-123";

// People, from the machine itself: the first owner, a lost password.
TEST(AuthPeople, the_first_owner_comes_by_the_command_line_and_signs_in) {
  Server server{{{"VOXANNE_ENV", "production"}, {"SPEECH_WORKERS", "1"}}};
  const auto run = [&](std::vector<std::string> command) {
    command.insert(command.begin(), voxanne_program());
    Process process{{.command = std::move(command),
                     .environment = {{"DATA_DIR", server.data().string()}},
                     .directory = {}}};
    EXPECT_EQ(process.wait(std::chrono::seconds{30}), 0) << process.output();
    return process.out();
  };
  const auto value = [](const std::string& text, const std::string& name) {
    const auto at = text.find(name + " ") + name.size() + 1;
    return text.substr(at, text.find('\n', at) - at);
  };
  const auto login = [&](const std::string& password) {
    return http(
        {.method = "POST",
         .url = server.url("/api/auth/login"),
         .headers = {"Content-Type: application/json"},
         .body = json::serialize(json::object{{"email", "ann@example.com"}, {"password", password}})});
  };
  const auto created = run({"org", "create", "Harbour Vets", "--owner", "Ann@Example.com"});
  const auto signed_in = login(value(created, "password"));
  ASSERT_EQ(signed_in.status, 200) << signed_in.body;
  EXPECT_EQ(signed_in.json().at("orgId").as_string(), value(created, "organization"));
  EXPECT_EQ(signed_in.json().at("role").as_string(), "owner");
  const std::string cookie =
      "Cookie: " + signed_in.headers.at("set-cookie").substr(0, signed_in.headers.at("set-cookie").find(';'));

  const auto reset = run({"user", "reset", "ann@example.com"});
  EXPECT_EQ(login(value(created, "password")).status, 401);
  EXPECT_EQ(login(value(reset, "password")).status, 200);
  EXPECT_EQ(http({.method = "POST", .url = server.url("/api/auth/refresh"), .headers = {cookie}, .body = {}})
                .status,
            401);
  const auto second = run({"org", "create", "Second", "--owner", "ann@example.com"});
  const auto link = value(second, "invitation");
  EXPECT_THAT(link, HasSubstr(":3001/#/invitation/vi_"));
  EXPECT_EQ(second.find("password"), std::string::npos) << "an account that is there is invited";
  const auto accepted =
      http({.method = "POST",
            .url = server.url("/api/auth/invitation"),
            .headers = {"Content-Type: application/json"},
            .body = json::serialize(json::object{{"token", link.substr(link.rfind('/') + 1)},
                                                 {"password", value(reset, "password")}})});
  ASSERT_EQ(accepted.status, 200) << accepted.body;
  EXPECT_EQ(accepted.json().at("orgId").as_string(), value(second, "organization"));
  EXPECT_EQ(accepted.json().at("role").as_string(), "owner");

  EXPECT_EQ(server.process().output().find("ann@example.com"), std::string::npos)
      << "no personal data in the log";
}

// A house with its owner, Ann.
class AuthMembers : public testing::Test {
 protected:
  AuthMembers() {
    const auto founded =
        post("/api/admin/organizations", {{"name", "Harbour Vets"}, {"ownerEmail", "ann@example.com"}},
             {"Authorization: Bearer " + operator_token});
    EXPECT_EQ(founded.status, 200) << founded.body;
    password = founded.json().at("password").as_string();
  }

  // Passwords are checked on a thread that gives way to others: on a busy machine that takes its time.
  HttpAnswer post(const std::string& path, const json::value& body, std::vector<std::string> headers = {}) {
    headers.push_back("Content-Type: application/json");
    return http({.method = "POST",
                 .url = server.url(path),
                 .headers = std::move(headers),
                 .body = json::serialize(body),
                 .limit = seconds{60}});
  }
  HttpAnswer login(const std::string& email, const std::string& with) {
    return post("/api/auth/login", {{"email", email}, {"password", with}});
  }
  HttpAnswer refresh(const std::string& cookie) {
    return http({.method = "POST", .url = server.url("/api/auth/refresh"), .headers = {cookie}, .body = {}});
  }
  int status(const std::string& path, const std::string& authorization) {
    return http_get(server.url(path), {authorization}).status;
  }
  int create_assistant(const std::string& authorization) {
    return post("/api/assistants", {{"name", "a"}, {"greeting", "b"}}, {authorization}).status;
  }
  json::value api_key(const std::string& authorization, json::array scopes) {
    const auto made = post("/api/api-keys", {{"name", "k"}, {"scopes", std::move(scopes)}}, {authorization});
    EXPECT_EQ(made.status, 200) << made.body;
    return made.json();
  }
  static std::string bearer_of(const HttpAnswer& answer) {
    return "Authorization: Bearer " + std::string{answer.json().at("accessToken").as_string()};
  }
  static std::string cookie_of(const HttpAnswer& answer) {
    const auto& text = answer.headers.at("set-cookie");
    return "Cookie: " + text.substr(0, text.find(';'));
  }
  static std::string bearer_of_key(const json::value& key) {
    return "Authorization: Bearer " + std::string{key.at("key").as_string()};
  }

  Server server{{{"VOXANNE_ENV", "production"}, {"OPERATOR_TOKEN", operator_token}, {"SPEECH_WORKERS", "1"}}};
  std::string password;
};

TEST_F(AuthMembers, a_refresh_token_shown_twice_ends_its_login_and_no_other) {
  const auto first = login("ann@example.com", password), other = login("ann@example.com", password);
  ASSERT_EQ(first.status, 200) << first.body;
  const auto second = refresh(cookie_of(first));
  ASSERT_EQ(second.status, 200) << second.body;
  EXPECT_NE(cookie_of(second), cookie_of(first));
  EXPECT_EQ(status("/api/calls", bearer_of(second)), 200);
  const auto stolen = refresh(cookie_of(first));
  EXPECT_EQ(stolen.status, 401);
  EXPECT_EQ(stolen.json().at("code"), "login_ended");
  EXPECT_EQ(refresh(cookie_of(second)).status, 401);
  EXPECT_EQ(status("/api/calls", bearer_of(second)), 401);
  EXPECT_EQ(status("/api/calls", bearer_of(other)), 200);
}

TEST_F(AuthMembers, passwords_cannot_be_guessed_at_leisure) {
  for (const char* who : {"ann@example.com", "nobody@example.com"}) {
    for (int i = 0; i < 5; ++i) EXPECT_EQ(login(who, "not the password").status, 401) << who;
    const auto waits = login(who, password);
    EXPECT_EQ(waits.status, 429) << who;
    EXPECT_TRUE(waits.headers.contains("retry-after"));
  }
}

TEST_F(AuthMembers, who_is_invited_may_do_what_their_role_may_and_a_key_what_it_is_for) {
  const auto owner = bearer_of(login("ann@example.com", password));
  const auto invited =
      post("/api/members/invitations", {{"email", "bob@example.com"}, {"role", "viewer"}}, {owner});
  ASSERT_EQ(invited.status, 200) << invited.body;
  const auto accept = [&] {
    return post(
        "/api/auth/invitation",
        {{"token", invited.json().at("token")}, {"name", "Bob"}, {"password", "long enough for all"}});
  };
  const auto accepted = accept();
  ASSERT_EQ(accepted.status, 200) << accepted.body;
  EXPECT_EQ(accept().status, 404) << "used";
  const auto bob = login("bob@example.com", "long enough for all");
  EXPECT_EQ(bob.json().at("role"), "viewer");
  EXPECT_EQ(status("/api/calls", bearer_of(bob)), 200);
  EXPECT_EQ(create_assistant(bearer_of(bob)), 403);
  EXPECT_EQ(status("/api/members", bearer_of(bob)), 403);
  EXPECT_EQ(create_assistant(owner), 200);

  const auto reader = bearer_of_key(api_key(owner, {"read"}));
  EXPECT_EQ(status("/api/calls", reader), 200);
  EXPECT_EQ(create_assistant(reader), 403);
  EXPECT_EQ(status("/api/api-keys", reader), 403);
  EXPECT_EQ(RawClient{std::uint16_t(server.port())}
                .open_websocket("/ws/web-call?assistantId=a", reader + "\r\n")
                .status,
            403);
}

TEST_F(AuthMembers, a_browser_s_call_ends_within_a_minute_of_its_key) {
  const auto owner = bearer_of(login("ann@example.com", password));
  const auto assistant = post("/api/assistants", {{"name", "a"}, {"greeting", "Hello."}}, {owner});
  ASSERT_EQ(assistant.status, 200) << assistant.body;
  const auto key = api_key(owner, {"calls"});
  RawClient call{std::uint16_t(server.port()), seconds{60}};
  const std::string id{assistant.json().at("id").as_string()};
  ASSERT_EQ(call.open_websocket("/ws/web-call?assistantId=" + id).status, 101);
  call.send_frame(1, json::serialize(json::object{{"type", "subscribe"}, {"token", key.at("key")}}));
  ASSERT_THAT(call.read_frame().payload, HasSubstr("subscribed"));
  call.send_frame(1, R"({"type":"start"})");
  ASSERT_THAT(call.read_frame().payload, HasSubstr("ready"));
  const auto revoked_at = std::chrono::steady_clock::now();
  EXPECT_EQ(http({.method = "DELETE",
                  .url = server.url("/api/api-keys/" + std::string{key.at("id").as_string()}),
                  .headers = {owner},
                  .body = {}})
                .status,
            204);
  RawFrame last;
  do last = call.read_frame();
  while (last.opcode == 1 || last.opcode == 2);
  EXPECT_EQ(last.close_code(), 1008) << last.payload;
  EXPECT_LT(std::chrono::steady_clock::now() - revoked_at, seconds{60});
}

TEST(AuthPeople, a_lost_password_is_not_looked_for_in_a_database_that_is_not_there) {
  const TempDir elsewhere;
  const std::string home = elsewhere / "misspelt";
  Process reset{{.command = {voxanne_program(), "user", "reset", "ann@example.com"},
                 .environment = {{"DATA_DIR", home}},
                 .directory = {}}};
  EXPECT_EQ(reset.wait(std::chrono::seconds{30}), 1);
  EXPECT_THAT(reset.output(), HasSubstr(home));
  EXPECT_FALSE(std::filesystem::exists(home)) << "nothing is made in passing";
}

}  // namespace
}  // namespace voxanne::test
