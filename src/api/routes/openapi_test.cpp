// The description, and its reader. That answers are as described is tested wherever a test of this
// folder asks anything (World::send), and that each succeeds somewhere, in isolation_test.cpp.
#include "api/routes/openapi.h"

#include "api/routes/test_world.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace voxanne::api {
namespace {

namespace json = boost::json;

TEST(OpenApi, describes_every_route_of_the_table_and_names_each_operation_once) {
  const auto description = json::parse(openapi_description("1.2.3"));
  EXPECT_EQ(description.at("openapi"), "3.1.0");
  EXPECT_EQ(description.at("info").at("version"), "1.2.3");
  std::size_t declared = 0;
  for (const auto& route : declarations())
    declared += route.path.starts_with("/api/") || route.path.starts_with("/health") ||
                route.path.starts_with("/storage/") || route.path.starts_with("/ws/");
  std::set<std::string> ids;
  std::size_t described = 0;
  for (const auto& [path, item] : description.at("paths").as_object()) {
    EXPECT_EQ(std::string_view{path}.find(':'), std::string_view::npos) << path;
    for (const auto& [method, operation] : item.as_object()) {
      ++described;
      EXPECT_TRUE(ids.insert(operation.at("operationId").as_string().c_str()).second) << path;
      EXPECT_FALSE(operation.at("summary").as_string().empty()) << path;
    }
  }
  EXPECT_EQ(described, declared);
}

TEST(OpenApi, says_what_no_api_key_opens) {
  const auto paths = json::parse(openapi_description("1.2.3")).at("paths");
  const auto is_closed = [&](const char* path, const char* method) {
    return paths.at(path).at(method).as_object().contains("description");
  };
  EXPECT_TRUE(is_closed("/api/webhooks", "post"));
  EXPECT_TRUE(is_closed("/api/webhooks/{webhookId}/deliveries", "get"));
  EXPECT_TRUE(is_closed("/api/api-keys", "get"));
  EXPECT_FALSE(is_closed("/api/assistants", "post"));
  EXPECT_FALSE(is_closed("/api/calls", "post"));
}

TEST(OpenApi, every_operation_of_the_api_says_what_it_answers) {
  for (const auto& route : declarations())
    if (route.path.starts_with("/api/") && route.method != Method::del && !route.path.ends_with("/say") &&
        !route.path.ends_with("/logout"))
      EXPECT_FALSE(route.shape.answer.empty()) << route.path << " has no shape in routes.cpp";
}

TEST(OpenApi, says_what_a_socket_is_asked_with_and_which_creates_may_be_asked_again) {
  const auto paths = json::parse(openapi_description("1.2.3")).at("paths").as_object();
  const auto parameters = [](const json::value& operation) {
    std::set<std::string> names;
    if (const auto* list = operation.as_object().if_contains("parameters"))
      for (const auto& one : list->as_array())
        if (const auto* reference = one.as_object().if_contains("$ref")) {
          const std::string text{reference->as_string()};
          names.insert(text.substr(text.rfind('/') + 1));
        }
    return names;
  };
  for (const auto& [path, names] :
       {std::pair{"/ws/live-calls", std::set<std::string>{"since", "epoch"}},
        std::pair{"/ws/web-call", std::set<std::string>{"assistantId", "isTest"}}}) {
    const auto& socket = paths.at(path).at("get");
    EXPECT_EQ(parameters(socket), names) << path;
    EXPECT_TRUE(socket.at("security").at(0).as_object().contains("bearer")) << path;
    EXPECT_TRUE(socket.at("security").at(1).as_object().empty()) << path << ": or in its first message";
  }
  for (const auto& [path, item] : paths)
    if (const auto* post = item.as_object().if_contains("post")) {
      const bool by_cookie_or_secret = path.starts_with("/api/auth/") && path != "/api/auth/password";
      EXPECT_EQ(parameters(*post).contains("Idempotency-Key"), !by_cookie_or_secret) << path;
    }
}

// A check that nothing can fail checks nothing.
TEST(OpenApi, an_answer_that_is_not_as_described_is_found) {
  const test::ApiDescription description{openapi_description("1.2.3")};
  const auto fault = [&](int status, std::string body) {
    return description.fault_of("GET", "/api/messages/msg_1",
                                {.status = status, .error = {}, .headers = {}, .body = std::move(body)});
  };
  const std::string message =
      R"({"id":"m","orgId":"o","callId":null,"caller":{"name":null,"number":null},"text":"t","urgency":"normal",)"
      R"("handledBy":null,"handledAt":null,"createdAt":"2026-11-23T00:00:00.000Z")";
  EXPECT_EQ(fault(200, message + "}"), "");
  EXPECT_THAT(fault(200, message + R"(,"secret":1})"), testing::HasSubstr("secret"));
  EXPECT_NE(fault(200, "{}"), "");
  EXPECT_NE(fault(200, "not json"), "");
  EXPECT_NE(fault(418, message + "}"), "");
  EXPECT_NE(fault(404, R"({"message":"no"})"), "");
  EXPECT_NE(
      description.fault_of("GET", "/api/nowhere", {.status = 200, .error = {}, .headers = {}, .body = "{}"}),
      "");
}

TEST(OpenApi, is_served_without_a_token_and_so_is_its_reader) {
  World world;
  const auto description = test::http_get(world.url("/openapi.json"));
  EXPECT_EQ(description.status, 200);
  EXPECT_EQ(description.headers.at("content-type"), "application/json");
  EXPECT_TRUE(description.json().at("paths").as_object().contains("/api/calls/{callId}"));
  const auto reader = test::http_get(world.url("/docs"));
  EXPECT_EQ(reader.status, 200);
  EXPECT_EQ(reader.headers.at("content-type"), "text/html; charset=utf-8");
  EXPECT_THAT(reader.headers.at("content-security-policy"), testing::HasSubstr("script-src 'self'"));
}

}  // namespace
}  // namespace voxanne::api
