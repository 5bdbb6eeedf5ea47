// Signing in, members, invitations and API keys, as a client meets them.
#include "api/routes/test_world.h"
#include "store/api_keys.h"
#include "support/logged_lines.h"
#include "support/raw_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace voxanne::api {
namespace {

using testing::HasSubstr;
using testing::Not;

class LoginTest : public testing::Test {
 protected:
  static constexpr const char* email = "ann@example.com";
  static constexpr const char* password = "a long enough one";

  LoginTest() {
    store::Batch batch;
    store::insert_account(batch,
                          {ann_, email, "Ann", Passwords::hash_now(Secret{password}, Passwords::Cost::least)},
                          world_.clock().utc());
    store::insert_member(batch, OrgId{"demo"}, ann_.str(), "owner", world_.clock().utc());
    world_.write(std::move(batch));
  }

  test::HttpAnswer post(const std::string& path, const std::string& body,
                        std::vector<std::string> headers = {}) {
    headers.push_back("Content-Type: application/json");
    return world_.send({.method = "POST", .url = path, .headers = std::move(headers), .body = body});
  }
  test::HttpAnswer sign_in(const std::string& with_email = email, const std::string& with = password) {
    return post("/api/auth/login", R"({"email":")" + with_email + R"(","password":")" + with + "\"}");
  }
  static std::string cookie_of(const test::HttpAnswer& answer) {
    const auto& text = answer.headers.at("set-cookie");
    return "Cookie: " + text.substr(0, text.find(';'));
  }
  static std::string bearer_of(const test::HttpAnswer& answer) {
    return "Authorization: Bearer " + std::string{answer.json().at("accessToken").as_string()};
  }
  int status(const std::string& path, const std::string& authorization, const std::string& method = "GET",
             const std::string& body = {}) {
    test::HttpAsk ask{.method = method, .url = path, .headers = {authorization}, .body = body};
    if (!body.empty()) ask.headers.push_back("Content-Type: application/json");
    return world_.send(std::move(ask)).status;
  }
  static std::string code_of(const test::HttpAnswer& answer) {
    return std::string{answer.json().at("code").as_string()};
  }
  // Between the check of the next password and what comes of it; `given` is the new one.
  void reset_meanwhile(std::string& given) {
    world_.meanwhile([this, &given] {
      const auto reset = world_.run(world_.accounts().reset(email));
      ASSERT_TRUE(reset) << reset.error().message;
      given = std::string{reset->reveal()};
    });
  }
  std::int64_t logins_of_ann() {
    static constexpr store::Statement count{"test.logins",
                                            "SELECT count(*) FROM sessions WHERE account_id = ?1"};
    std::int64_t logins = -1;
    const auto read = world_.run(
        world_.store().read(count, {ann_.str()}, [&](const store::Row& row) { logins = row.integer(0); }));
    EXPECT_TRUE(read);
    return logins;
  }

  const AccountId ann_{"user_ann"};
  test::LoggedLines logged_;
  World world_;
};

TEST_F(LoginTest, a_password_opens_and_the_role_is_the_membership_s) {
  const auto login = sign_in("Ann@Example.com ");
  ASSERT_EQ(login.status, 200) << login.body;
  EXPECT_EQ(login.json().at("expiresIn").as_int64(), 600);
  EXPECT_EQ(login.json().at("orgId").as_string(), "demo");
  EXPECT_EQ(login.headers.at("cache-control"), "no-store");
  const auto& cookie = login.headers.at("set-cookie");
  for (const char* part : {"HttpOnly", "SameSite=Strict", "Path=/api/auth", "Max-Age="})
    EXPECT_THAT(cookie, HasSubstr(part));
  EXPECT_THAT(cookie, Not(HasSubstr("Secure"))) << "this machine itself, without TLS";
  const auto me = world_.send({.url = "/api/auth/me", .headers = {bearer_of(login)}, .body = {}}).json();
  EXPECT_EQ(me.at("role").as_string(), "owner");
  EXPECT_EQ(me.at("email").as_string(), email);
  EXPECT_EQ(status("/api/members", bearer_of(login)), 200);
}

