#include "api/auth.h"

#include "api/router.h"
#include "async/thread.h"
#include "base/secret.h"
#include "net/server.h"
#include "support/raw_client.h"
#include "support/virtual_clock.h"

#include <gtest/gtest.h>

namespace voxanne::api {
namespace {

const Secret secret{"a-secret-of-at-least-thirty-two-bytes"};
const Secret other_secret{"another-secret-of-at-least-32-bytes!"};

std::string token(UtcTime now, seconds ttl = 1h, const Secret& key = secret, std::string org = "org_1",
                  Role role = Role::viewer) {
  return TokenKey::make(key).value().sign({.org = OrgId{std::move(org)},
                                           .role = role,
                                           .subject = "s",
                                           .issuer = {},
                                           .audience = {},
                                           .issued_at = now,
                                           .expires_at = now + ttl});
}

enum class Mode { production, development };
constexpr auto prod = Mode::production, dev = Mode::development;

// What a request is made of; GOOD, EXPIRED and WRONG in a value stand for tokens.
struct Attack {
  const char* name;
  Mode mode;
  std::vector<std::pair<std::string, std::string>> headers;
  const char* code;  // "" = let in
  bool loopback = true;
  const char* org = "demo";  // who it is when let in
};

const std::pair<std::string, std::string> local{"Host", "localhost:3001"};

const std::vector<Attack>& attacks() {
  static const std::vector<Attack> rows{
      // A token is a token in every mode.
      {"good_token_in_production", prod, {local, {"Authorization", "Bearer GOOD"}}, "", true, "org_1"},
      {"good_token_in_development", dev, {local, {"Authorization", "Bearer GOOD"}}, "", true, "org_1"},
      {"scheme_without_case", prod, {local, {"Authorization", "bearer GOOD"}}, "", true, "org_1"},
      {"good_token_through_a_proxy",
       dev,
       {local, {"X-Forwarded-For", "1.2.3.4"}, {"Authorization", "Bearer GOOD"}},
       "",
       true,
       "org_1"},
      {"good_token_from_afar",
       dev,
       {{"Host", "voxanne.example"}, {"Authorization", "Bearer GOOD"}},
       "",
       false,
       "org_1"},
      {"expired_in_production", prod, {local, {"Authorization", "Bearer EXPIRED"}}, "expired_token"},
      {"expired_in_development", dev, {local, {"Authorization", "Bearer EXPIRED"}}, "expired_token"},
      {"wrongly_signed_in_production", prod, {local, {"Authorization", "Bearer WRONG"}}, "invalid_token"},
      {"wrongly_signed_in_development", dev, {local, {"Authorization", "Bearer WRONG"}}, "invalid_token"},
      {"unsigned_in_development",
       dev,
       {local,
        {"Authorization", "Bearer eyJhbGciOiJub25lIn0.eyJvcmdfaWQiOiJkZW1vIiwiZXhwIjo0MTAyNDQ0ODAwfQ."}},
       "invalid_token"},
      {"rubbish_in_development", dev, {local, {"Authorization", "Bearer rubbish"}}, "invalid_token"},
      {"null_in_development", dev, {local, {"Authorization", "Bearer null"}}, "invalid_token"},
      {"undefined_in_development", dev, {local, {"Authorization", "Bearer undefined"}}, "invalid_token"},
      {"empty_bearer_in_development", dev, {local, {"Authorization", "Bearer "}}, "invalid_token"},
      {"bearer_alone_in_development", dev, {local, {"Authorization", "Bearer"}}, "invalid_token"},
      {"empty_header_in_development", dev, {local, {"Authorization", ""}}, "invalid_token"},
      {"basic_in_development", dev, {local, {"Authorization", "Basic ZGVtbzpkZW1v"}}, "invalid_token"},
      {"token_without_scheme", prod, {local, {"Authorization", "GOOD"}}, "invalid_token"},
      {"token_scheme", prod, {local, {"Authorization", "Token GOOD"}}, "invalid_token"},
      {"two_spaces", prod, {local, {"Authorization", "Bearer  GOOD"}}, "invalid_token"},
      {"two_headers_one_good",
       prod,
       {local, {"Authorization", "Bearer GOOD"}, {"Authorization", "Bearer WRONG"}},
       "invalid_token"},
      {"two_good_headers",
       prod,
       {local, {"Authorization", "Bearer GOOD"}, {"Authorization", "Bearer GOOD"}},
       "invalid_token"},
      {"two_tokens_in_one", prod, {local, {"Authorization", "Bearer GOOD, Bearer GOOD"}}, "invalid_token"},
      {"api_key_that_is_none", dev, {local, {"Authorization", "Bearer vx_0123456789"}}, "invalid_token"},
      // Nothing else is a credential.
      {"nothing_in_production", prod, {local}, "missing_token"},
      {"cookie_only", prod, {local, {"Cookie", "token=GOOD"}}, "missing_token"},
      {"x_access_token", prod, {local, {"X-Access-Token", "GOOD"}}, "missing_token"},
      {"proxy_authorization", prod, {local, {"Proxy-Authorization", "Bearer GOOD"}}, "missing_token"},
      {"claims_to_be_development", prod, {local, {"X-Voxanne-Env", "development"}}, "missing_token"},
      {"underscored_header", prod, {local, {"X_Authorization", "Bearer GOOD"}}, "missing_token"},
      // The development convenience, and everything that ends it.
      {"development_localhost", dev, {local}, ""},
      {"development_localhost_bare", dev, {{"Host", "localhost"}}, ""},
      {"development_127", dev, {{"Host", "127.0.0.1:3001"}}, ""},
      {"development_v6", dev, {{"Host", "[::1]:3001"}}, ""},
      {"development_upper_case_host", dev, {{"Host", "LOCALHOST:3001"}}, ""},
      {"development_own_origin", dev, {local, {"Origin", "http://localhost:3001"}}, ""},
      {"development_same_origin_fetch", dev, {local, {"Sec-Fetch-Site", "same-origin"}}, ""},
      {"development_typed_address", dev, {local, {"Sec-Fetch-Site", "none"}}, ""},
      {"from_another_machine", dev, {local}, "missing_token", false},
      {"dns_rebinding", dev, {{"Host", "evil.example:3001"}}, "missing_token"},
      {"host_that_begins_like_local", dev, {{"Host", "localhost.evil.example"}}, "missing_token"},
      {"host_that_ends_like_local", dev, {{"Host", "evil.localhost"}}, "missing_token"},
      {"host_127_0_0_2", dev, {{"Host", "127.0.0.2"}}, "missing_token"},
      {"host_127_1", dev, {{"Host", "127.1"}}, "missing_token"},
      {"host_nip_io", dev, {{"Host", "127.0.0.1.nip.io"}}, "missing_token"},
      {"host_zero", dev, {{"Host", "0.0.0.0:3001"}}, "missing_token"},
      {"host_v6_unbracketed", dev, {{"Host", "::1"}}, "missing_token"},
      {"host_with_bad_port", dev, {{"Host", "localhost:3001x"}}, "missing_token"},
      {"host_with_empty_port", dev, {{"Host", "localhost:"}}, "missing_token"},
      {"host_trailing_dot", dev, {{"Host", "localhost."}}, "missing_token"},
      {"foreign_origin", dev, {local, {"Origin", "https://evil.example"}}, "missing_token"},
      {"null_origin", dev, {local, {"Origin", "null"}}, "missing_token"},
      {"empty_origin", dev, {local, {"Origin", ""}}, "missing_token"},
      {"origin_of_another_port", dev, {local, {"Origin", "http://localhost:5173"}}, "missing_token"},
      {"origin_that_begins_like_ours",
       dev,
       {local, {"Origin", "http://localhost:3001.evil.example"}},
       "missing_token"},
      {"origin_with_other_scheme", dev, {local, {"Origin", "ftp://localhost:3001"}}, "missing_token"},
      {"two_origins",
       dev,
       {local, {"Origin", "http://localhost:3001"}, {"Origin", "http://localhost:3001"}},
       "missing_token"},
      {"cross_site_image", dev, {local, {"Sec-Fetch-Site", "cross-site"}}, "missing_token"},
      {"same_site_other_origin", dev, {local, {"Sec-Fetch-Site", "same-site"}}, "missing_token"},
      {"forwarded_for", dev, {local, {"X-Forwarded-For", "127.0.0.1"}}, "missing_token"},
      {"forwarded_for_empty", dev, {local, {"X-Forwarded-For", ""}}, "missing_token"},
      {"forwarded_host", dev, {local, {"X-Forwarded-Host", "localhost"}}, "missing_token"},
      {"forwarded_proto", dev, {local, {"x-forwarded-proto", "https"}}, "missing_token"},
      {"forwarded", dev, {local, {"Forwarded", "for=127.0.0.1"}}, "missing_token"},
      {"real_ip", dev, {local, {"X-Real-IP", "127.0.0.1"}}, "missing_token"},
      {"via", dev, {local, {"Via", "1.1 proxy"}}, "missing_token"},
      {"cf_connecting_ip", dev, {local, {"CF-Connecting-IP", "127.0.0.1"}}, "missing_token"},
      {"true_client_ip", dev, {local, {"True-Client-IP", "127.0.0.1"}}, "missing_token"},
  };
  return rows;
}

std::string replaced(std::string text, std::string_view what, const std::string& by) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size()))
    text.replace(at, what.size(), by);
  return text;
}

