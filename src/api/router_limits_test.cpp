// What the router does about pages of other origins and about haste.
#include "api/router.h"

#include "async/thread.h"
#include "net/server.h"
#include "support/raw_client.h"

#include <gtest/gtest.h>

namespace voxanne::api {
namespace {

class RouterLimits : public testing::Test {
 protected:
  RouterLimits() {
    const auto says = [](Context&) -> async::Task<Result<net::Response>> {
      co_return net::Response::text(200, "here");
    };
    router_.add({.method = Method::get, .path = "/api/view", .endpoint = says});
    router_.add({.method = Method::post, .path = "/api/view", .endpoint = says, .role = Role::owner});
    router_.add({.method = Method::get,
                 .path = "/api/throws",
                 .endpoint = [](Context&) -> async::Task<Result<net::Response>> {
                   throw std::runtime_error("a defect");
                 }});
    router_.allow_origins({"https://app.example.com"});
    router_.limit_rate(limiter_, clock_);
    server_ = std::make_unique<net::Server>(
        net::Server::Options{.max_body = 1'000,
                             .render_error =
                                 [this](int status, const Error& error, const net::Request* request) {
                                   return router_.error_of_server(status, error, request);
                                 }},
        std::vector{shard_.executor()}, router_.handler());
    server_->start().value();
  }
  ~RouterLimits() override { server_->stop(0ms); }

  test::RawResponse ask(std::string_view line, const std::string& fields) {
    test::RawClient client{server_->port()};
    client.send(std::string{line} + " HTTP/1.1\r\nHost: voxanne.example\r\n" + fields + "\r\n");
    return client.read_response();
  }
  std::string bearer(const std::string& org, Role role = Role::viewer) {
    return "Authorization: Bearer " +
           key_.sign({.org = OrgId{org},
                      .role = role,
                      .subject = "s",
                      .issuer = {},
                      .audience = {},
                      .issued_at = clock_.utc(),
                      .expires_at = clock_.utc() + 1h}) +
           "\r\n";
  }

  async::SystemClock clock_;
  TokenKey key_ = TokenKey::make(Secret{std::string(32, 'k')}).value();
  async::LoopThread shard_{"web"};
  Authenticator authenticator_{{.keys = {key_}}, clock_};
  RateLimiter limiter_{3};
  Router router_{authenticator_};
  std::unique_ptr<net::Server> server_;
};

TEST_F(RouterLimits, a_preflight_of_an_allowed_origin_is_answered_without_a_token) {
  const auto answer =
      ask("OPTIONS /api/view", "Origin: https://app.example.com\r\nAccess-Control-Request-Method: POST\r\n");
  EXPECT_EQ(answer.status, 204);
  EXPECT_EQ(answer.headers.at("access-control-allow-origin"), "https://app.example.com");
  EXPECT_EQ(answer.headers.at("access-control-allow-methods"), "GET, HEAD, POST");
  EXPECT_NE(answer.headers.at("access-control-allow-headers").find("Idempotency-Key"), std::string::npos);
  EXPECT_FALSE(answer.headers.contains("access-control-allow-credentials"));
  EXPECT_TRUE(answer.headers.contains("x-request-id"));
}

TEST_F(RouterLimits, a_page_can_read_what_the_server_refuses_before_a_route_is_asked) {
  for (const auto& [origin, readable] :
       {std::pair{"https://app.example.com", true}, {"https://evil.example", false}}) {
    const auto answer =
        ask("POST /api/view", std::string{"Content-Length: 2000\r\nOrigin: "} + origin + "\r\n");
    EXPECT_EQ(answer.status, 413);
    EXPECT_EQ(answer.headers.contains("access-control-allow-origin"), readable) << origin;
  }
}

TEST_F(RouterLimits, a_preflight_of_any_other_origin_gets_no_leave) {
  for (const std::string origin : {"https://evil.example", "https://app.example.com.evil.example", "null",
                                   "https://app.example.com\r\nOrigin: https://evil.example"}) {
    const auto answer =
        ask("OPTIONS /api/view", "Origin: " + origin + "\r\nAccess-Control-Request-Method: POST\r\n");
    EXPECT_FALSE(answer.headers.contains("access-control-allow-origin")) << origin;
    EXPECT_FALSE(answer.headers.contains("access-control-allow-methods")) << origin;
  }
}

TEST_F(RouterLimits, answers_name_the_allowed_origin_and_caches_keep_them_apart) {
  const auto allowed = ask("GET /api/view", bearer("a") + "Origin: https://app.example.com\r\n");
  EXPECT_EQ(allowed.status, 200);
  EXPECT_EQ(allowed.headers.at("access-control-allow-origin"), "https://app.example.com");
  EXPECT_EQ(allowed.headers.at("vary"), "Origin");
  const auto other = ask("GET /api/view", bearer("a") + "Origin: https://evil.example\r\n");
  EXPECT_FALSE(other.headers.contains("access-control-allow-origin"));
  EXPECT_EQ(other.headers.at("vary"), "Origin");
  // Also a failure can be read by the page that caused it.
  const auto refused = ask("GET /api/view", "Origin: https://app.example.com\r\n");
  EXPECT_EQ(refused.status, 401);
  EXPECT_EQ(refused.headers.at("access-control-allow-origin"), "https://app.example.com");
}

TEST_F(RouterLimits, an_organization_over_its_rate_is_told_when_to_come_back) {
  for (int left = 2; left >= 0; --left) {
    const auto answer = ask("GET /api/view", bearer("hasty"));
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.headers.at("ratelimit-limit"), "3");
    EXPECT_EQ(answer.headers.at("ratelimit-remaining"), std::to_string(left));
  }
  const auto refused = ask("GET /api/view", bearer("hasty"));
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(refused.headers.at("ratelimit-remaining"), "0");
  EXPECT_GT(std::stoi(refused.headers.at("retry-after")), 0);
  EXPECT_EQ(ask("GET /api/view", bearer("patient")).status, 200);
  // Whoever is not let in takes nothing from anybody.
  for (int i = 0; i < 5; ++i) EXPECT_EQ(ask("GET /api/view", "").status, 401);
  EXPECT_EQ(ask("GET /api/view", bearer("patient")).headers.at("ratelimit-remaining"), "1");
}

TEST_F(RouterLimits, a_request_that_the_role_forbids_counts_too) {
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(ask("POST /api/view", bearer("b") + "Content-Length: 0\r\n").status, 403);
  EXPECT_EQ(ask("POST /api/view", bearer("b") + "Content-Length: 0\r\n").status, 429);
}

TEST_F(RouterLimits, a_request_that_failed_on_our_side_says_what_is_left_too) {
  const auto failed = ask("GET /api/throws", bearer("unlucky"));
  EXPECT_EQ(failed.status, 500);
  EXPECT_EQ(failed.headers.at("ratelimit-remaining"), "2");
}

}  // namespace
}  // namespace voxanne::api