TEST_F(LoginTest, the_cookie_is_secure_wherever_it_leaves_this_machine) {
  const auto through_proxy =
      post("/api/auth/login", std::string{R"({"email":")"} + email + R"(","password":")" + password + "\"}",
           {"X-Forwarded-For: 203.0.113.9"});
  EXPECT_THAT(through_proxy.headers.at("set-cookie"), HasSubstr("; Secure"));
}

TEST_F(LoginTest, unknown_and_wrong_are_answered_alike) {
  const auto wrong = sign_in(email, "a wrong password"), unknown = sign_in("nobody@example.com"),
             none = sign_in("nobody");
  EXPECT_EQ(wrong.status, 401);
  for (const auto* other : {&unknown, &none}) {
    EXPECT_EQ(other->status, wrong.status);
    EXPECT_EQ(other->json().at("error"), wrong.json().at("error"));
    EXPECT_EQ(code_of(*other), code_of(wrong));
    EXPECT_FALSE(other->headers.contains("set-cookie"));
  }
}

TEST_F(LoginTest, after_five_failures_one_waits_whether_the_account_exists_or_not) {
  for (const char* who : {email, "nobody@example.com"}) {
    for (int i = 0; i < 5; ++i) EXPECT_EQ(sign_in(who, "wrong").status, 401);
    const auto waits = sign_in(who, password);
    EXPECT_EQ(waits.status, 429);
    EXPECT_TRUE(waits.headers.contains("retry-after"));
  }
}

TEST_F(LoginTest, other_sites_cannot_use_the_cookie) {
  const auto login = sign_in();
  const auto foreign = post("/api/auth/refresh", "", {cookie_of(login), "Origin: https://evil.example"});
  EXPECT_EQ(foreign.status, 403);
  EXPECT_EQ(post("/api/auth/refresh", "", {cookie_of(login), cookie_of(login) + "x"}).status, 401)
      << "two cookies";
  EXPECT_EQ(post("/api/auth/refresh", "").status, 401);
  EXPECT_EQ(post("/api/auth/refresh", "", {cookie_of(login)}).status, 200);
}

TEST_F(LoginTest, a_refresh_token_is_good_once_and_shown_twice_ends_the_login) {
  const auto login = sign_in();
  const auto second = post("/api/auth/refresh", "", {cookie_of(login)});
  ASSERT_EQ(second.status, 200) << second.body;
  EXPECT_NE(cookie_of(second), cookie_of(login));
  EXPECT_EQ(status("/api/calls", bearer_of(second)), 200);

  const auto stolen = post("/api/auth/refresh", "", {cookie_of(login), "X-Request-Id: r-1"});
  EXPECT_EQ(stolen.status, 401);
  EXPECT_THAT(logged_.of("auth.refresh_reused"),
              testing::ElementsAre(testing::AllOf(HasSubstr("requestId=r-1 traceId="),
                                                  HasSubstr("accountId=" + ann_.str() + " "))));
  EXPECT_EQ(code_of(stolen), "login_ended");
  EXPECT_THAT(stolen.headers.at("set-cookie"), HasSubstr("Max-Age=0"));
  EXPECT_EQ(post("/api/auth/refresh", "", {cookie_of(second)}).status, 401) << "the whole family ends";
  EXPECT_EQ(status("/api/calls", bearer_of(second)), 401) << "its access tokens too";
  EXPECT_EQ(status("/api/calls", bearer_of(login)), 401);
  EXPECT_EQ(sign_in().status, 200) << "whoever knows the password begins anew";
}