std::string with_tokens(std::string text, UtcTime now) {
  text = replaced(std::move(text), "GOOD", token(now));
  text = replaced(std::move(text), "EXPIRED", token(now, -1h));
  return replaced(std::move(text), "WRONG", token(now, 1h, other_secret));
}

Authenticator::Options options(Mode mode) {
  return {.keys = {TokenKey::make(secret).value()},
          .rules = {},
          .development = mode == Mode::development,
          .demo_org = OrgId{"demo"},
          .allowed_origins = {"https://app.example.com"},
          .shards = 1,
          .admit = {}};
}

class AuthTest : public testing::Test {
 protected:
  Result<Identity> authenticate(Authenticator& authenticator, const net::Request& request) {
    std::optional<Result<Identity>> outcome;
    boost::asio::co_spawn(
        loop_, authenticator.authenticate(request),
        [&](std::exception_ptr, Result<Identity> result) { outcome.emplace(std::move(result)); });
    clock_.settle();
    return std::move(*outcome);
  }

  net::Request request(std::vector<std::pair<std::string, std::string>> headers, bool loopback = true) {
    net::Request made;
    made.peer = {.address = loopback ? "127.0.0.1" : "203.0.113.9", .port = 1, .loopback = loopback};
    for (const auto& [name, value] : headers) made.headers.add(name, with_tokens(value, clock_.utc()));
    return made;
  }

