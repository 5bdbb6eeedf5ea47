// The same key and request get the same answer; a call is placed once.
#include "store/idempotency.h"
#include "api/routes/test_world.h"
#include "base/secret.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace voxanne::api {
namespace {

class Idempotency : public testing::Test {
 protected:
  Idempotency() {
    for (const char* org : {"demo", "other"}) world.add_line(org, "a", "p");
  }

  test::HttpAnswer post(const std::string& path, const std::string& key, const std::string& body,
                        const std::string& org = "demo") {
    return world.send({.method = "POST",
                       .url = path,
                       .headers = {"Authorization: Bearer " + world.token(org),
                                   "Content-Type: application/json", "Idempotency-Key: " + key},
                       .body = body});
  }
  static std::string call_to(const std::string& number) {
    return R"({"assistantId":"a","phoneNumberId":"p","customer":{"number":")" + number + R"("}})";
  }

  World world;
  const std::string call = call_to("+447700900000");
};

TEST_F(Idempotency, the_same_request_again_places_no_second_call) {
  const auto first = post("/api/calls", "k1", call);
  const auto again = post("/api/calls", "k1", call);
  EXPECT_EQ(first.status, 200);
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(again.body, first.body);
  EXPECT_FALSE(first.headers.contains("idempotency-replayed"));
  EXPECT_EQ(again.headers.at("idempotency-replayed"), "true");
  EXPECT_EQ(world.calls().placed.size(), 1u);
}

TEST_F(Idempotency, another_request_with_the_key_is_a_conflict) {
  EXPECT_EQ(post("/api/calls", "k1", call).status, 200);
  const auto other = post("/api/calls", "k1", call_to("+447700900001"));
  EXPECT_EQ(other.status, 409);
  EXPECT_EQ(other.json().at("code"), "idempotency_key_reused");
  EXPECT_EQ(post("/api/assistants", "k1", call).status, 409);
  EXPECT_EQ(world.calls().placed.size(), 1u);
}

TEST_F(Idempotency, what_is_kept_of_a_request_lets_nobody_guess_at_it) {
  const std::string body = R"({"currentPassword":"not this one","newPassword":"a long enough one"})";
  const std::string path = "/api/auth/password";
  post(path, "k1", body);
  const auto kept = world.run(store::find_idempotent_answer(world.store(), OrgId{"demo"}, "k1")).value();
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->fingerprint.size(), 43u);
  EXPECT_NE(kept->fingerprint, to_base64url(sha256("POST " + path + "\n" + body)))
      << "whoever has a copy of the database could try passwords on it";
}

TEST_F(Idempotency, an_upload_that_is_tried_again_is_the_same_whatever_parts_it) {
  const auto upload = [&](const std::string& boundary, const std::string& text) {
    return world.send(
        {.method = "POST",
         .url = "/api/knowledge-base/upload",
         .headers = {"Authorization: Bearer " + world.token("demo"),
                     "Content-Type: multipart/form-data; boundary=" + boundary, "Idempotency-Key: up1"},
         .body = "--" + boundary +
                 "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\n" + text +
                 "\r\n--" + boundary + "--\r\n"});
  };
  const auto first = upload("one", "There is parking."), again = upload("twotwo", "There is parking.");
  EXPECT_EQ(first.status, 200) << first.body;
  EXPECT_EQ(again.status, 200) << again.body;
  EXPECT_EQ(again.headers.at("idempotency-replayed"), "true");
  EXPECT_EQ(upload("one", "There is none.").json().at("code"), "idempotency_key_reused");
}

TEST_F(Idempotency, what_is_shown_once_is_made_once) {
  const std::string key = R"({"name":"till","scopes":["read"]})";
  const auto first = post("/api/api-keys", "s1", key);
  ASSERT_EQ(first.status, 200) << first.body;
  const auto again = post("/api/api-keys", "s1", key);
  EXPECT_EQ(again.status, 409);
  EXPECT_EQ(again.json().at("code"), "already_created");
  EXPECT_EQ(again.body.find(first.json().at("key").as_string().c_str()), std::string::npos);
  EXPECT_EQ(world.get("/api/api-keys").json().at("apiKeys").as_array().size(), 1u);
}

TEST_F(Idempotency, organizations_do_not_share_keys) {
  EXPECT_EQ(post("/api/calls", "k1", call).status, 200);
  EXPECT_EQ(post("/api/calls", "k1", call, "other").status, 200);
  EXPECT_EQ(world.calls().placed.size(), 2u);
}

TEST_F(Idempotency, a_refusal_that_would_be_the_same_again_is_kept) {
  const auto first = post("/api/calls", "k1", "{}");
  EXPECT_EQ(first.status, 400);
  const auto again = post("/api/calls", "k1", "{}");
  EXPECT_EQ(again.status, 400);
  EXPECT_EQ(again.headers.at("idempotency-replayed"), "true");
}

TEST_F(Idempotency, what_was_not_done_may_be_tried_again_with_its_key) {
  world.calls().refusal = unavailable("over_capacity", "all lines are busy");
  EXPECT_EQ(post("/api/calls", "k1", call).status, 503);
  world.calls().refusal.reset();
  EXPECT_EQ(post("/api/calls", "k1", call).status, 200);
  EXPECT_EQ(world.calls().placed.size(), 1u);
}

TEST_F(Idempotency, while_the_first_runs_the_second_waits_and_a_dead_one_gives_way_after_a_minute) {
  static constexpr store::Statement unfinish{
      "test.unfinish", "UPDATE idempotency_keys SET status = NULL, started_at = started_at - ?1"};
  const auto as_if_it_ran_for = [&](milliseconds time) {
    store::Batch batch;
    batch.add(unfinish, {std::int64_t{time.count()}}, 1);
    world.write(std::move(batch));
  };
  EXPECT_EQ(post("/api/calls", "k1", call).status, 200);
  as_if_it_ran_for(10s);
  const auto second = post("/api/calls", "k1", call);
  EXPECT_EQ(second.status, 409);
  EXPECT_EQ(second.json().at("code"), "idempotency_key_in_use");
  EXPECT_EQ(second.headers.at("retry-after"), "1");
  EXPECT_EQ(world.calls().placed.size(), 1u);
  as_if_it_ran_for(60s);
  EXPECT_EQ(post("/api/calls", "k1", call).status, 200);
  EXPECT_EQ(world.calls().placed.size(), 2u);
}

TEST_F(Idempotency, a_day_later_the_key_is_free) {
  static constexpr store::Statement age{"test.age",
                                        "UPDATE idempotency_keys SET started_at = started_at - 86401000"};
  EXPECT_EQ(post("/api/calls", "k1", call).status, 200);
  store::Batch batch;
  batch.add(age, {}, 1);
  world.write(std::move(batch));
  EXPECT_EQ(post("/api/calls", "k1", call_to("+447700900001")).status, 200);
  EXPECT_EQ(world.calls().placed.size(), 2u);
}

TEST_F(Idempotency, a_key_that_is_none_is_an_error_that_says_so) {
  for (const std::string& key : {std::string(256, 'k'), std::string{"two words"}, std::string{"\xc3\xa9"}}) {
    const auto answer = post("/api/calls", key, call);
    EXPECT_EQ(answer.status, 400) << key;
    EXPECT_EQ(answer.json().at("code"), "invalid_idempotency_key");
  }
  EXPECT_TRUE(world.calls().placed.empty());
}

}  // namespace
}  // namespace voxanne::api
