#include "net/websocket.h"

#include "async/deadline.h"
#include "async/thread.h"
#include "net/server.h"
#include "net/websocket_client.h"
#include "support/eventually.h"
#include "support/logged_lines.h"
#include "support/raw_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace voxanne::net {
namespace {
using test::eventually;
using test::raw_frame;
using test::RawClient;
using namespace std::chrono_literals;

// Sessions by path: /echo; /flood sends until it may not; /mute reads nothing; /deadline waits 500 ms
// for a message and closes 1008; /throw fails; /bye closes 4000; /refuse answers 403.
class WebSocketTest : public testing::Test {
 protected:
  void TearDown() override { server_->stop(0ms); }

  void start(std::function<void(Server::Options&)> change = {}) {
    Server::Options o;
    o.common_headers = "X-Common: yes\r\n";
    if (change) change(o);
    server_ = std::make_unique<Server>(std::move(o), std::vector{one_.executor()},
                                       [this](Request& request) { return handle(request); });
    server_->start().value();
  }

  async::Task<Response> handle(Request& request) {
    if (request.path == "/refuse" || request.headers.get("Origin") == "http://evil.example")
      co_return Response::text(403, "no");
    const auto path = request.path;
    if (path == "/attached")
      co_return Response::upgrade(
          {.attach = [this](WebSocket& socket,
                            async::TaskGroup&) { return std::make_shared<Echo>(socket, ended_); },
           .limits = limits_});
    if (path == "/unattached")
      co_return Response::upgrade(
          {.attach = [](WebSocket&, async::TaskGroup&) -> std::shared_ptr<WebSocketSession> {
            throw std::runtime_error("defect");
          }});
    auto response = Response::upgrade(
        {.serve = [this, path](WebSocket& socket) { return session(socket, path); }, .limits = limits_});
    response.headers.add("X-Request-Id", "r1");
    co_return response;
  }

  // Echoes without a task; "defect" is one.
  struct Echo final : WebSocketSession {
    Echo(WebSocket& s, std::atomic<int>& e) : socket(s), ended(e) {}
    ~Echo() override { ++ended; }
    void on_news() override {
      while (auto message = socket.try_read()) {
        if (!*message) return;
        if ((*message)->data == "defect") throw std::runtime_error("defect");
        if ((*message)->data == "bye") return socket.close(4000, "enough");
        socket.send(std::move((*message)->data), (*message)->kind);
      }
    }
    WebSocket& socket;
    std::atomic<int>& ended;
  };

  async::Task<> session(WebSocket& socket, std::string path) {
    if (path == "/throw") throw std::runtime_error("defect");
    if (path == "/bye") {
      socket.send("last words");
      socket.close(4000, "enough");
    }
    if (path == "/flood") co_await flood(socket);
    if (path == "/portions") co_await portions(socket);
    if (path == "/mute") co_await socket.ended();
    if (path == "/deadline") {
      async::SystemClock clock;
      auto first = co_await async::with_deadline(clock, async::Deadline::after(clock, 500ms), socket.read());
      if (!first)
        socket.close(close_code::policy, "subscribe first");
      else
        socket.send("in time");
    }
    for (;;) {
      auto message = co_await socket.read();
      if (!message) {
        last_error_ = message.error().code;
        break;
      }
      socket.send(std::move(message->data), message->kind);
    }
    co_await socket.ended();
    closed_with_ = socket.closed_with();
    ++ended_;
  }

