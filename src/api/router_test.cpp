#include "api/router.h"

#include "api/json_body.h"
#include "async/thread.h"
#include "net/server.h"
#include "support/raw_client.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

namespace voxanne::api {
namespace {

using Outcome = async::Task<Result<net::Response>>;

Endpoint says(std::string what) {
  return [what](Context& context) -> Outcome {
    std::string text = what;
    for (const auto& [name, value] : context.params) text += " " + std::string{name} + "=" + value;
    co_return net::Response::text(200, text);
  };
}

class RouterTest : public testing::Test {
 protected:
  RouterTest()
      : authenticator_({.keys = {key_},
                        .rules = {},
                        .development = false,
                        .demo_org = OrgId{"demo"},
                        .allowed_origins = {},
                        .shards = 1,
                        .operator_token = Secret{"the operator's token"},
                        .admit = {}},
                       clock_),
        router_(authenticator_) {}
  ~RouterTest() override { server_->stop(0ms); }

  void SetUp() override {
    const auto open = [&](Method method, std::string path, Endpoint endpoint) {
      router_.add(
          {.method = method, .path = std::move(path), .endpoint = std::move(endpoint), .role = std::nullopt});
    };
    open(Method::get, "/", says("page"));
    open(Method::get, "/things/:id", says("one"));
    open(Method::get, "/things/special", says("special"));
    open(Method::get, "/things/special/inside", says("inside"));
    open(Method::get, "/things/:id/parts/:part", says("part"));
    open(Method::post, "/things/:id", says("posted"));
    open(Method::get, "/files/*rest", says("file"));
    open(Method::get, "/throw",
         [](Context&) -> Outcome { throw std::runtime_error("a defect with details"); });
    open(Method::get, "/internal",
         [](Context&) -> Outcome { co_return internal("disk_broke", "the disk at /secret/path"); });
    open(Method::get, "/busy", [](Context&) -> Outcome {
      co_return Error{Fault::unavailable, "server_full", "all lines are taken", seconds{7}};
    });
    open(Method::get, "/slow",
         [](Context&) -> Outcome { co_return timed_out("too_slow", "it takes too long"); });
    open(Method::get, "/limited",
         [](Context&) -> Outcome { co_return Error{Fault::rate_limited, "too_often", "wait", {}}; });
    open(Method::get, "/ws", [](Context&) -> Outcome {
      co_return net::Response::upgrade({.serve = [](net::WebSocket&) -> async::Task<> { co_return; }});
    });
    router_.add({.method = Method::get, .path = "/api/view", .endpoint = says("view")});
    router_.add({.method = Method::get, .path = "/api/list", .endpoint = says("list"), .query = "status to"});
    router_.add(
        {.method = Method::get, .path = "/api/manage", .endpoint = says("manage"), .role = Role::manager});
    router_.add({.method = Method::get, .path = "/api/own", .endpoint = says("own"), .role = Role::owner});
    router_.add(
        {.method = Method::get, .path = "/api/admin/all", .endpoint = says("all"), .role = Role::viewer});
    router_.add({.method = Method::post,
                 .path = "/api/upload",
                 .endpoint = says("uploaded"),
                 .role = Role::viewer,
                 .max_body = 100'000});
    router_.on_exception(
        [this](const Context& context, std::exception_ptr) { reported_ = context.ids.request_id; });
    server_ = std::make_unique<net::Server>(net::Server::Options{.max_body_for = router_.body_limits(),
                                                                 .common_headers = security_headers(),
                                                                 .render_error = server_error},
                                            std::vector{shard_.executor()}, router_.handler());
    server_->start().value();
  }

  test::RawResponse ask(std::string_view line, std::string_view fields = "", std::string_view body = "") {
    test::RawClient client{server_->port()};
    client.send(std::string{line} + " HTTP/1.1\r\nHost: localhost\r\n" + std::string{fields} + "\r\n" +
                std::string{body});
    return client.read_response(line.starts_with("HEAD"));
  }

  std::string bearer(Role role) {
    return "Authorization: Bearer " +
           key_.sign({.org = OrgId{"o"},
                      .role = role,
                      .subject = "s",
                      .issuer = {},
                      .audience = {},
                      .issued_at = clock_.utc(),
                      .expires_at = clock_.utc() + 1h}) +
           "\r\n";
  }

  static std::string code_of(const test::RawResponse& response) {
    const auto body = boost::json::parse(response.body).as_object();
    EXPECT_EQ(body.at("requestId").as_string(), response.headers.at("x-request-id"));
    EXPECT_FALSE(body.at("error").as_string().empty());
    return std::string{body.at("code").as_string()};
  }

  async::SystemClock clock_;
  TokenKey key_ = TokenKey::make(Secret{std::string(32, 'k')}).value();
  async::LoopThread shard_{"web"};
  Authenticator authenticator_;
  Router router_;
  std::string reported_;
  std::unique_ptr<net::Server> server_;
};

TEST_F(RouterTest, words_win_over_parameters) {
  EXPECT_EQ(ask("GET /").body, "page");
  EXPECT_EQ(ask("GET /things/7").body, "one id=7");
  EXPECT_EQ(ask("GET /things/special").body, "special");
  EXPECT_EQ(ask("GET /things/special/inside").body, "inside");
  EXPECT_EQ(ask("GET /things/special/parts/2").body, "part id=special part=2")
      << "and are given up when they lead nowhere";
  EXPECT_EQ(ask("GET /things/a%2Fb%20c?x=1").body, "one id=a/b c");
  EXPECT_EQ(ask("GET /files/a/b.txt").body, "file rest=a/b.txt");
}

TEST_F(RouterTest, unknown_paths_are_404_problems) {
  for (const char* path :
       {"/nowhere", "/things", "/things/", "/things/1/", "/things//parts/1", "//", "/files/", "/things/%ff",
        "/files/../etc/passwd", "/files/a/%2e%2e/b", "/things/..", "/api"}) {
    const auto response = ask("GET " + std::string{path});
    EXPECT_EQ(response.status, 404) << path;
    EXPECT_EQ(code_of(response), "unknown_path");
  }
  EXPECT_EQ(ask("GET /things/" + std::string(600, 'x')).status, 404);
}

TEST_F(RouterTest, other_methods_are_405_with_allow) {
  const auto response = ask("DELETE /things/7");
  EXPECT_EQ(response.status, 405);
  EXPECT_EQ(response.headers.at("allow"), "GET, HEAD, POST");
  EXPECT_EQ(code_of(response), "method_not_allowed");
  EXPECT_EQ(ask("HEAD /things/7").status, 200);
  EXPECT_EQ(ask("TRACE /things/7").status, 405);
}

TEST_F(RouterTest, roles_are_ordered) {
  const struct {
    Role role;
    const char* path;
    int status;
  } rows[] = {{Role::viewer, "/api/view", 200},    {Role::manager, "/api/view", 200},
              {Role::owner, "/api/view", 200},     {Role::viewer, "/api/manage", 403},
              {Role::manager, "/api/manage", 200}, {Role::owner, "/api/manage", 200},
              {Role::viewer, "/api/own", 403},     {Role::manager, "/api/own", 403},
              {Role::owner, "/api/own", 200}};
  for (const auto& row : rows) {
    const auto response = ask("GET " + std::string{row.path}, bearer(row.role));
    EXPECT_EQ(response.status, row.status) << row.path << " " << to_string(row.role);
    if (row.status == 403) {
      EXPECT_EQ(code_of(response), "role_too_low");
    }
  }
  const auto nobody = ask("GET /api/view");
  EXPECT_EQ(nobody.status, 401);
  EXPECT_EQ(nobody.headers.at("www-authenticate"), "Bearer realm=\"voxanne\"");
  EXPECT_EQ(ask("GET /api/view", "Authorization: Bearer x\r\n").headers.at("www-authenticate"),
            "Bearer realm=\"voxanne\", error=\"invalid_token\"");
}

TEST_F(RouterTest, failures_are_problems_with_their_headers) {
  const auto thrown = ask("GET /throw", "X-Request-Id: mine-1\r\n");
  EXPECT_EQ(thrown.status, 500);
  EXPECT_EQ(code_of(thrown), "internal_error");
  EXPECT_EQ(thrown.headers.at("x-request-id"), "mine-1");
  EXPECT_EQ(reported_, "mine-1");
  EXPECT_EQ(thrown.body.find("details"), std::string::npos);
  const auto broken = ask("GET /internal");
  EXPECT_EQ(broken.status, 500);
  EXPECT_EQ(code_of(broken), "disk_broke");
  EXPECT_EQ(broken.body.find("/secret"), std::string::npos);
  const auto busy = ask("GET /busy");
  EXPECT_EQ(busy.status, 503);
  EXPECT_EQ(busy.headers.at("retry-after"), "7");
  EXPECT_EQ(ask("GET /limited").headers.at("retry-after"), "1");
}

TEST_F(RouterTest, what_is_unavailable_is_in_the_log_once_a_second) {
  testing::internal::CaptureStderr();
  for (const char* id : {"first-1", "second-2", "third-3"})
    EXPECT_EQ(ask("GET /busy", "X-Request-Id: " + std::string{id} + "\r\n").status, 503);
  EXPECT_EQ(ask("GET /slow", "X-Request-Id: slow-4\r\n").status, 504);
  const std::string log = testing::internal::GetCapturedStderr();
  for (const char* told : {"api.unavailable", "first-1", "server_full", "traceId", "slow-4", "too_slow"})
    EXPECT_NE(log.find(told), std::string::npos) << told << " is not in " << log;
  for (const char* untold : {"second-2", "third-3"}) EXPECT_EQ(log.find(untold), std::string::npos) << log;
}

TEST_F(RouterTest, a_filter_that_is_mistyped_does_not_show_everything) {
  const auto listed = [&](const std::string& query) {
    return ask("GET /api/list" + query, bearer(Role::viewer));
  };
  EXPECT_EQ(listed("?status=ended&to=%2B447700900000").status, 200);
  EXPECT_EQ(listed("").status, 200);
  const auto mistyped = listed("?stauts=ended");
  EXPECT_EQ(mistyped.status, 400);
  EXPECT_EQ(code_of(mistyped), "unknown_parameter");
  EXPECT_NE(mistyped.body.find("status to"), std::string::npos) << mistyped.body;
  for (const char* query : {"?stat=1", "?status%20to=1", "?o=1", "?Status=1"})
    EXPECT_EQ(listed(query).status, 400) << query;
  EXPECT_EQ(ask("GET /api/list?stauts=ended").status, 401) << "strangers are told nothing";
}

TEST_F(RouterTest, request_ids_are_taken_over_when_sane) {
  EXPECT_EQ(ask("GET /", "X-Request-Id: abc-123\r\n").headers.at("x-request-id"), "abc-123");
  for (const auto* bad : {"X-Request-Id: a b\r\n", "X-Request-Id: <script>\r\n", "X-Request-Id:\r\n",
                          "X-Request-Id: a\r\nX-Request-Id: b\r\n"})
    EXPECT_TRUE(ask("GET /", bad).headers.at("x-request-id").starts_with("req_")) << bad;
  EXPECT_TRUE(ask("GET /", "X-Request-Id: " + std::string(200, 'a') + "\r\n")
                  .headers.at("x-request-id")
                  .starts_with("req_"));
}

TEST_F(RouterTest, every_answer_is_guarded_by_headers) {
  for (const auto* line : {"GET /", "GET /nowhere", "GET /throw", "TRACE /", "GET /api/view", "GET /%zz"}) {
    const auto response = ask(line);
    EXPECT_EQ(response.headers.at("x-content-type-options"), "nosniff") << line;
    EXPECT_EQ(response.headers.at("x-frame-options"), "DENY") << line;
    EXPECT_TRUE(response.headers.contains("content-security-policy")) << line;
    EXPECT_TRUE(response.headers.contains("x-request-id")) << line;
  }
  EXPECT_EQ(ask("GET /api/view", bearer(Role::viewer)).headers.at("cache-control"), "no-store");
}

TEST_F(RouterTest, bodies_are_limited_by_route) {
  const std::string body(50'000, 'x');
  const std::string length = "Content-Length: 50000\r\n";
  EXPECT_EQ(ask("POST /api/upload", bearer(Role::viewer) + length, body).status, 200);
  const std::string larger(100'001, 'x');
  const auto refused = ask("POST /api/upload", bearer(Role::viewer) + "Content-Length: 100001\r\n", larger);
  EXPECT_EQ(refused.status, 413);
  EXPECT_EQ(code_of(refused), "body_too_large");
}

TEST_F(RouterTest, websockets_check_their_origin) {
  test::RawClient own{server_->port()};
  EXPECT_EQ(own.open_websocket("/ws", "Origin: http://localhost\r\n").status, 101);
  test::RawClient evil{server_->port()};
  const auto refused = evil.open_websocket("/ws", "Origin: http://evil.example\r\n");
  EXPECT_EQ(refused.status, 403);
  EXPECT_EQ(code_of(refused), "origin_not_allowed");
}

TEST_F(RouterTest, mistakes_in_the_table_are_found_at_start) {
  EXPECT_THROW(router_.add({.method = Method::get, .path = "/things/:other", .endpoint = says("x")}),
               std::logic_error);
  EXPECT_THROW(router_.add({.method = Method::get, .path = "no-slash", .endpoint = says("x")}),
               std::logic_error);
  EXPECT_THROW(router_.add({.method = Method::get, .path = "/a/*rest/b", .endpoint = says("x")}),
               std::logic_error);
  EXPECT_THROW(router_.add({.method = Method::get, .path = "/b", .endpoint = {}}), std::logic_error);
  EXPECT_EQ(router_.routes().front().second, "/");
}

TEST(JsonBodyTest, reads_typed_fields) {
  const auto body =
      JsonBody::parse(
          R"({"name":"Ada","count":7,"whole":5.0,"on":true,"none":null,"inner":{"x":"y"},"extra":[]})")
          .value();
  EXPECT_EQ(body.text("name").value(), "Ada");
  EXPECT_EQ(body.integer("count", 1, 10).value(), 7);
  EXPECT_EQ(body.integer("whole", 1, 10).value(), 5);
  EXPECT_EQ(body.integer("absent", 1, 10, 3).value(), 3);
  EXPECT_EQ(body.integer("none", 1, 10, 3).value(), 3);
  EXPECT_TRUE(body.boolean("on", false).value());
  EXPECT_TRUE(body.boolean("absent", true).value());
  EXPECT_FALSE(body.optional_text("none").value().has_value());
  EXPECT_EQ(body.object("inner").value().text("x").value(), "y");
  EXPECT_FALSE(body.optional_object("absent").value().has_value());
  EXPECT_TRUE(body.has("extra"));
  EXPECT_FALSE(body.has("none"));
}

TEST(JsonBodyTest, errors_name_the_field) {
  const auto body =
      JsonBody::parse(
          R"({"name":7,"empty":"","nul":"a\u0000","count":"7","half":1.5,"big":1e30,"on":1,"inner":{"x":1},"list":[]})")
          .value();
  const auto message = [](const auto& result) { return result.error().code + ": " + result.error().message; };
  EXPECT_EQ(message(body.text("absent")), "missing_field: absent is missing");
  EXPECT_EQ(message(body.text("name")), "invalid_field: name must be a text of 1 to 1024 bytes");
  EXPECT_EQ(message(body.text("empty", {.min = 1, .max = 5})),
            "invalid_field: empty must be a text of 1 to 5 bytes");
  EXPECT_TRUE(body.text("empty", {.min = 0, .max = 5}));
  EXPECT_EQ(body.text("nul").error().code, "invalid_field");
  EXPECT_EQ(message(body.integer("count", 1, 9)), "invalid_field: count must be a whole number from 1 to 9");
  EXPECT_EQ(body.integer("half", 1, 9).error().code, "invalid_field");
  EXPECT_EQ(body.integer("big", 1, 9).error().code, "invalid_field");
  EXPECT_EQ(message(body.boolean("on", false)), "invalid_field: on must be true or false");
  EXPECT_EQ(message(body.object("list")), "invalid_field: list must be an object");
  EXPECT_EQ(message(body.object("absent")), "missing_field: absent is missing");
  EXPECT_EQ(message(body.object("inner").value().text("x")),
            "invalid_field: inner.x must be a text of 1 to 1024 bytes");
  EXPECT_EQ(message(body.object("inner").value().text("y")), "missing_field: inner.y is missing");
}

TEST(JsonBodyTest, refuses_what_is_no_json_object) {
  for (const std::string& bad :
       {std::string{""}, std::string{"{"}, std::string{"{}x"}, std::string{"[]"}, std::string{"null"},
        std::string{"{\"a\":\"\xff\"}"}, std::string{"{'a':1}"}, std::string{"{\"a\":1,}"},
        std::string{"{\"a\":NaN}"}, "{\"a\":" + std::string(40, '[') + std::string(40, ']') + "}"}) {
    const auto body = JsonBody::parse(bad);
    ASSERT_FALSE(body) << bad;
    EXPECT_EQ(body.error().code, "invalid_json") << bad;
  }
  EXPECT_NE(JsonBody::parse("{\"a\":x}").error().message.find("byte 5"), std::string::npos);
  EXPECT_TRUE(JsonBody::parse(" {} \r\n"));
  net::Request request;
  request.body = "{}";
  EXPECT_TRUE(JsonBody::parse(request));
  for (const char* type : {"application/json", "Application/JSON; charset=utf-8", "application/vnd.x+json"}) {
    request.headers.set("Content-Type", type);
    EXPECT_TRUE(JsonBody::parse(request)) << type;
  }
  for (const char* type :
       {"text/plain", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded"}) {
    request.headers.set("Content-Type", type);
    EXPECT_EQ(JsonBody::parse(request).error().kind, Fault::unsupported_type) << type;
  }
}

TEST_F(RouterTest, what_is_the_operator_s_opens_to_no_role) {
  EXPECT_EQ(ask("GET /api/admin/all").status, 401);
  EXPECT_EQ(ask("GET /api/admin/all", bearer(Role::owner)).status, 401);
  const auto opened = ask("GET /api/admin/all", "Authorization: Bearer the operator's token\r\n");
  EXPECT_EQ(opened.status, 200);
  EXPECT_EQ(opened.headers.at("cache-control"), "no-store");
  EXPECT_EQ(ask("GET /api/view", "Authorization: Bearer the operator's token\r\n").status, 401);
}

}  // namespace
}  // namespace voxanne::api