TEST_F(LoginTest, signing_out_ends_the_login) {
  const auto login = sign_in(), other = sign_in();
  const auto out = post("/api/auth/logout", "", {cookie_of(login)});
  EXPECT_EQ(out.status, 204);
  EXPECT_EQ(status("/api/calls", bearer_of(login)), 401);
  EXPECT_EQ(post("/api/auth/refresh", "", {cookie_of(login)}).status, 401);
  EXPECT_EQ(status("/api/calls", bearer_of(other)), 200) << "another device stays";
  EXPECT_EQ(post("/api/auth/logout", "").status, 204) << "already out";
}

TEST_F(LoginTest, a_new_password_ends_every_other_login) {
  const auto here = sign_in(), there = sign_in();
  const auto change = [&](const std::string& current, const std::string& next) {
    return post("/api/auth/password",
                R"({"currentPassword":")" + current + R"(","newPassword":")" + next + "\"}",
                {bearer_of(here)});
  };
  EXPECT_EQ(change("wrong one", "another long one").status, 401);
  EXPECT_EQ(code_of(change(password, "short")), "weak_password");
  const auto changed = change(password, "another long one");
  ASSERT_EQ(changed.status, 200) << changed.body;
  EXPECT_EQ(status("/api/calls", bearer_of(there)), 401);
  EXPECT_EQ(status("/api/calls", bearer_of(changed)), 200);
  EXPECT_EQ(sign_in().status, 401);
  EXPECT_EQ(sign_in(email, "another long one").status, 200);
  EXPECT_EQ(
      world_.ask("POST", "/api/auth/password", "demo", R"({"currentPassword":"x","newPassword":"y"})").status,
      403)
      << "a token from elsewhere has no password here";
}

TEST_F(LoginTest, a_login_under_way_does_not_outrun_a_reset) {
  std::string given;
  reset_meanwhile(given);
  const auto late = sign_in();
  EXPECT_EQ(late.status, 401) << late.body;
  EXPECT_EQ(code_of(late), "bad_credentials");
  EXPECT_FALSE(late.headers.contains("set-cookie"));
  EXPECT_EQ(logins_of_ann(), 0);
  EXPECT_EQ(sign_in(email, given).status, 200);
}

TEST_F(LoginTest, a_login_under_way_ends_with_its_account) {
  static constexpr store::Statement remove{"test.no_account", "DELETE FROM accounts WHERE id = ?1"};
  world_.meanwhile([this] {
    store::Batch batch;
    batch.add(remove, {ann_.str()}, 1);
    world_.write(std::move(batch));
  });
  const auto late = sign_in();
  EXPECT_EQ(late.status, 401) << late.body;
  EXPECT_EQ(code_of(late), "bad_credentials");
}

TEST_F(LoginTest, a_change_of_password_under_way_does_not_outrun_a_reset) {
  const auto login = sign_in();
  std::string given;
  reset_meanwhile(given);
  const auto late =
      post("/api/auth/password",
           std::string{R"({"currentPassword":")"} + password + R"(","newPassword":"my own again"})",
           {bearer_of(login)});
  EXPECT_EQ(late.status, 401) << late.body;
  EXPECT_EQ(code_of(late), "bad_credentials");
  EXPECT_FALSE(late.headers.contains("set-cookie"));
  EXPECT_EQ(logins_of_ann(), 0);
  EXPECT_EQ(sign_in(email, "my own again").status, 401);
  EXPECT_EQ(sign_in(email, given).status, 200);
}

TEST_F(LoginTest, an_acceptance_under_way_does_not_outrun_a_reset) {
  const auto invited =
      world_
          .ask("POST", "/api/members/invitations", "other", R"({"email":"ann@example.com","role":"viewer"})")
          .json();
  const std::string id{invited.at("id").as_string()}, token{invited.at("token").as_string()};
  const auto accept = [&](const std::string& secret) {
    return post("/api/auth/invitation", R"({"token":")" + token + R"(","password":")" + secret + "\"}");
  };
  std::string given;
  reset_meanwhile(given);
  const auto late = accept(password);
  EXPECT_EQ(late.status, 401) << late.body;
  EXPECT_EQ(code_of(late), "bad_credentials");
  // The invitation is as it was; once it is not, that is what is told.
  world_.meanwhile(
      [&] { EXPECT_EQ(world_.ask("DELETE", "/api/members/invitations/" + id, "other").status, 204); });
  EXPECT_EQ(accept(given).status, 404);
  EXPECT_EQ(logins_of_ann(), 0);
}