  async::Loop loop_{1};
  test::VirtualClock clock_{loop_};
};

TEST_F(AuthTest, every_attack_is_judged) {
  Authenticator production{options(prod), clock_}, development{options(dev), clock_};
  for (const Attack& attack : attacks()) {
    SCOPED_TRACE(attack.name);
    auto& authenticator = attack.mode == dev ? development : production;
    const auto identity = authenticate(authenticator, request(attack.headers, attack.loopback));
    EXPECT_EQ(identity ? "" : identity.error().code, attack.code);
    if (identity) {
      EXPECT_EQ(identity->org.str(), attack.org);
      EXPECT_EQ(identity->development, identity->org.str() == "demo");
    } else {
      EXPECT_EQ(identity.error().kind, Fault::unauthenticated);
    }
  }
  EXPECT_GE(attacks().size(), 40u);
}

TEST_F(AuthTest, the_same_attacks_fail_over_a_socket) {
  async::SystemClock clock;
  async::LoopThread shard{"web"};
  for (const Mode mode : {prod, dev}) {
    Authenticator authenticator{options(mode), clock};
    Router router{authenticator};
    router.add({.method = Method::get,
                .path = "/api/who",
                .endpoint = [](Context& context) -> async::Task<Result<net::Response>> {
                  co_return net::Response::text(200, context.identity.org.str());
                }});
    net::Server server{{.common_headers = security_headers(), .render_error = server_error},
                       {shard.executor()},
                       router.handler()};
    server.start().value();
    for (const Attack& attack : attacks()) {
      if (attack.mode != mode || !attack.loopback) continue;
      SCOPED_TRACE(attack.name);
      std::string text = "GET /api/who?access_token=" + token(clock.utc()) + " HTTP/1.1\r\n";
      for (const auto& [name, value] : attack.headers)
        text += name + ": " + with_tokens(value, clock.utc()) + "\r\n";
      test::RawClient client{server.port()};
      client.send(text + "\r\n");
      auto response = client.read_response();
      EXPECT_EQ(response.status, *attack.code == '\0' ? 200 : 401);
      if (*attack.code == '\0') {
        EXPECT_EQ(response.body, attack.org);
      } else {
        EXPECT_TRUE(response.headers["www-authenticate"].starts_with("Bearer"));
        EXPECT_NE(response.body.find(attack.code), std::string::npos);
      }
    }
    server.stop(0ms);
  }
}

