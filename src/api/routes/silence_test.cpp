// A database that hangs: whoever writes by the API is told so in time, nothing is done twice, and when the
// database answers again everything goes on.
#include "api/routes/test_world.h"
#include "support/eventually.h"

#include <gtest/gtest.h>

namespace voxanne::api {
namespace {

using Mode = test::GateStore::Mode;
using test::eventually;

class Silence : public testing::Test {
 protected:
  Silence() {
    world.add_line("demo", "a", "p");
    store::Batch batch;
    store::insert_account(batch,
                          {AccountId{"user_ann"}, "ann@example.com", "Ann",
                           Passwords::hash_now(Secret{"a long enough one"}, Passwords::Cost::least)},
                          world.clock().utc());
    store::insert_member(batch, OrgId{"demo"}, "user_ann", "owner", world.clock().utc());
    world.write(std::move(batch));
  }

  test::HttpAnswer post(const std::string& path, const std::string& body,
                        std::vector<std::string> headers = {}) {
    headers.push_back("Authorization: Bearer " + world.token("demo"));
    headers.push_back("Content-Type: application/json");
    return world.send({.method = "POST", .url = path, .headers = std::move(headers), .body = body});
  }
  test::HttpAnswer create(const std::string& name, const std::string& key = {}) {
    std::vector<std::string> headers;
    if (!key.empty()) headers.push_back("Idempotency-Key: " + key);
    return post("/api/assistants", R"({"name":")" + name + R"(","greeting":"Hello"})", std::move(headers));
  }
  test::HttpAnswer sign_in() {
    return post("/api/auth/login", R"({"email":"ann@example.com","password":"a long enough one"})");
  }
  static std::string code_of(const test::HttpAnswer& answer) {
    return std::string{answer.json().at("code").as_string()};
  }
  void expect_turned_away(const test::HttpAnswer& answer, const std::string& code) {
    EXPECT_EQ(answer.status, 503) << answer.body;
    EXPECT_EQ(code_of(answer), code);
    EXPECT_EQ(answer.headers.at("retry-after"), "5");
  }
  int made(const std::string& name) {
    int count = 0;
    const auto all = world.get("/api/assistants").json();
    for (const auto& assistant : all.at("assistants").as_array())
      count += std::string_view{assistant.at("name").as_string()} == name;
    return count;
  }
  // From its n-th write on.
  void hang_at(int write) {
    world.gate().before_step = [this,
                                left = std::make_shared<std::atomic<int>>(write)](std::string_view step) {
      if (step == "database" && --*left == 0) world.gate().mode = Mode::hung;
    };
  }
  // What `ask` is answered once the database answers.
  test::HttpAnswer after_recovery(const std::function<test::HttpAnswer()>& ask) {
    world.gate().mode = Mode::open;
    test::HttpAnswer answer;
    EXPECT_TRUE(eventually([&] { return (answer = ask()).status != 503; }));
    return answer;
  }