TEST_F(LoginTest, an_account_has_fifty_logins_at_most) {
  std::string last;
  for (int i = 0; i <= 50; ++i) {
    const auto login = sign_in();
    ASSERT_EQ(login.status, 200) << login.body;
    last = cookie_of(login);
  }
  EXPECT_EQ(logins_of_ann(), 50);
  EXPECT_EQ(post("/api/auth/refresh", "", {last}).status, 200);
}

TEST_F(LoginTest, whoever_is_invited_becomes_a_member_with_that_role_once) {
  const auto invited = world_.ask("POST", "/api/members/invitations", "demo",
                                  R"({"email":"Bob@Example.com","role":"viewer"})");
  ASSERT_EQ(invited.status, 200) << invited.body;
  const std::string token{invited.json().at("token").as_string()};
  EXPECT_THAT(std::string{invited.json().at("link").as_string()},
              testing::StartsWith("https://voxanne.example/#/invitation/vi_"));
  EXPECT_THAT(world_.get("/api/members/invitations").body, Not(HasSubstr(token)));
  const auto accept = [&](const std::string& with, const std::string& secret) {
    return post("/api/auth/invitation",
                R"({"token":")" + with + R"(","name":"Bob","password":")" + secret + "\"}");
  };
  EXPECT_EQ(code_of(accept(token, "short")), "weak_password");
  EXPECT_EQ(accept("vi_" + std::string(43, 'A'), "long enough for all").status, 404);
  const auto bob = accept(token, "long enough for all");
  ASSERT_EQ(bob.status, 200) << bob.body;
  EXPECT_EQ(bob.json().at("role").as_string(), "viewer");
  EXPECT_EQ(status("/api/calls", bearer_of(bob)), 200);
  EXPECT_EQ(status("/api/members", bearer_of(bob)), 403);
  EXPECT_EQ(accept(token, "long enough for all").status, 404) << "used";
  EXPECT_EQ(sign_in("bob@example.com", "long enough for all").status, 200);
  EXPECT_EQ(world_.get("/api/members/invitations").json().at("invitations").as_array().size(), 0u);

  // To an organization more, with the password there is.
  const auto again = world_.ask("POST", "/api/members/invitations", "other",
                                R"({"email":"bob@example.com","role":"manager"})");
  const std::string second{again.json().at("token").as_string()};
  EXPECT_EQ(accept(second, "another password!").status, 401);
  const auto there = accept(second, "long enough for all");
  ASSERT_EQ(there.status, 200) << there.body;
  EXPECT_EQ(there.json().at("orgId").as_string(), "other");
  const auto chosen = post("/api/auth/login",
                           R"({"email":"bob@example.com","password":"long enough for all","orgId":"other"})");
  EXPECT_EQ(chosen.json().at("role").as_string(), "manager");
  EXPECT_EQ(
      post("/api/auth/login", R"({"email":"bob@example.com","password":"long enough for all","orgId":"x"})")
          .status,
      403);
}