TEST_F(AuthTest, a_verified_token_is_remembered_no_longer_than_it_is_valid) {
  int asked = 0;
  auto o = options(prod);
  o.admit = [&](Identity&, const net::RequestIds&) -> async::Task<Result<>> {
    ++asked;
    co_return Result<>{};
  };
  Authenticator authenticator{o, clock_};
  const auto asking = request({local, {"Authorization", "Bearer " + token(clock_.utc(), 30s)}});
  EXPECT_TRUE(authenticate(authenticator, asking));
  EXPECT_TRUE(authenticate(authenticator, asking));
  EXPECT_EQ(asked, 1);
  clock_.run_for(29s);
  EXPECT_TRUE(authenticate(authenticator, asking));
  EXPECT_EQ(asked, 1);
  clock_.run_for(1s);
  EXPECT_EQ(authenticate(authenticator, asking).error().code, "expired_token");

  const auto longer = request({local, {"Authorization", "Bearer " + token(clock_.utc(), 1h)}});
  EXPECT_TRUE(authenticate(authenticator, longer));
  clock_.run_for(61s);
  EXPECT_TRUE(authenticate(authenticator, longer));
  EXPECT_EQ(asked, 3) << "asked again after a minute, so that an erased organization is noticed";
}

TEST_F(AuthTest, an_organization_may_be_refused) {
  bool erased = true;
  auto o = options(prod);
  o.admit = [&](Identity& identity, const net::RequestIds&) -> async::Task<Result<>> {
    if (erased) co_return Error{Fault::forbidden, "organization_erased", identity.org.str() + " was erased"};
    co_return Result<>{};
  };
  Authenticator authenticator{o, clock_};
  const auto asking = request({local, {"Authorization", "Bearer GOOD"}});
  EXPECT_EQ(authenticate(authenticator, asking).error().kind, Fault::forbidden);
  erased = false;
  EXPECT_TRUE(authenticate(authenticator, asking)) << "a refusal is not remembered";
}

TEST_F(AuthTest, who_stays_leaves_when_the_credential_expires_whatever_the_database_says) {
  bool away = false;
  const auto expires_at = clock_.utc() + 100s;
  auto o = options(prod);
  o.find_api_key = [&](std::string) -> async::Task<Result<Identity>> {
    if (away) co_return Error{Fault::unavailable, "database_away", "try again"};
    Identity identity;
    identity.org = OrgId{"org_1"};
    identity.expires_at = expires_at;
    co_return identity;
  };
  Authenticator authenticator{o, clock_};
  const auto may_stay = [&] {
    std::optional<Result<milliseconds>> outcome;
    boost::asio::co_spawn(loop_, authenticator.may_stay(0, "vx_key", expires_at, Role::viewer, Scope::read),
                          [&](std::exception_ptr, Result<milliseconds> result) { outcome.emplace(result); });
    clock_.settle();
    return *outcome;
  };
  EXPECT_EQ(may_stay().value(), 10s);
  away = true;
  clock_.run_for(95s);
  EXPECT_EQ(may_stay().value(), 5s) << "it is asked again when it expires";
  clock_.run_for(5s);
  EXPECT_EQ(may_stay().error().code, "expired_token");
}

TEST_F(AuthTest, who_stays_leaves_when_their_role_is_no_longer_enough) {
  Role role = Role::manager;
  auto o = options(prod);
  o.admit = [&](Identity& identity, const net::RequestIds&) -> async::Task<Result<>> {
    identity.role = role;
    co_return Result<>{};
  };
  Authenticator authenticator{o, clock_};
  const std::string shown = token(clock_.utc());
  const auto may_stay = [&](Role needed) {
    std::optional<Result<milliseconds>> outcome;
    boost::asio::co_spawn(loop_, authenticator.may_stay(0, shown, clock_.utc() + 1h, needed, Scope::calls),
                          [&](std::exception_ptr, Result<milliseconds> result) { outcome.emplace(result); });
    clock_.settle();
    return *outcome;
  };
  EXPECT_TRUE(may_stay(Role::manager));
  role = Role::viewer;
  authenticator.forget();  // as whoever demotes them does
  EXPECT_EQ(may_stay(Role::manager).error().kind, Fault::forbidden);
  EXPECT_TRUE(may_stay(Role::viewer));
}