  World world{false, test::patient(milliseconds{1'500})};
};

TEST_F(Silence, a_write_without_an_answer_is_unknown_and_whoever_else_asks_is_told_at_once) {
  world.gate().mode = Mode::hung;
  expect_turned_away(create("first"), "outcome_unknown");
  const auto began = std::chrono::steady_clock::now();
  expect_turned_away(create("second"), "database_silent");
  EXPECT_LT(std::chrono::steady_clock::now() - began, test::patient(milliseconds{1'500}));
  EXPECT_EQ(made("first"), 0) << "what is read is told meanwhile";
  EXPECT_EQ(world.gate().writes, 1);
  EXPECT_EQ(after_recovery([&] { return create("third"); }).status, 200);
  EXPECT_EQ(made("first"), 1);
  EXPECT_EQ(made("second"), 0);
  EXPECT_EQ(made("third"), 1);
}

TEST_F(Silence, with_a_key_what_may_have_been_done_is_not_done_again) {
  hang_at(2);
  expect_turned_away(create("first", "k1"), "outcome_unknown");
  expect_turned_away(create("first", "k1"), "database_silent");
  for (int i = 0; i < 2; ++i) {
    const auto again = after_recovery([&] { return create("first", "k1"); });
    EXPECT_EQ(again.status, 409) << again.body;
    EXPECT_EQ(code_of(again), "outcome_unknown");
    EXPECT_EQ(again.headers.at("idempotency-replayed"), "true");
  }
  EXPECT_EQ(made("first"), 1);
  EXPECT_EQ(create("second", "k2").status, 200);
}

TEST_F(Silence, a_key_that_could_not_be_claimed_is_free_again) {
  world.gate().mode = Mode::hung;
  expect_turned_away(create("first", "k1"), "database_silent");
  const auto again = after_recovery([&] { return create("first", "k1"); });
  EXPECT_EQ(again.status, 200) << again.body;
  EXPECT_FALSE(again.headers.contains("idempotency-replayed"));
  EXPECT_EQ(made("first"), 1);
}

TEST_F(Silence, what_was_done_is_told_though_its_key_cannot_be_concluded) {
  hang_at(3);
  const auto first = create("first", "k1");
  EXPECT_EQ(first.status, 200) << first.body;
  expect_turned_away(create("first", "k1"), "database_silent");
  const auto again = after_recovery([&] { return create("first", "k1"); });
  EXPECT_EQ(again.status, 200) << again.body;
  EXPECT_EQ(again.body, first.body);
  EXPECT_EQ(again.headers.at("idempotency-replayed"), "true");
  EXPECT_EQ(made("first"), 1);
}

TEST_F(Silence, a_secret_that_may_have_been_made_is_not_made_again) {
  hang_at(2);
  const auto create_key = [&] {
    return post("/api/api-keys", R"({"name":"till","scopes":["read"]})", {"Idempotency-Key: k1"});
  };
  expect_turned_away(create_key(), "outcome_unknown");
  EXPECT_EQ(code_of(after_recovery(create_key)), "outcome_unknown");
  EXPECT_EQ(world.get("/api/api-keys").json().at("apiKeys").as_array().size(), 1u);
}

TEST_F(Silence, whoever_signs_in_is_told_to_come_again) {
  world.gate().mode = Mode::hung;
  expect_turned_away(sign_in(), "database_silent");
  expect_turned_away(sign_in(), "database_silent");
  const auto login = after_recovery([&] { return sign_in(); });
  EXPECT_EQ(login.status, 200) << login.body;
}

TEST_F(Silence, a_login_goes_on_by_the_token_that_was_shown_in_vain) {
  const auto login = sign_in();
  ASSERT_EQ(login.status, 200) << login.body;
  const auto& text = login.headers.at("set-cookie");
  const std::string cookie = "Cookie: " + text.substr(0, text.find(';'));
  const auto refresh = [&] { return post("/api/auth/refresh", "", {cookie}); };
  world.gate().mode = Mode::hung;
  expect_turned_away(refresh(), "database_silent");
  const auto refreshed = after_recovery(refresh);
  EXPECT_EQ(refreshed.status, 200) << refreshed.body;
  EXPECT_EQ(refresh().status, 401) << "it is good once";
}

TEST_F(Silence, an_organization_of_a_first_token_is_made_when_the_database_answers) {
  world.gate().mode = Mode::hung;
  expect_turned_away(world.get("/api/assistants", "fresh"), "database_silent");
  EXPECT_EQ(after_recovery([&] { return world.get("/api/assistants", "fresh"); }).status, 200);
}

TEST_F(Silence, a_call_whose_erasure_is_unknown_is_gone_in_the_end) {
  const auto placed =
      post("/api/calls", R"({"assistantId":"a","phoneNumberId":"p","customer":{"number":"+447700900000"}})");
  ASSERT_EQ(placed.status, 200) << placed.body;
  const CallId id{std::string{placed.json().at("id").as_string()}};
  store::Batch ended;
  store::end_call(ended, {OrgId{"demo"}, id}, {.reason = "customer-busy", .detail = {}}, world.clock().utc());
  world.write(std::move(ended));
  const auto erase = [&] { return world.ask("DELETE", "/api/calls/" + id.str()); };
  world.gate().mode = Mode::hung;
  expect_turned_away(erase(), "outcome_unknown");
  expect_turned_away(erase(), "database_silent");
  EXPECT_EQ(after_recovery(erase).status, 404);
  EXPECT_EQ(world.get("/api/calls").json().at("calls").as_array().size(), 0u);
}

}  // namespace
}  // namespace voxanne::api