TEST_F(LoginTest, an_invitation_changes_no_member) {
  EXPECT_EQ(code_of(world_.ask("POST", "/api/members/invitations", "demo",
                               R"({"email":"Ann@Example.com","role":"viewer"})")),
            "already_member");
  // One that was made before she became a member.
  const Secret token = Credentials::make_invitation();
  const Credentials credentials{Secret{"the root of what we hand out"}};
  store::Batch batch;
  store::put_invitation(batch, {.org = OrgId{"demo"},
                                .id = InvitationId::make(),
                                .email = email,
                                .role = "viewer",
                                .token_hash = credentials.invitation_hash(token.reveal()),
                                .invited_by = "u",
                                .created_at = world_.clock().utc(),
                                .expires_at = world_.clock().utc() + 1h});
  world_.write(std::move(batch));
  const auto accepted = post("/api/auth/invitation", R"({"token":")" + std::string{token.reveal()} +
                                                         R"(","password":")" + password + "\"}");
  EXPECT_EQ(code_of(accepted), "already_member") << accepted.body;
  EXPECT_EQ(sign_in().json().at("role").as_string(), "owner") << "the last one stays";
}

TEST_F(LoginTest, a_withdrawn_invitation_opens_nothing) {
  const auto invited =
      world_.ask("POST", "/api/members/invitations", "demo", R"({"email":"bob@example.com","role":"viewer"})")
          .json();
  const std::string id{invited.at("id").as_string()}, token{invited.at("token").as_string()};
  EXPECT_EQ(world_.ask("DELETE", "/api/members/invitations/" + id).status, 204);
  EXPECT_EQ(world_.ask("DELETE", "/api/members/invitations/" + id).status, 404);
  EXPECT_EQ(
      post("/api/auth/invitation", R"({"token":")" + token + R"(","password":"long enough for all"})").status,
      404);
}

TEST_F(LoginTest, an_invitation_goes_to_an_address_that_can_be_mailed) {
  for (const char* unmailable : {"jos\u00e9@example.com", "ann(desk)@example.com", "a:b@example.com"}) {
    const auto refused = world_.ask("POST", "/api/members/invitations", "demo",
                                    R"({"email":")" + std::string{unmailable} + R"(","role":"viewer"})");
    EXPECT_EQ(refused.status, 400) << unmailable;
    EXPECT_THAT(refused.body, HasSubstr("can be mailed to"));
  }
}

TEST_F(LoginTest, members_change_at_once_and_an_owner_always_stays) {
  const auto login = sign_in();
  EXPECT_EQ(code_of(world_.ask("PATCH", "/api/members/user_ann", "demo", R"({"role":"viewer"})")),
            "last_owner");
  EXPECT_EQ(code_of(world_.ask("DELETE", "/api/members/user_ann")), "last_owner");
  EXPECT_EQ(code_of(world_.ask("PATCH", "/api/members/user_x", "demo", R"({"role":"viewer"})")),
            "member_not_found");
  EXPECT_EQ(code_of(world_.ask("PATCH", "/api/members/user_ann", "demo", R"({"role":"king"})")),
            "invalid_field");
  store::Batch batch;
  store::insert_member(batch, OrgId{"demo"}, "user_zoe", "owner", world_.clock().utc());
  world_.write(std::move(batch));
  EXPECT_EQ(status("/api/members", bearer_of(login)), 200);
  EXPECT_EQ(world_.ask("PATCH", "/api/members/user_ann", "demo", R"({"role":"viewer"})").status, 200);
  EXPECT_EQ(status("/api/members", bearer_of(login)), 403);
  EXPECT_EQ(world_.ask("DELETE", "/api/members/user_ann").status, 204);
  EXPECT_EQ(status("/api/calls", bearer_of(login)), 401);
  EXPECT_EQ(post("/api/auth/refresh", "", {cookie_of(login)}).status, 401);
  EXPECT_EQ(code_of(sign_in()), "no_organization");
}

