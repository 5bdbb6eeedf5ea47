#include "net/http_client.h"

#include "async/task_group.h"
#include "async/thread.h"
#include "net/server.h"
#include "support/raw_client.h"

#include <gtest/gtest.h>

#include <boost/asio/experimental/awaitable_operators.hpp>

namespace voxanne::net {
namespace {

// Against our own server: /echo, /big, /slow (answers never), /dribble is served by hand.
class HttpClientTest : public testing::Test {
 protected:
  void SetUp() override {
    server_ = std::make_unique<Server>(Server::Options{}, std::vector{web_.executor()},
                                       [](Request& request) { return handle(request); });
    server_->start().value();
  }
  void TearDown() override {
    async::run_on(loop_.executor(), [](std::unique_ptr<HttpClient>& client) -> async::Task<> {
      client.reset();
      co_return;
    }(client_));
    server_->stop(0ms);
  }

  static async::Task<Response> handle(Request& request) {
    if (request.path == "/big") co_return Response::text(200, std::string(500'000, 'b'));
    if (request.path == "/fail") co_return Response::text(503, "busy");
    if (request.path == "/slow") {
      async::SteadyTimer never{co_await boost::asio::this_coro::executor, SteadyTime::max()};
      co_await never.async_wait(async::use_task);
    }
    if (request.path == "/redirect") {
      auto response = Response::empty(302);
      response.headers.add("Location", "/echo");
      co_return response;
    }
    auto response = Response::text(
        200, std::string{to_string(request.method)} + " " + request.target + " " + request.body);
    response.headers.add("X-Seen", request.headers.get("X-Sent"));
    co_return response;
  }

  std::string url(std::string_view path) {
    return "http://127.0.0.1:" + std::to_string(server_->port()) + std::string{path};
  }
  Result<HttpClient::Response> send(HttpClient::Request request) {
    return async::run_on(loop_.executor(), client_->send(std::move(request)));
  }

  async::LoopThread web_{"web"}, loop_{"client"};
  std::unique_ptr<Server> server_;
  std::unique_ptr<HttpClient> client_ = std::make_unique<HttpClient>(loop_.executor(), HttpClient::Options{});
};

TEST_F(HttpClientTest, asks_and_is_answered_over_one_connection) {
  for (int i = 0; i < 20; ++i) {
    HttpClient::Request request{.method = "POST", .url = url("/echo?x=1"), .body = "body"};
    request.headers.add("X-Sent", "value");
    const auto response = send(std::move(request));
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_EQ(response->status, 200);
    EXPECT_EQ(response->body, "POST /echo?x=1 body");
    EXPECT_EQ(response->headers.get("x-seen"), "value");
  }
  EXPECT_EQ(server_->stats().accepted, 1u);
  EXPECT_EQ(send({.url = url("/echo")})->body, "GET /echo ");
  EXPECT_EQ(send({.method = "DELETE", .url = url("/echo")})->body, "DELETE /echo ");
  EXPECT_EQ(send({.method = "PUT", .url = url("/echo"), .body = "x"})->body, "PUT /echo x");
  EXPECT_EQ(send({.method = "HEAD", .url = url("/echo")})->body, "");
  EXPECT_EQ(send({.url = url("/fail")})->status, 503);
  EXPECT_EQ(send({.url = url("/redirect")})->status, 302) << "redirects are not followed";
}

TEST_F(HttpClientTest, a_body_is_bounded_and_may_be_streamed) {
  EXPECT_EQ(send({.url = url("/big")})->body.size(), 500'000u);
  EXPECT_EQ(send({.url = url("/big"), .max_body = 499'999}).error().code, "response_too_large");
  std::size_t streamed = 0;
  const auto response = send({.url = url("/big"), .on_data = [&](std::string_view chunk) {
                                streamed += chunk.size();
                                return true;
                              }});
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(response->body, "");
  EXPECT_EQ(streamed, 500'000u);
  EXPECT_EQ(send({.url = url("/big"), .on_data = [](std::string_view) { return false; }}).error().code,
            "stopped_by_reader");
  EXPECT_EQ(send({.url = url("/fail"), .on_data = [](std::string_view) { return false; }})->body, "busy");
}

TEST_F(HttpClientTest, what_cannot_be_reached_is_said) {
  EXPECT_EQ(send({.url = "http://127.0.0.1:1/"}).error().code, "connect_failed");
  EXPECT_EQ(send({.url = "https://127.0.0.1:" + std::to_string(server_->port()) + "/"}).error().code,
            "tls_failed");
  EXPECT_EQ(send({.url = "not a url"}).error().code, "bad_url");
  EXPECT_EQ(send({.url = "file:///etc/passwd"}).error().code, "bad_url");
  EXPECT_EQ(send({.url = "ftp://127.0.0.1/"}).error().code, "bad_url");
}

TEST_F(HttpClientTest, a_scheme_is_the_same_in_capitals) {
  std::vector<bool> asked;
  HttpClient::Options options;
  options.may_connect = [&](const IpAddress&, bool secure) {
    asked.push_back(secure);
    return secure;
  };
  client_ = std::make_unique<HttpClient>(loop_.executor(), std::move(options));
  const std::string rest = "://127.0.0.1:" + std::to_string(server_->port()) + "/";
  for (const char* scheme : {"https", "HTTPS", "Https"}) {
    asked.clear();
    EXPECT_EQ(send({.url = scheme + rest}).error().code, "tls_failed") << scheme << ": it was connected to";
    EXPECT_EQ(asked, std::vector<bool>{true}) << scheme;
  }
  for (const char* scheme : {"http", "HTTP"})
    EXPECT_EQ(send({.url = scheme + rest}).error().code, "target_refused") << scheme;
}

TEST_F(HttpClientTest, deadlines_hold) {
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(send({.url = url("/slow"), .timeout = 60ms}).error().kind, Fault::timed_out);
  EXPECT_EQ(send({.url = url("/slow"), .idle_timeout = 60ms}).error().kind, Fault::timed_out);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 5s);
}

TEST_F(HttpClientTest, many_at_once_share_few_connections) {
  const auto all = [](HttpClient& client, std::string to) -> async::Task<int> {
    async::TaskGroup group{co_await boost::asio::this_coro::executor, "requests"};
    int answered = 0;
    for (int i = 0; i < 200; ++i)
      group.spawn([](HttpClient& c, std::string u, int& count) -> async::Task<> {
        const auto response = co_await c.send({.url = std::move(u)});
        if (response && response->status == 200) ++count;
      }(client, to, answered));
    co_await group.join();
    co_return answered;
  };
  EXPECT_EQ(async::run_on(loop_.executor(), all(*client_, url("/echo"))), 200);
  EXPECT_LE(server_->stats().accepted, 16u);
}

TEST_F(HttpClientTest, cancelled_requests_leave_nothing_behind) {
  const auto round = [](HttpClient& client, std::string to) -> async::Task<> {
    async::TaskGroup group{co_await boost::asio::this_coro::executor, "requests"};
    for (int i = 0; i < 10; ++i)
      group.spawn([](HttpClient& c, std::string u) -> async::Task<> {
        static_cast<void>(co_await c.send({.url = std::move(u)}));
      }(client, to));
    async::SteadyTimer pause{co_await boost::asio::this_coro::executor, 10ms};
    co_await pause.async_wait(async::use_task);
    co_await group.stop();
  };
  async::run_on(loop_.executor(), round(*client_, url("/slow")));
  EXPECT_EQ(send({.url = url("/echo")})->status, 200);
  // The server's ends stay open: /slow never answers and never looks.
  const auto ours = [&] { return test::open_descriptors() - static_cast<int>(server_->stats().connections); };
  const int descriptors = ours();
  for (int i = 0; i < 10; ++i) async::run_on(loop_.executor(), round(*client_, url("/slow")));
  EXPECT_EQ(send({.url = url("/echo")})->status, 200);
  EXPECT_LE(ours(), descriptors + 1);
}

TEST_F(HttpClientTest, requests_are_bounded_in_number) {
  client_ = std::make_unique<HttpClient>(loop_.executor(), HttpClient::Options{.max_requests = 1});
  using namespace boost::asio::experimental::awaitable_operators;
  const auto both = async::run_on(
      loop_.executor(),
      [](HttpClient& client, std::string slow, std::string quick) -> async::Task<std::string> {
        auto outcome =
            co_await (client.send({.url = std::move(slow)}) || client.send({.url = std::move(quick)}));
        co_return std::get<1>(outcome).error().code;
      }(*client_, url("/slow"), url("/echo")));
  EXPECT_EQ(both, "client_busy");
}

}  // namespace
}  // namespace voxanne::net