  async::Task<> flood(WebSocket& socket) {
    const auto frame = std::make_shared<const std::string>(50'000, 'f');
    int sent = 0;
    while (socket.send(frame)) ++sent;
    flooded_ = sent;
    EXPECT_LE(socket.queued_bytes(), 50'000u) << "only the frame being written is still held";
    EXPECT_LE(frame.use_count(), 2);
    co_return;
  }

  async::Task<> portions(WebSocket& socket) {
    const auto frame = std::make_shared<const std::string>(200'000, 'p');
    for (int i = 0; i < 100 && socket.send(frame); ++i) co_await socket.drained();
    socket.close();
  }

  RawClient open(std::string_view path = "/echo", std::string_view extra = {}) {
    RawClient client{server_->port()};
    EXPECT_EQ(client.open_websocket(path, extra).status, 101);
    return client;
  }

  std::string url(std::string_view path) {
    return "ws://127.0.0.1:" + std::to_string(server_->port()) + std::string{path};
  }

  test::LoggedLines logged_;
  WebSocketLimits limits_{.max_message = 10'000, .close_timeout = 1s};
  async::LoopThread one_{"one"};
  std::unique_ptr<Server> server_;
  std::atomic<int> ended_ = 0, flooded_ = -1, closed_with_ = 0;
  std::string last_error_;  // read after ended_ changed
};

TEST_F(WebSocketTest, opens_echoes_and_closes) {
  start();
  RawClient client{server_->port()};
  const auto opened = client.open_websocket("/echo", "Origin: http://localhost:3001\r\n");
  ASSERT_EQ(opened.status, 101);
  EXPECT_EQ(opened.headers.at("sec-websocket-accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  EXPECT_EQ(opened.headers.at("x-common"), "yes");
  EXPECT_EQ(opened.headers.at("server"), "voxanne");
  EXPECT_EQ(opened.headers.at("x-request-id"), "r1");
  client.send_frame(1, "höllo");
  EXPECT_EQ(client.read_frame().payload, "höllo");
  client.send_frame(2, std::string(9'000, '\xff'));
  const auto binary = client.read_frame();
  EXPECT_EQ(binary.opcode, 2);
  EXPECT_EQ(binary.payload.size(), 9'000u);
  client.send_frame(1, "in ", false);
  client.send_frame(9, "ping between fragments");
  client.send_frame(0, "pieces");
  EXPECT_EQ(client.read_frame(true).payload, "ping between fragments");
  EXPECT_EQ(client.read_frame().payload, "in pieces");
  client.send_frame(8, std::string("\x0f\xa0", 2) + "bye");
  EXPECT_EQ(client.read_frame().close_code(), 4000);
  EXPECT_TRUE(client.closed_by_peer());  // though this client never closes its own side
  EXPECT_TRUE(eventually([&] { return ended_ == 1; }));
  EXPECT_EQ(closed_with_, 4000);
  EXPECT_EQ(last_error_, "websocket_closed");
}

TEST_F(WebSocketTest, refusal_is_an_http_answer) {
  start();
  RawClient refused{server_->port()};
  EXPECT_EQ(refused.open_websocket("/refuse").status, 403);
  RawClient origin{server_->port()};
  EXPECT_EQ(origin.open_websocket("/echo", "Origin: http://evil.example\r\n").status, 403);
  RawClient plain{server_->port()};
  plain.send("GET /echo HTTP/1.1\r\nHost: h\r\n\r\n");
  const auto response = plain.read_response();
  EXPECT_EQ(response.status, 426);
  EXPECT_EQ(response.headers.at("sec-websocket-version"), "13");
  RawClient old{server_->port()};
  old.send(
      "GET /echo HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: "
      "8\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
  EXPECT_EQ(old.read_response().status, 426);
}

TEST_F(WebSocketTest, bad_frames_get_their_close_code) {
  start();
  const struct {
    const char* name;
    std::string bytes;
    int code;
  } rows[] = {
      {"unmasked", raw_frame(0x81, "x", false), 1002},
      {"reserved bit", raw_frame(0xC1, "x"), 1002},
      {"reserved opcode", raw_frame(0x83, "x"), 1002},
      {"reserved control opcode", raw_frame(0x8B, "x"), 1002},
      {"fragmented ping", raw_frame(0x09, "x"), 1002},
      {"long ping", raw_frame(0x89, std::string(126, 'x')), 1002},
      {"continuation of nothing", raw_frame(0x80, "x"), 1002},
      {"new message inside another", raw_frame(0x01, "x") + raw_frame(0x81, "y"), 1002},
      {"close of one byte", raw_frame(0x88, "x"), 1002},
      {"close code 999", raw_frame(0x88, "\x03\xe7"), 1002},
      {"close code 1005", raw_frame(0x88, "\x03\xed"), 1002},
      {"text that is no UTF-8", raw_frame(0x81, "\xff\xfe"), 1007},
      {"truncated UTF-8", raw_frame(0x81, "\xe2\x82"), 1007},
      {"surrogate in UTF-8", raw_frame(0x81, "\xed\xa0\x80"), 1007},
      {"too large at once", raw_frame(0x82, std::string(10'001, 'x')), 1009},
      {"too large in pieces",
       raw_frame(0x02, std::string(6'000, 'x')) + raw_frame(0x80, std::string(6'000, 'x')), 1009},
      {"absurd length", std::string("\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\x01\x02\x03\x04", 14), 1009},
  };
  int sessions = 0;
  for (const auto& row : rows) {
    auto client = open();
    client.send(row.bytes);
    EXPECT_EQ(client.read_frame().close_code(), row.code) << row.name;
    client.finish_sending();
    EXPECT_TRUE(client.closed_by_peer()) << row.name;
    ++sessions;
    EXPECT_TRUE(eventually([&] { return ended_ == sessions; })) << row.name;
    EXPECT_EQ(closed_with_, row.code) << row.name;
  }
}

TEST_F(WebSocketTest, a_peer_that_vanishes_ends_the_session) {
  start();
  auto reset = open(), fin = open(), truncated = open();
  truncated.send(raw_frame(0x82, "whole").substr(0, 5));
  truncated.finish_sending();
  fin.finish_sending();
  reset.reset();
  EXPECT_TRUE(eventually([&] { return ended_ == 3; }));
  EXPECT_EQ(last_error_, "websocket_lost");
  EXPECT_EQ(closed_with_, 1006);
}

TEST_F(WebSocketTest, pings_go_out_and_silence_is_reaped_after_two) {
  limits_.ping_interval = 40ms;
  start();
  auto silent = open();
  int pings = 0;
  while (silent.read_frame(true).opcode == 9) ++pings;
  EXPECT_EQ(pings, 2);
  EXPECT_TRUE(eventually([&] { return ended_ == 1; }));
  EXPECT_EQ(last_error_, "websocket_lost");

  limits_.ping_interval = 400ms;
  auto living = open();
  for (int i = 0; i < 4; ++i) {
    ASSERT_EQ(living.read_frame(true).opcode, 9) << i;
    living.send_frame(10, "");
  }
  EXPECT_EQ(ended_, 1);
}

TEST_F(WebSocketTest, a_slow_reader_is_bounded_and_dropped) {
  start();
  RawClient client{server_->port()};
  client.set_receive_buffer(4096);
  ASSERT_EQ(client.open_websocket("/flood").status, 101);
  EXPECT_TRUE(eventually([&] { return ended_ == 1; }));
  EXPECT_EQ(flooded_, 20) << "1 MiB of 50,000-byte frames";
  EXPECT_EQ(closed_with_, 1013);
  EXPECT_TRUE(eventually([&] { return server_->stats().websocket_bytes_queued == 0; }));

  ended_ = 0;
  auto reading = open("/flood");  // is told why
  test::RawFrame frame;
  while ((frame = reading.read_frame()).opcode == 1) {
  }
  EXPECT_EQ(frame.close_code(), 1013);
}

TEST_F(WebSocketTest, all_queues_together_are_bounded) {
  start([](Server::Options& o) { o.max_websocket_queues = 400'000; });
  auto client = open("/flood");
  EXPECT_TRUE(eventually([&] { return flooded_ >= 0; }));
  EXPECT_EQ(flooded_, 8);
}

TEST_F(WebSocketTest, a_long_replay_waits_for_its_reader) {
  start();
  auto client = open("/portions");
  int frames = 0;
  test::RawFrame frame;
  while ((frame = client.read_frame()).opcode == 1) ++frames;
  EXPECT_EQ(frames, 100);
  EXPECT_EQ(frame.close_code(), 1000);
}

TEST_F(WebSocketTest, a_session_that_does_not_read_makes_its_peer_wait) {
  limits_.max_message = 1'000;
  start();
  auto client = open("/mute");
  bool taken = true;
  RawClient quick{server_->port(), 200ms};
  ASSERT_EQ(quick.open_websocket("/mute").status, 101);
  std::size_t bytes = 0;
  for (; taken && bytes < (64u << 20); bytes += 1000) taken = quick.send_frame(2, std::string(1000, 'x'));
  EXPECT_FALSE(taken) << "kernel buffers fill, ours do not";
}

TEST_F(WebSocketTest, reading_may_be_bounded_without_harm) {
  start();
  auto late = open("/deadline");
  const auto frame = late.read_frame();
  EXPECT_EQ(frame.close_code(), 1008);
  EXPECT_EQ(frame.payload.substr(2), "subscribe first");
  auto quick = open("/deadline");
  quick.send_frame(1, "x");
  EXPECT_EQ(quick.read_frame().payload, "in time");
}

TEST_F(WebSocketTest, queued_words_go_out_before_the_close) {
  start();
  auto client = open("/bye");
  EXPECT_EQ(client.read_frame().payload, "last words");
  const auto frame = client.read_frame();
  EXPECT_EQ(frame.close_code(), 4000);
  client.send_frame(8, frame.payload);
  EXPECT_TRUE(client.closed_by_peer());
}

TEST_F(WebSocketTest, a_peer_that_does_not_confirm_the_close_is_dropped) {
  start();
  auto client = open("/bye");
  EXPECT_TRUE(eventually([&] { return ended_ == 1; }));
  EXPECT_EQ(closed_with_, 4000);
}

TEST_F(WebSocketTest, a_failing_session_closes_1011) {
  start();
  for (const auto* path : {"/throw", "/unattached"}) {
    auto client = open(path,
                       "X-Request-Id: r-1\r\n"
                       "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n");
    EXPECT_EQ(client.read_frame().close_code(), 1011);
  }
  EXPECT_THAT(
      logged_.of("websocket.session_failed"),
      testing::AllOf(testing::SizeIs(2), testing::Each(testing::HasSubstr(
                                             "requestId=r-1 traceId=0af7651916cd43dd8448eb211c80319c "))));
}

TEST_F(WebSocketTest, a_session_without_a_task_lives_as_long_as_its_connection) {
  start();
  auto client = open("/attached");
  for (int i = 0; i < 100; ++i) client.send_frame(1, std::to_string(i));
  for (int i = 0; i < 100; ++i) EXPECT_EQ(client.read_frame().payload, std::to_string(i));
  EXPECT_EQ(server_->stats().websockets, 1u);
  client.send_frame(1, "bye");
  EXPECT_EQ(client.read_frame().close_code(), 4000);
  EXPECT_TRUE(eventually([&] { return ended_ == 1; }));

  auto vanishing = open("/attached");
  vanishing.reset();
  EXPECT_TRUE(eventually([&] { return ended_ == 2; }));
  auto failing = open("/attached");
  failing.send_frame(1, "defect");
  EXPECT_EQ(failing.read_frame().close_code(), 1011);
  EXPECT_TRUE(eventually([&] { return ended_ == 3; }));
  EXPECT_EQ(open("/unattached").read_frame().close_code(), 1011);
  EXPECT_TRUE(eventually([&] { return server_->stats().websockets == 0; }));

  auto staying = open("/attached");
  EXPECT_TRUE(eventually([&] { return server_->stats().websockets == 1; }));
  server_->stop(50ms);
  EXPECT_EQ(staying.read_frame().close_code(), 1001);
  EXPECT_EQ(ended_, 4);
}

TEST_F(WebSocketTest, stopping_the_server_says_going_away) {
  start();
  auto client = open();
  std::thread stopper{[&] { server_->stop(5s); }};
  const auto frame = client.read_frame();
  EXPECT_EQ(frame.close_code(), 1001);
  client.send_frame(8, frame.payload);
  EXPECT_TRUE(client.closed_by_peer());
  client.reset();
  stopper.join();
  EXPECT_EQ(server_->stats().websockets, 0u);
}

TEST_F(WebSocketTest, the_client_talks_to_the_server) {
  start();
  async::LoopThread loop{"client"};
  async::TaskGroup tasks{loop.executor(), "client"};
  async::run_on(loop.executor(), [](std::string base, async::TaskGroup& group) -> async::Task<> {
    {
      auto socket = co_await connect_websocket(group, base + "/echo", {});
      EXPECT_TRUE(socket);
      if (!socket) co_return;
      for (int i = 0; i < 100; ++i) (*socket)->send("message " + std::to_string(i));
      for (int i = 0; i < 100; ++i)
        EXPECT_EQ((co_await (*socket)->read()).value().data, "message " + std::to_string(i));
      (*socket)->close(4001, "done");
      co_await (*socket)->ended();
      EXPECT_EQ((*socket)->closed_with(), 4001);
      EXPECT_FALSE((*socket)->send("too late"));
    }
    auto refused = co_await connect_websocket(group, base + "/refuse", {});
    EXPECT_EQ(refused.error().code, "websocket_refused");
    EXPECT_NE(refused.error().message.find("403"), std::string::npos);
    auto origin =
        co_await connect_websocket(group, base + "/echo", {.headers = {{"Origin", "http://evil.example"}}});
    EXPECT_EQ(origin.error().code, "websocket_refused");
    auto nobody = co_await connect_websocket(group, "ws://127.0.0.1:1/", {});
    EXPECT_EQ(nobody.error().code, "connect_failed");
    auto bad = co_await connect_websocket(group, "http://127.0.0.1/", {});
    EXPECT_EQ(bad.error().code, "bad_url");
    auto dropped = co_await connect_websocket(group, base + "/echo", {});
    EXPECT_TRUE(dropped);
  }(url(""), tasks));
  EXPECT_TRUE(eventually([&] { return server_->stats().websockets == 0; }));
  async::run_on(loop.executor(), tasks.stop());
}

TEST_F(WebSocketTest, two_thousand_of_every_kind_leave_nothing_behind) {
  limits_.ping_interval = 200ms;
  start();
  const auto rounds = [&](int count) {
    for (int i = 0; i < count; ++i) {
      auto client = open(i % 8 == 6 ? "/flood" : i % 8 == 7 ? "/bye" : "/echo");
      switch (i % 8) {
        case 0:
          break;  // abrupt
        case 1:
          client.reset();
          break;
        case 2:
          client.send_frame(8, "\x03\xe8");  // clean
          client.read_frame();
          break;
        case 3:
          client.send(raw_frame(0xC1, "x"));
          break;  // bad frame
        case 4:
          client.send("\x82\x85");
          break;  // half a header
        case 5:
          client.send_frame(1, "x");
          client.read_frame();
          break;
        default:
          break;  // a flood not read, a close not confirmed
      }
    }
    EXPECT_TRUE(eventually([&] { return server_->stats().connections == 0; }));
  };
  rounds(400);
  const int descriptors = test::open_descriptors();
  const auto memory = test::resident_bytes();
  rounds(2000);
  EXPECT_EQ(test::open_descriptors(), descriptors);
  EXPECT_EQ(server_->stats().websocket_bytes_queued, 0u);
  if (test::memory_is_measurable) {
    EXPECT_LT(test::resident_bytes(), memory + (4 << 20));
  }
}

}  // namespace
}  // namespace voxanne::net