TEST_F(LoginTest, the_role_of_a_token_is_its_own_else_the_membership_s_else_viewer) {
  const auto me = [&](const TokenClaims& claims) {
    static const TokenKey key = TokenKey::make(Secret{"a secret of at least thirty-two bytes"}).value();
    return std::string{
        world_
            .send(
                {.url = "/api/auth/me", .headers = {"Authorization: Bearer " + key.sign(claims)}, .body = {}})
            .json()
            .at("role")
            .as_string()};
  };
  TokenClaims claims{.org = OrgId{"demo"},
                     .role = {},
                     .subject = "idp|7",
                     .issuer = {},
                     .audience = {},
                     .issued_at = world_.clock().utc(),
                     .expires_at = world_.clock().utc() + 1h};
  EXPECT_EQ(me(claims), "viewer");
  store::Batch batch;
  store::insert_member(batch, OrgId{"demo"}, "idp|8", "manager", world_.clock().utc());
  world_.write(std::move(batch));
  claims.subject = "idp|8";
  EXPECT_EQ(me(claims), "manager");
  claims.role = Role::owner;
  EXPECT_EQ(me(claims), "owner");
  // A session is only believed of what we signed ourselves.
  claims.session = "sess_made_up";
  EXPECT_EQ(me(claims), "owner");

  // On first use an organization is made, and the subject is in it what the token says.
  claims.org = OrgId{"fresh"};
  claims.session.clear();
  EXPECT_EQ(me(claims), "owner");
  claims.role = {};
  claims.expires_at += 1s;
  EXPECT_EQ(me(claims), "owner");
  claims.subject = "idp|9";
  EXPECT_EQ(me(claims), "viewer");
}

TEST_F(LoginTest, an_erased_organization_stays_closed) {
  const auto login = sign_in();
  EXPECT_EQ(status("/api/calls", bearer_of(login)), 200);
  store::Batch batch;
  store::erase_organization(batch, OrgId{"demo"}, world_.clock().utc());
  world_.write(std::move(batch));
  world_.authenticator().forget();
  EXPECT_EQ(status("/api/calls", bearer_of(login)), 401);
  EXPECT_EQ(world_.get("/api/calls").status, 403);
  EXPECT_EQ(code_of(world_.get("/api/calls")), "organization_erased");
}

