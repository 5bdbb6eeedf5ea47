#include "net/server.h"

#include "async/event.h"
#include "async/thread.h"
#include "net/shard.h"
#include "support/eventually.h"
#include "support/logged_lines.h"
#include "support/raw_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include <malloc.h>
#include <thread>

namespace voxanne::net {
namespace {
using test::eventually;
using test::RawClient;
using testing::AllOf;
using testing::Each;
using testing::HasSubstr;
using testing::SizeIs;
using namespace std::chrono_literals;

// A server on two shards. Routes: /echo answers the body, /shard the shard, /constant a shared
// body, /big 8 MiB, /throw fails, /wait answers when release() was called, /source ten bytes in pieces;
// /short and /long do not keep to ten.
class ServerTest : public testing::Test {
 protected:
  void TearDown() override {
    if (server_) server_->stop(0ms);
  }

  Server::Options options() {
    Server::Options o;
    o.max_body = 1000;
    o.max_body_for = [](Method, std::string_view path) { return path == "/upload" ? 3'000'000u : 1000u; };
    o.common_headers = "X-Common: yes\r\n";
    return o;
  }

  void start(Server::Options o) {
    server_ = std::make_unique<Server>(std::move(o), std::vector{one_.executor(), two_.executor()},
                                       [this](Request& request) { return handle(request); });
    server_->start().value();
  }

  async::Task<Response> handle(Request& request) {
    if (request.path == "/constant") co_return Response{.status = 200, .headers = {}, .body = constant_};
    if (request.path == "/shard") co_return Response::text(200, std::to_string(request.shard));
    if (request.path == "/big") co_return Response::text(200, std::string(8 << 20, 'b'));
    if (request.path == "/throw") throw std::runtime_error("defect");
    if (request.path == "/empty") co_return Response::empty();
    if (request.path == "/source") co_return pieces({"012", "3456", "789"});
    if (request.path == "/short") co_return pieces({"012", "345678"});
    if (request.path == "/long") co_return pieces({"0123456789abc"});
    if (request.path == "/deaf") {
      ++waiting_;
      co_await boost::asio::this_coro::reset_cancellation_state(boost::asio::disable_cancellation());
      async::SteadyTimer timer{co_await boost::asio::this_coro::executor};
      while (!released_) {
        timer.expires_after(2ms);
        co_await timer.async_wait(async::use_task);
      }
    }
    if (request.path == "/wait") {
      ++waiting_;
      async::SteadyTimer timer{co_await boost::asio::this_coro::executor};
      while (!released_) {
        timer.expires_after(2ms);
        co_await timer.async_wait(async::use_task);
      }
    }
    co_return Response::text(200, request.body.empty() ? request.target : request.body);
  }

  // Ten bytes are promised; an error follows the last piece.
  static Response pieces(std::vector<std::string> list) {
    auto left = std::make_shared<std::vector<std::string>>(list.rbegin(), list.rend());
    Source source{.length = 10, .next = [left]() -> async::Task<Result<std::string>> {
                    if (left->empty()) co_return internal("no_more", "there is no more");
                    auto piece = std::move(left->back());
                    left->pop_back();
                    co_return piece;
                  }};
    return {.status = 200, .headers = {}, .body = std::move(source)};
  }

  RawClient connect() { return RawClient{server_->port()}; }
  static std::string get(std::string_view path, std::string_view fields = "") {
    return "GET " + std::string{path} + " HTTP/1.1\r\nHost: localhost\r\n" + std::string{fields} + "\r\n";
  }

  // What a request is found by, and what its log lines have of it.
  static constexpr const char* ids =
      "X-Request-Id: r-1\r\ntraceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n";
  auto are_told(std::size_t lines) {
    return AllOf(SizeIs(lines), Each(AllOf(HasSubstr("requestId=r-1 "),
                                           HasSubstr("traceId=0af7651916cd43dd8448eb211c80319c "))));
  }