TEST_F(AuthTest, what_is_remembered_is_bounded) {
  int asked = 0;
  auto o = options(prod);
  o.admit = [&](Identity&, const net::RequestIds&) -> async::Task<Result<>> {
    ++asked;
    co_return Result<>{};
  };
  Authenticator authenticator{o, clock_};
  const auto all_come = [&] {
    for (int i = 0; i < 5000; ++i) {
      const std::string org = "org_" + std::to_string(i);
      const auto made = request({local, {"Authorization", "Bearer " + token(clock_.utc(), 1h, secret, org)}});
      ASSERT_EQ(authenticate(authenticator, made).value().org.str(), org);
    }
  };
  all_come();
  EXPECT_EQ(asked, 5000);
  all_come();
  EXPECT_GE(asked, 5000 + 5000 - 4096) << "of 5000 no more than 4096 are remembered";
}

TEST_F(AuthTest, a_second_key_is_tried_when_the_first_did_not_sign) {
  auto o = options(prod);
  o.keys.push_back(TokenKey::make(other_secret).value());
  Authenticator authenticator{o, clock_};
  EXPECT_TRUE(authenticate(authenticator, request({local, {"Authorization", "Bearer GOOD"}})));
  EXPECT_TRUE(authenticate(authenticator, request({local, {"Authorization", "Bearer WRONG"}})));
  EXPECT_EQ(authenticate(authenticator, request({local, {"Authorization", "Bearer EXPIRED"}})).error().code,
            "expired_token");
}

TEST_F(AuthTest, websockets_open_for_known_origins_only) {
  Authenticator authenticator{options(prod), clock_};
  const auto allowed = [&](std::vector<std::pair<std::string, std::string>> headers) {
    return authenticator.check_origin(request(std::move(headers))).has_value();
  };
  EXPECT_TRUE(allowed({local}));
  EXPECT_TRUE(allowed({local, {"Origin", "http://localhost:3001"}}));
  EXPECT_TRUE(allowed({{"Host", "vox.example"}, {"Origin", "https://vox.example"}}));
  EXPECT_TRUE(allowed({{"Host", "vox.example"}, {"Origin", "https://app.example.com"}}));
  EXPECT_FALSE(allowed({local, {"Origin", "https://evil.example"}}));
  EXPECT_FALSE(allowed({local, {"Origin", "null"}}));
  EXPECT_FALSE(allowed({local, {"Origin", ""}}));
  EXPECT_FALSE(allowed({local, {"Origin", "http://localhost:3001"}, {"Origin", "https://evil.example"}}));
  EXPECT_FALSE(allowed({local, {"Origin", "https://app.example.com.evil.example"}}));
  EXPECT_FALSE(allowed({{"Host", "vox.example"}, {"Origin", "https://vox.example:8443"}}));
}

TEST_F(AuthTest, the_operator_s_doors_open_to_the_operator_s_token_only) {
  auto o = options(dev);
  const std::string operators = "an-operator-token-of-some-length";
  o.operator_token = Secret{operators};
  Authenticator authenticator{o, clock_};
  const auto code = [&](const net::Request& asking, bool or_local) {
    const auto checked =
        or_local ? authenticator.check_operator_or_local(asking) : authenticator.check_operator(asking);
    return checked ? std::string{} : checked.error().code;
  };
  const std::pair<std::string, std::string> outside{"Host", "vox.example"},
      right{"Authorization", "Bearer " + operators};
  for (const bool or_local : {false, true}) {
    EXPECT_EQ(code(request({outside, right}, false), or_local), "");
    EXPECT_EQ(code(request({outside}, false), or_local), "missing_token");
    EXPECT_EQ(code(request({outside, {"Authorization", "Bearer GOOD"}}, false), or_local), "invalid_token");
    EXPECT_EQ(code(request({outside, {"Authorization", "Bearer " + operators + "x"}}, false), or_local),
              "invalid_token");
    EXPECT_EQ(code(request({local, {"Authorization", "Bearer GOOD"}}), or_local), "invalid_token");
    EXPECT_EQ(code(request({outside, right, right}, false), or_local), "invalid_token");
  }
  EXPECT_EQ(code(request({local}), true), "");
  EXPECT_EQ(code(request({local}), false), "missing_token");
  EXPECT_EQ(code(request({local, {"X-Forwarded-For", "203.0.113.9"}}), true), "missing_token");
  EXPECT_EQ(code(request({{"Host", "rebound.example"}}), true), "missing_token");

  Authenticator unset{options(prod), clock_};
  EXPECT_EQ(unset.check_operator(request({outside, {"Authorization", "Bearer "}})).error().code,
            "invalid_token");
  EXPECT_EQ(unset.check_operator(request({outside, {"Authorization", "Bearer x"}})).error().code,
            "no_operator_token");
}

}  // namespace
}  // namespace voxanne::api