TEST_F(LoginTest, an_api_key_is_shown_once_does_what_it_is_for_and_ends_when_revoked) {
  const auto made =
      world_.ask("POST", "/api/api-keys", "demo", R"({"name":"till","scopes":["read","calls"]})");
  ASSERT_EQ(made.status, 200) << made.body;
  const std::string key{made.json().at("key").as_string()}, id{made.json().at("id").as_string()};
  EXPECT_TRUE(Credentials::is_api_key(key));
  const auto listed = world_.get("/api/api-keys");
  EXPECT_THAT(listed.body, Not(HasSubstr(key)));
  EXPECT_THAT(listed.body, HasSubstr(R"("hint":")" + key.substr(key.size() - 4)));
  EXPECT_TRUE(listed.json().at("apiKeys").at(0).at("lastUsedAt").is_null());

  const std::string with_key = "Authorization: Bearer " + key;
  EXPECT_EQ(status("/api/calls", with_key), 200);
  EXPECT_EQ(status("/api/calls/none/end", with_key, "POST"), 404) << "let in";
  EXPECT_EQ(status("/api/assistants", with_key, "POST", R"({"name":"a","greeting":"b"})"), 403)
      << "not to write";
  EXPECT_EQ(status("/api/api-keys", with_key), 403) << "no key makes keys";
  EXPECT_EQ(status("/api/calls", "Authorization: Bearer " + key.substr(0, key.size() - 1) +
                                     (key.back() == 'A' ? 'E' : 'A')),
            401);

  world_.run(world_.doorkeeper().stop());
  EXPECT_FALSE(world_.get("/api/api-keys/" + id).json().at("lastUsedAt").is_null());
  EXPECT_EQ(world_.ask("DELETE", "/api/api-keys/" + id, "other").status, 404);
  EXPECT_EQ(world_.ask("DELETE", "/api/api-keys/" + id).status, 204);
  EXPECT_EQ(status("/api/calls", with_key), 401) << "at once";
}

TEST_F(LoginTest, api_keys_are_asked_for_properly) {
  for (const char* bad : {R"({"scopes":["read"]})", R"({"name":"a"})", R"({"name":"a","scopes":[]})",
                          R"({"name":"a","scopes":["root"]})", R"({"name":"a","scopes":"read"})",
                          R"({"name":"a","scopes":["read"],"expiresAt":"2001-01-01T00:00:00Z"})"})
    EXPECT_EQ(world_.ask("POST", "/api/api-keys", "demo", bad).status, 400) << bad;
  EXPECT_EQ(
      world_.ask("POST", "/api/api-keys", "demo", R"({"name":"a","scopes":["read"]})", Role::manager).status,
      403);
}

TEST_F(LoginTest, the_operator_founds_organizations) {
  const std::string body = R"({"name":"Harbour Vets","ownerEmail":"vet@example.com"})";
  EXPECT_EQ(status("/api/admin/organizations", "X-Nothing: x", "POST", body), 401);
  EXPECT_EQ(post("/api/admin/organizations", R"({"name":"Harbour Vets","ownerEmail":"v\u00e9t@example.com"})",
                 {std::string{"Authorization: Bearer "} + World::operator_token})
                .status,
            400);
  const auto founded =
      post("/api/admin/organizations", body, {std::string{"Authorization: Bearer "} + World::operator_token});
  ASSERT_EQ(founded.status, 200) << founded.body;
  const auto login = sign_in("vet@example.com", std::string{founded.json().at("password").as_string()});
  ASSERT_EQ(login.status, 200) << login.body;
  EXPECT_EQ(login.json().at("orgId"), founded.json().at("orgId"));
  EXPECT_EQ(login.json().at("role").as_string(), "owner");
}

TEST_F(LoginTest, an_account_is_not_taken_for_who_its_address_belongs_to) {
  const auto accept = [&](std::string_view token, const std::string& secret) {
    return post("/api/auth/invitation",
                R"({"token":")" + std::string{token} + R"(","password":")" + secret + "\"}");
  };
  // Somebody invites the address of another, and accepts it himself.
  const auto invited = world_.ask("POST", "/api/members/invitations", "other",
                                  R"({"email":"ceo@clinic.example","role":"viewer"})");
  ASSERT_EQ(accept(invited.json().at("token").as_string(), "the squatter's own").status, 200);

  const auto founded =
      post("/api/admin/organizations", R"({"name":"Clinic","ownerEmail":"ceo@clinic.example"})",
           {std::string{"Authorization: Bearer "} + World::operator_token});
  ASSERT_EQ(founded.status, 200) << founded.body;
  EXPECT_TRUE(founded.json().at("ownerId").is_null());
  EXPECT_TRUE(founded.json().at("password").is_null());
  const std::string clinic{founded.json().at("orgId").as_string()};
  const auto into_clinic = [&](const std::string& secret) {
    return post("/api/auth/login",
                R"({"email":"ceo@clinic.example","password":")" + secret + R"(","orgId":")" + clinic + "\"}");
  };
  EXPECT_EQ(code_of(into_clinic("the squatter's own")), "not_a_member");

  const std::string link{founded.json().at("invitationLink").as_string()};
  const std::string token = link.substr(link.rfind('/') + 1);
  const std::string given{world_.run(world_.accounts().reset("ceo@clinic.example")).value().reveal()};
  EXPECT_EQ(accept(token, "the squatter's own").status, 401);
  const auto owner = accept(token, given);
  ASSERT_EQ(owner.status, 200) << owner.body;
  EXPECT_EQ(owner.json().at("orgId").as_string(), clinic.c_str());
  EXPECT_EQ(owner.json().at("role").as_string(), "owner");
  EXPECT_EQ(into_clinic("the squatter's own").status, 401);
}