  test::LoggedLines logged_;
  Response::Shared constant_ = std::make_shared<const std::string>("constant");
  std::atomic<int> waiting_ = 0;
  std::atomic<bool> released_ = false;
  async::LoopThread one_{"one"}, two_{"two"};
  std::unique_ptr<Server> server_;
};

TEST_F(ServerTest, answers_in_order_over_one_connection) {
  start(options());
  auto client = connect();
  std::string all;
  for (int i = 0; i < 50; ++i) all += get("/n" + std::to_string(i));
  ASSERT_TRUE(client.send(all));
  for (int i = 0; i < 50; ++i) {
    const auto response = client.read_response();
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body, "/n" + std::to_string(i));
    EXPECT_EQ(response.headers.at("x-common"), "yes");
    EXPECT_TRUE(response.headers.contains("date"));
  }
  EXPECT_EQ(server_->stats().requests, 50u);
}

TEST_F(ServerTest, deals_connections_to_all_shards) {
  start(options());
  auto first = connect(), second = connect();
  first.send(get("/shard"));
  const auto one = first.read_response().body;
  second.send(get("/shard"));
  EXPECT_NE(one, second.read_response().body);
}

TEST_F(ServerTest, bodies_methods_and_head) {
  start(options());
  auto client = connect();
  client.send("PUT /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
  EXPECT_EQ(client.read_response().body, "abc");
  client.send("HEAD /constant HTTP/1.1\r\nHost: h\r\n\r\n");
  auto head = client.read_response(true);
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.headers["content-length"], "8");
  client.send(get("/constant"));
  EXPECT_EQ(client.read_response().body, "constant");
  client.send(get("/empty"));
  const auto empty = client.read_response();
  EXPECT_EQ(empty.status, 204);
  EXPECT_FALSE(empty.headers.contains("content-length"));
  client.send(get("/source"));
  EXPECT_EQ(client.read_response().body, "0123456789");
  client.send("HEAD /source HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(client.read_response(true).headers["content-length"], "10");
  client.send(get("/big"));
  EXPECT_EQ(client.read_response().body.size(), 8u << 20);
}

TEST_F(ServerTest, a_source_that_breaks_its_promise_breaks_the_connection) {
  start(options());
  for (const char* path : {"/short", "/long"}) {
    auto client = connect();
    client.send(get(path, ids));
    const auto all = client.read_to_end();
    EXPECT_NE(all.find("Content-Length: 10"), std::string::npos) << path;
    EXPECT_LT(all.size() - all.find("\r\n\r\n") - 4, 10u) << path;
  }
  EXPECT_THAT(logged_.of("http.source_failed"), are_told(2));
}

TEST_F(ServerTest, http_1_0_and_connection_close_end_after_the_answer) {
  start(options());
  auto old = connect();
  old.send("GET /x HTTP/1.0\r\n\r\n");
  EXPECT_NE(old.read_to_end().find("Connection: close"), std::string::npos);
  auto kept = connect();
  kept.send("GET /x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(kept.read_response().headers["connection"], "keep-alive");
  auto closing = connect();
  closing.send(get("/x", "Connection: close\r\n"));
  EXPECT_EQ(closing.read_response().status, 200);
  EXPECT_TRUE(closing.closed_by_peer());
}

TEST_F(ServerTest, an_exception_is_a_500_and_the_connection_lives) {
  start(options());
  auto client = connect();
  client.send(get("/throw", ids));
  const auto response = client.read_response();
  EXPECT_EQ(response.status, 500);
  EXPECT_EQ(response.body.find("defect"), std::string::npos);
  EXPECT_THAT(logged_.of("http.handler_failed"), are_told(1));
  client.send(get("/x"));
  EXPECT_EQ(client.read_response().status, 200);
}

TEST_F(ServerTest, too_large_a_body_is_413_even_while_it_is_being_sent) {
  start(options());
  auto announced = connect();
  announced.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5000000\r\n\r\n");
  announced.send(std::string(1 << 20, 'x'));  // more than any socket buffer holds unread
  EXPECT_EQ(announced.read_response().status, 413);
  EXPECT_TRUE(announced.closed_by_peer());

  auto expecting = connect();
  expecting.send("POST /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5000\r\n\r\n");
  EXPECT_EQ(expecting.read_response().status, 413);

  auto upload = connect();
  const std::string body(2'500'000, 'y');
  upload.send("POST /upload HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2500000\r\n\r\n");
  EXPECT_EQ(upload.read_response().status, 100);
  upload.send(body);
  EXPECT_EQ(upload.read_response().body.size(), body.size());
}

TEST_F(ServerTest, bodies_of_all_requests_together_are_bounded) {
  auto o = options();
  o.max_bodies = 2'200'000;
  start(std::move(o));
  auto client = connect();
  client.send("POST /upload HTTP/1.1\r\nHost: h\r\nContent-Length: 2900000\r\n\r\n" +
              std::string(2'900'000, 'x'));
  const auto response = client.read_response();
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(response.headers.at("retry-after"), "1");
  auto next = connect();  // what was held is given back
  next.send("POST /upload HTTP/1.1\r\nHost: h\r\nContent-Length: 1900000\r\n\r\n" +
            std::string(1'900'000, 'x'));
  EXPECT_EQ(next.read_response().status, 200);
}

// An upload to /upload from another address of this machine; more of it is sent as it is told.
class Upload {
 public:
  Upload(std::uint16_t port, const char* from, std::size_t length) {
    namespace ip = boost::asio::ip;
    socket_.open(ip::tcp::v4());
    socket_.bind({ip::make_address(from), 0});
    socket_.connect({ip::address_v4::loopback(), port});
    say("POST /upload HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(length) + "\r\n\r\n");
  }

  // The answer to one at once.
  static int of(std::uint16_t port, const char* from, std::size_t size) {
    Upload upload{port, from, size};
    upload.send(size);
    return upload.status();
  }

  bool send(std::size_t size) { return say(std::string(size, 'x')); }
  bool answered() { return socket_.available() > 0; }
  int status() {
    char answer[12] = {};  // "HTTP/1.1 200"
    boost::system::error_code failed;
    boost::asio::read(socket_, boost::asio::buffer(answer), failed);
    return failed ? 0 : std::stoi(std::string{answer + 9, 3});
  }

 private:
  // False when the server takes no more.
  bool say(std::string_view text) {
    boost::system::error_code failed;
    boost::asio::write(socket_, boost::asio::buffer(text), failed);
    return !failed;
  }

  boost::asio::io_context context_;
  boost::asio::ip::tcp::socket socket_{context_};
};

TEST_F(ServerTest, one_subscriber_has_a_share_of_the_room_for_bodies) {
  auto o = options();
  o.max_bodies = 16'000'000;  // an eighth of it is less than one body of /upload
  start(std::move(o));
  Upload slow{server_->port(), "127.0.0.2", 2'900'000};
  slow.send(2'800'000);
  ASSERT_TRUE(eventually([&] { return server_->stats().body_bytes == 2'800'000; }));
  EXPECT_EQ(Upload::of(server_->port(), "127.0.0.2", 1'000'000), 503);
  EXPECT_EQ(Upload::of(server_->port(), "127.0.0.2", 60'000), 200);
  EXPECT_EQ(Upload::of(server_->port(), "127.0.0.3", 2'900'000), 200);
  slow.send(100'000);
  EXPECT_EQ(slow.status(), 200);
  ASSERT_TRUE(eventually([&] { return server_->stats().body_bytes == 0; }));
  EXPECT_EQ(Upload::of(server_->port(), "127.0.0.2", 2'900'000), 200) << "what was held is given back";
}

TEST_F(ServerTest, a_proxys_clients_are_not_one_subscriber) {
  auto o = options();
  o.max_bodies = 16'000'000;
  o.shared_addresses = {Network::parse("127.0.0.2").value()};
  start(std::move(o));
  std::vector<std::unique_ptr<Upload>> slow;
  for (int i = 0; i < 4; ++i) {
    slow.push_back(std::make_unique<Upload>(server_->port(), "127.0.0.2", 2'900'000));
    slow.back()->send(2'800'000);
  }
  for (auto& upload : slow) {
    upload->send(100'000);
    EXPECT_EQ(upload->status(), 200);
  }
}

TEST_F(ServerTest, large_bodies_leave_room_for_small_ones) {
  auto o = options();
  o.max_bodies = 4'000'000;
  start(std::move(o));
  Upload slow{server_->port(), "127.0.0.2", 2'900'000};
  slow.send(2'800'000);
  ASSERT_TRUE(eventually([&] { return server_->stats().body_bytes == 2'800'000; }));
  EXPECT_EQ(Upload::of(server_->port(), "127.0.0.3", 1'000'000), 503) << "it would fit";
  EXPECT_EQ(Upload::of(server_->port(), "127.0.0.3", 60'000), 200);
}

TEST_F(ServerTest, a_body_that_only_drips_ends) {
  auto o = options();
  o.body_timeout = 400ms;
  start(std::move(o));
  Upload upload{server_->port(), "127.0.0.2", 2'900'000};
  // Progress enough for each body_timeout, but the whole would take 2.9 s.
  for (int i = 0; i < 29 && !upload.answered(); ++i) {
    upload.send(100'000);
    std::this_thread::sleep_for(100ms);
  }
  EXPECT_EQ(upload.status(), 408);
}

TEST(AdmissionTest, addresses_of_one_subscriber_count_together) {
  const auto admission = std::make_shared<Admission>(100, 2);
  const auto enter = [&](std::string_view address) {
    return admission->enter(IpAddress::parse(address).value().subscriber());
  };
  const auto first = enter("2001:db8:1:2::1");
  auto second = enter("2001:db8:1:2:ffff::1");
  EXPECT_TRUE(first && second);
  EXPECT_FALSE(enter("2001:db8:1:2::2"));
  EXPECT_TRUE(enter("2001:db8:1:3::1")) << "another network";
  second.reset();
  EXPECT_TRUE(enter("2001:db8:1:2::2"));
  EXPECT_EQ(admission->connections(), 1u);
}

TEST_F(ServerTest, malformed_requests_are_answered_and_the_connection_closed) {
  start(options());
  for (const char* text :
       {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET "
        "/smuggled "
        "HTTP/1.1\r\nHost: h\r\n\r\n",
        "\x16\x03\x01", "GET / HTTP/1.1\r\n\r\n", "GET /%zz HTTP/1.1\r\nHost: h\r\n\r\n"}) {
    auto client = connect();
    client.send(text);
    const auto response = client.read_response();
    EXPECT_EQ(response.status, 400) << text;
    EXPECT_EQ(response.headers.at("x-common"), "yes");
    EXPECT_NE(response.body.find("\"code\":"), std::string::npos);
    EXPECT_EQ(client.read_to_end(), "") << text;
  }
  auto trace = connect();
  trace.send("TRACE / HTTP/1.1\r\nHost: h\r\n\r\n");
  const auto response = trace.read_response();
  EXPECT_EQ(response.status, 405);
  EXPECT_TRUE(response.headers.contains("allow"));
}

TEST_F(ServerTest, slow_clients_are_bounded) {
  auto o = options();
  o.header_timeout = 200ms;
  o.body_timeout = 200ms;
  o.idle_timeout = 1s;
  o.write_timeout = 1s;
  start(std::move(o));

  auto header = connect();  // a byte now and then does not buy time
  std::atomic<bool> stop = false;
  std::thread drip{[&] {
    header.send("GET / HTTP/1.1\r\n");
    for (int i = 0; i < 100 && !stop && header.send("X: y\r\n"); ++i) std::this_thread::sleep_for(20ms);
  }};
  auto body = connect();
  body.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc");
  auto idle = connect();
  idle.send(get("/x"));
  EXPECT_EQ(idle.read_response().status, 200);
  auto silent = connect();
  auto unread = connect();
  unread.set_receive_buffer(4096);
  unread.send(get("/big"));

  EXPECT_EQ(header.read_response().status, 408);
  stop = true;
  drip.join();
  EXPECT_EQ(body.read_response().status, 408);
  EXPECT_TRUE(idle.closed_by_peer());
  EXPECT_TRUE(silent.closed_by_peer());
  header.reset();
  body.reset();
  EXPECT_TRUE(eventually([&] { return server_->stats().connections == 0; }));
}

TEST_F(ServerTest, connections_are_limited_in_total_and_by_address) {
  auto o = options();
  o.max_connections_per_address = 3;
  start(std::move(o));
  std::vector<RawClient> held;
  for (int i = 0; i < 3; ++i) {
    held.push_back(connect());
    held.back().send(get("/x"));
    EXPECT_EQ(held.back().read_response().status, 200);
  }
  auto refused = connect();
  const auto response = refused.read_response();
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(response.headers.at("retry-after"), "5");
  EXPECT_EQ(response.headers.at("x-common"), "yes");
  EXPECT_NE(response.body.find("too_many_connections"), std::string::npos);
  held.pop_back();
  EXPECT_TRUE(eventually([&] {
    auto again = connect();
    again.send(get("/x"));
    return again.read_response().status == 200;
  }));
  EXPECT_GE(server_->stats().refused, 1u);
}

TEST_F(ServerTest, a_port_in_use_is_named_with_the_remedy) {
  start(options());
  Server::Options o;
  o.port = server_->port();
  Server second{o, {one_.executor()}, [](Request&) -> async::Task<Response> { co_return Response::empty(); }};
  const auto started = second.start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, "port_in_use");
  EXPECT_NE(started.error().message.find(std::to_string(o.port)), std::string::npos);
  EXPECT_NE(started.error().message.find("PORT"), std::string::npos);

  o.host = "203.0.113.7";
  o.port = 0;
  Server elsewhere{o, {one_.executor()}, {}};
  EXPECT_EQ(elsewhere.start().error().code, "bad_listen_address");
  o.host = "not-an-address";
  Server nowhere{o, {one_.executor()}, {}};
  EXPECT_EQ(nowhere.start().error().code, "bad_listen_address");
}

TEST_F(ServerTest, stopping_finishes_what_is_in_flight_and_closes_what_is_idle) {
  start(options());
  auto busy = connect(), idle = connect(), late = connect();
  idle.send(get("/x"));
  EXPECT_EQ(idle.read_response().status, 200);
  busy.send(get("/wait"));
  ASSERT_TRUE(eventually([&] { return waiting_ == 1; }));
  const auto port = server_->port();
  std::thread stopper{[&] { server_->stop(5s); }};
  EXPECT_TRUE(idle.closed_by_peer());
  EXPECT_TRUE(eventually([&] { return !RawClient{port}.connected(); }));
  released_ = true;
  const auto response = busy.read_response();
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.headers.at("connection"), "close");
  busy.finish_sending();
  stopper.join();
  EXPECT_EQ(server_->stats().connections, 0u);
}

TEST_F(ServerTest, stopping_is_firm_after_its_grace) {
  start(options());
  auto busy = connect();
  busy.send(get("/wait"));
  ASSERT_TRUE(eventually([&] { return waiting_ == 1; }));
  server_->stop(30ms);
  EXPECT_TRUE(busy.closed_by_peer());
  EXPECT_EQ(server_->stats().connections, 0u);
}

TEST_F(ServerTest, two_thousand_connections_of_every_kind_leave_nothing_behind) {
  // Else glibc raises its threshold to the 8 MiB of an answer and keeps one per thread.
  mallopt(M_MMAP_THRESHOLD, 128 << 10);
  auto o = options();
  o.header_timeout = 1s;
  start(std::move(o));
  const auto rounds = [&](int count) {
    for (int i = 0; i < count; ++i) {
      auto client = connect();
      switch (i % 8) {
        case 0:
          break;  // says nothing
        case 1:
          client.send(get("/x"));
          break;  // leaves without reading
        case 2:
          client.send(get("/x"));
          client.read_response();
          break;
        case 3:
          client.send("GET / HT");
          break;  // half a header
        case 4:
          client.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 500\r\n\r\nabc");
          break;
        case 5:
          client.send(get("/big"));
          client.reset();
          break;
        case 6:
          client.send("\x01garbage");
          client.read_response();
          break;
        case 7:
          client.send(get("/constant"));
          client.finish_sending();
          client.read_to_end();
          break;
      }
    }
    EXPECT_TRUE(eventually([&] { return server_->stats().connections == 0; }));
  };
  rounds(400);  // warm: allocators, thread caches
  const int descriptors = test::open_descriptors();
  const auto memory = test::resident_bytes();
  rounds(2000);
  EXPECT_EQ(test::open_descriptors(), descriptors);
  if (test::memory_is_measurable) {
    EXPECT_LT(test::resident_bytes(), memory + (4 << 20));
  }
}

TEST_F(ServerTest, a_handler_that_ignores_cancellation_does_not_hold_up_the_stop) {
  start(options());
  auto client = connect();
  client.send(get("/deaf"));
  ASSERT_TRUE(eventually([&] { return waiting_ == 1; }));
  const auto begun = std::chrono::steady_clock::now();
  server_->stop(100ms);
  const auto took = std::chrono::steady_clock::now() - begun;
  EXPECT_GE(took, 2s) << "it has time to clean up";
  EXPECT_LT(took, 6s);
  server_.reset();  // what the handler still uses stays
  released_ = true;
  EXPECT_TRUE(client.closed_by_peer()) << "it ends in its own time";
}

}  // namespace
}  // namespace voxanne::net