TEST_F(LoginTest, an_organization_is_founded_once_however_often_the_request_is_tried) {
  const std::string operators = std::string{"Authorization: Bearer "} + World::operator_token;
  const auto found = [&](const char* key) {
    return post("/api/admin/organizations", R"({"name":"Harbour Vets","ownerEmail":"vet@example.com"})",
                {operators, std::string{"Idempotency-Key: "} + key});
  };
  const auto first = found("first");
  ASSERT_EQ(first.status, 200) << first.body;
  const auto again = found("first");
  EXPECT_EQ(again.status, 409) << again.body;
  EXPECT_EQ(again.json().at("code").as_string(), "already_created");
  EXPECT_NE(again.body.find(first.json().at("orgId").as_string().c_str()), std::string::npos);
  const auto another = post("/api/admin/organizations", R"({"name":"Other","ownerEmail":"vet@example.com"})",
                            {operators, "Idempotency-Key: first"});
  EXPECT_EQ(another.json().at("code").as_string(), "idempotency_key_reused");
  const auto other = found("second");
  ASSERT_EQ(other.status, 200) << other.body;
  EXPECT_TRUE(other.json().at("password").is_null()) << "the account is there, and is invited";
  EXPECT_NE(other.json().at("orgId"), first.json().at("orgId"));
  EXPECT_EQ(found(std::string(300, 'k').c_str()).status, 400);
}

// ── Live connections ───────────────────────────────────────────────────────────────────────────

TEST_F(LoginTest, live_connections_end_with_what_opened_them) {
  const auto login = sign_in();
  const auto key =
      world_.ask("POST", "/api/api-keys", "demo", R"({"name":"k","scopes":["read","calls"]})").json();
  const std::string key_text{key.at("key").as_string()};
  const auto open = [&](const char* target, const std::string& authorization) {
    auto client = std::make_unique<test::RawClient>(world_.port());
    EXPECT_EQ(client->open_websocket(target, authorization + "\r\n").status, 101);
    return client;
  };
  const auto by_login = open("/ws/live-calls", bearer_of(login));
  const auto by_key = open("/ws/live-calls", "Authorization: Bearer " + key_text);
  EXPECT_THAT(by_login->read_frame().payload, HasSubstr("subscribed"));
  EXPECT_THAT(by_key->read_frame().payload, HasSubstr("subscribed"));

  EXPECT_EQ(world_.ask("DELETE", "/api/api-keys/" + std::string{key.at("id").as_string()}).status, 204);
  EXPECT_EQ(by_key->read_frame().close_code(), 1008);
  store::Batch batch;
  store::insert_member(batch, OrgId{"demo"}, "user_zoe", "owner", world_.clock().utc());
  world_.write(std::move(batch));
  EXPECT_EQ(world_.ask("DELETE", "/api/members/user_ann").status, 204);
  EXPECT_EQ(by_login->read_frame().close_code(), 1008);
}

TEST_F(LoginTest, a_key_opens_the_sockets_it_is_for) {
  const auto key_for = [&](const char* scopes) {
    return "Authorization: Bearer " +
           std::string{world_
                           .ask("POST", "/api/api-keys", "demo",
                                std::string{R"({"name":"k","scopes":[")"} + scopes + "\"]}")
                           .json()
                           .at("key")
                           .as_string()} +
           "\r\n";
  };
  const auto answer = [&](const char* target, const std::string& authorization) {
    return test::RawClient{world_.port()}.open_websocket(target, authorization).status;
  };
  const auto reader = key_for("read"), caller = key_for("calls"), writer = key_for("write");
  EXPECT_EQ(answer("/ws/live-calls", reader), 101);
  EXPECT_EQ(answer("/ws/live-calls", caller), 403);
  EXPECT_EQ(answer("/ws/live-calls", writer), 403);
  EXPECT_EQ(answer("/ws/web-call?assistantId=a", caller), 101);
  EXPECT_EQ(answer("/ws/web-call?assistantId=a", reader), 403);
}

}  // namespace
}  // namespace voxanne::api
