#include "events/live_hub.h"

#include "async/thread.h"
#include "net/server.h"
#include "support/eventually.h"
#include "support/logged_lines.h"
#include "support/patience.h"
#include "support/raw_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <boost/json.hpp>

#include <atomic>
#include <future>
#include <random>
#include <thread>

namespace voxanne::events {
namespace {

using test::RawClient;
using testing::HasSubstr;
namespace json = boost::json;

// Time that runs at a pace of its own: fifty times as fast, and the hub's five seconds are a tenth of one.
class FastClock final : public async::Clock {
 public:
  explicit FastClock(int pace) : pace_(pace) {}
  SteadyTime now() const override { return start_ + leapt_.load() + pace_ * (real_.now() - start_); }
  UtcTime utc() const override { return utc_start_ + std::chrono::floor<milliseconds>(now() - start_); }
  async::Task<> sleep_until(SteadyTime time) override {
    return real_.sleep_until(time == SteadyTime::max() ? time
                                                       : start_ + (time - start_ - leapt_.load()) / pace_);
  }
  // Who sleeps already wakes no sooner for it.
  void leap(SteadyTime::duration by) { leapt_ = leapt_.load() + by; }

 private:
  mutable async::SystemClock real_;
  const int pace_;
  const SteadyTime start_ = real_.now();
  const UtcTime utc_start_ = real_.utc();
  std::atomic<SteadyTime::duration> leapt_{SteadyTime::duration::zero()};
};

class LiveHubTest : public testing::Test {
 protected:
  explicit LiveHubTest(int pace = 50)
      : clock_(pace), server_({}, {web0_.executor(), web1_.executor()}, [this](net::Request& request) {
          return upgrade(request);
        }) {
    server_.start().value();
  }
  ~LiveHubTest() override { server_.stop(0ms); }

  async::Task<net::Response> upgrade(net::Request& request) {
    std::optional<Listener> listener;
    if (request.headers.get("Authorization") == "Bearer a") listener = Listener{OrgId{"a"}};
    net::Upgrade upgrade;
    upgrade.attach = [this, listener](net::WebSocket& socket, async::TaskGroup& tasks) {
      return hub_.attach(
          socket, tasks, [this](std::string token) { return check(std::move(token)); }, listener);
    };
    upgrade.limits.close_timeout = 200ms;
    co_return net::Response::upgrade(std::move(upgrade));
  }

  async::Task<Result<Listener>> check(std::string token) {
    if (token == "a" || token == "b") co_return Listener{OrgId{token}};
    if (token == "short")
      co_return Listener{OrgId{"a"},
                         [this, ends = clock_.now() + 10s]() -> async::Task<Result<milliseconds>> {
                           if (clock_.now() < ends)
                             co_return std::chrono::ceil<milliseconds>(ends - clock_.now());
                           co_return Error{Fault::unauthenticated, "token_expired", "the token has expired"};
                         }};
    if (token == "unsure")  // who checks tokens is away, and does not even say so
      co_return Listener{OrgId{"a"}, [this]() -> async::Task<Result<milliseconds>> {
                           co_await clock_.sleep_for(1h);
                           co_return unavailable("database_unavailable", "try again");
                         }};
    if (token == "stuck")  // the first question is never answered
      co_return Listener{OrgId{"a"},
                         [this, asked = std::make_shared<int>(0)]() -> async::Task<Result<milliseconds>> {
                           if ((*asked)++ == 0) co_await clock_.sleep_for(1h);
                           co_return Error{Fault::unauthenticated, "token_expired", "the token has expired"};
                         }};
    if (token == "failing")  // the first question comes to nothing
      co_return Listener{OrgId{"a"},
                         [asked = std::make_shared<int>(0)]() -> async::Task<Result<milliseconds>> {
                           if ((*asked)++ == 0) throw std::runtime_error("defect");
                           co_return Error{Fault::unauthenticated, "token_expired", "the token has expired"};
                         }};
    if (token == "down") co_return unavailable("database_unavailable", "try again");
    co_return Error{Fault::unauthenticated, "invalid_token", "the token is not valid"};
  }

  RawClient open(std::string_view extra = {}) {
    RawClient client{server_.port()};
    EXPECT_EQ(client.open_websocket("/ws/live-calls", extra).status, 101);
    return client;
  }
  // Opens, subscribes and reads the `subscribed` answer.
  RawClient subscribe(const std::string& message, json::object* answer = nullptr) {
    auto client = open();
    client.send_frame(1, message);
    const auto subscribed = read(client);
    EXPECT_EQ(subscribed.at("type"), "subscribed");
    if (answer) *answer = subscribed;
    return client;
  }
  static json::object read(RawClient& client) {
    const auto frame = client.read_frame();
    return frame.opcode == 1 ? json::parse(frame.payload).as_object()
                             : json::object{{"type", "none"}, {"opcode", frame.opcode}};
  }
  void publish(const std::string& org, std::string data = "{}") {
    bus_.publish({EventType::call_updated, OrgId{org}, CallId{"call_1"}, std::move(data), clock_.utc()});
  }
  bool nobody_listens() {
    return test::eventually([&] { return hub_.listeners() == 0; });
  }

  test::LoggedLines logged_;
  FastClock clock_;
  Bus bus_{clock_};
  LiveHub hub_{bus_, clock_};
  async::LoopThread web0_{"web0"}, web1_{"web1"};
  net::Server server_;
};

TEST_F(LiveHubTest, a_listener_hears_its_own_organization_in_order) {
  publish("a");
  json::object subscribed;
  auto a = subscribe(R"({"type":"subscribe","token":"a"})", &subscribed);
  auto b = subscribe(R"({"type":"subscribe","token":"b"})");
  EXPECT_EQ(subscribed.at("orgId"), "a");
  EXPECT_EQ(subscribed.at("epoch"), json::string{bus_.epoch()});
  EXPECT_EQ(subscribed.at("seq"), 1);
  for (int i = 0; i < 10; ++i) {
    publish("a", std::to_string(i));
    publish("b", R"("for b")");
  }
  for (int i = 0; i < 10; ++i) {
    const auto event = read(a);
    EXPECT_EQ(event.at("type"), "call.updated");
    EXPECT_EQ(event.at("seq"), i + 2);
    EXPECT_EQ(event.at("data"), i);
    EXPECT_EQ(read(b).at("data"), "for b");
  }
  EXPECT_EQ(hub_.listeners(), 2u);
}

TEST_F(LiveHubTest, ping_is_answered_before_and_after_subscribing) {
  auto client = open();
  client.send_frame(1, R"({"type":"ping"})");
  EXPECT_EQ(client.read_frame().payload, R"({"type":"pong"})");
  client.send_frame(1, R"({"type":"subscribe","token":"a"})");
  EXPECT_EQ(read(client).at("type"), "subscribed");
  client.send_frame(1, R"({"type":"ping"})");
  EXPECT_EQ(client.read_frame().payload, R"({"type":"pong"})");
}

TEST_F(LiveHubTest, who_is_authorized_on_the_upgrade_is_subscribed_at_once) {
  auto client = open("Authorization: Bearer a\r\n");
  EXPECT_EQ(read(client).at("orgId"), "a");
  publish("a");
  EXPECT_EQ(read(client).at("seq"), 1);
  // It may still ask for what it missed.
  client.send_frame(1, R"({"type":"subscribe","since":0,"epoch":")" + bus_.epoch() + "\"}");
  EXPECT_EQ(read(client).at("type"), "subscribed");
  EXPECT_EQ(read(client).at("seq"), 1);
}

TEST_F(LiveHubTest, whoever_may_not_listen_is_closed_with_a_reason) {
  struct Case {
    std::string message;
    int code;
    std::string reason;
  };
  for (const auto& [message, code, reason] : {
           Case{R"({"type":"subscribe","token":"wrong"})", 1008, "token is not valid"},
           Case{R"({"type":"subscribe"})", 1008, "token is not valid"},
           Case{R"({"type":"subscribe","token":7})", 1008, "token is not valid"},
           Case{R"({"type":"subscribe","token":"down"})", 1013, "try again"},
           Case{R"({"type":"subscribe","token":"a","since":"x"})", 1008, "since must be a whole number"},
           Case{R"({"type":"subscribe","token":"a","since":-1})", 1008, "since must be a whole number"},
           Case{R"({"type":"shout"})", 1008, "type must be"},
           Case{"nonsense", 1008, "JSON objects"},
           Case{"[1]", 1008, "JSON objects"},
           Case{std::string(100, '['), 1008, "JSON objects"},
       }) {
    auto client = open();
    client.send_frame(1, message);
    const auto frame = client.read_frame();
    EXPECT_EQ(frame.opcode, 8) << message;
    EXPECT_EQ(frame.close_code(), code) << message;
    EXPECT_THAT(frame.payload, HasSubstr(reason)) << message;
  }
  auto binary = subscribe(R"({"type":"subscribe","token":"a"})");
  binary.send_frame(2, "x");
  EXPECT_EQ(binary.read_frame().close_code(), 1003);
  EXPECT_TRUE(nobody_listens());
}

TEST_F(LiveHubTest, who_says_nothing_for_five_seconds_is_closed) {
  auto client = open();
  const auto frame = client.read_frame();
  EXPECT_EQ(frame.close_code(), 1008);
  EXPECT_THAT(frame.payload, HasSubstr("within 5 seconds"));
}

TEST_F(LiveHubTest, a_token_s_expiry_ends_the_connection_unless_it_is_renewed) {
  auto ends = subscribe(R"({"type":"subscribe","token":"short"})");
  auto renewed = subscribe(R"({"type":"subscribe","token":"short"})");
  publish("a", "1");
  renewed.send_frame(1, R"({"type":"subscribe","token":"a"})");
  publish("a", "2");
  EXPECT_EQ(read(ends).at("data"), 1);
  EXPECT_EQ(read(ends).at("data"), 2);
  const auto frame = ends.read_frame();
  EXPECT_EQ(frame.close_code(), 1008);
  EXPECT_THAT(frame.payload, HasSubstr("expired"));
  publish("a", "3");
  // Nothing was missed or repeated by the renewal.
  std::vector<std::int64_t> seen;
  while (seen.size() < 3)
    if (const auto event = read(renewed); event.at("type") == "call.updated")
      seen.push_back(event.at("seq").as_int64());
  EXPECT_THAT(seen, testing::ElementsAre(1, 2, 3));
}

TEST_F(LiveHubTest, a_check_that_hangs_ends_nothing_and_events_go_on) {
  auto client = subscribe(R"({"type":"subscribe","token":"unsure"})");
  for (int i = 0; i < 5; ++i) {
    publish("a", std::to_string(i));
    EXPECT_EQ(read(client).at("data"), i);
    std::this_thread::sleep_for(50ms);  // 2.5 s of the hub's
  }
}

TEST_F(LiveHubTest, a_check_that_hangs_is_given_up_and_asked_again) {
  const auto begun = clock_.now();
  auto client = subscribe(R"({"type":"subscribe","token":"stuck"})");
  EXPECT_EQ(client.read_frame().close_code(), 1008);
  EXPECT_GE(clock_.now() - begun, 10s) << "not before it is asked again";
  // One question after the other, and none is left to be waited for at the end.
  auto gone = subscribe(R"({"type":"subscribe","token":"unsure"})");
  for (int i = 0; i < 3; ++i) gone.send_frame(1, R"({"type":"subscribe","since":0})");
  gone.send_frame(1, R"({"type":"ping"})");
  while (read(gone).at("type") != "pong") continue;
  gone.reset();
  EXPECT_TRUE(nobody_listens());
  const auto stopping = std::chrono::steady_clock::now();
  server_.stop(5s);
  EXPECT_LT(std::chrono::steady_clock::now() - stopping, test::patient(1s));
}

TEST_F(LiveHubTest, a_check_that_fails_is_asked_again) {
  const auto begun = clock_.now();
  auto client = open("X-Request-Id: r-1\r\n");
  client.send_frame(1, R"({"type":"subscribe","token":"failing"})");
  EXPECT_EQ(read(client).at("type"), "subscribed");
  EXPECT_EQ(client.read_frame().close_code(), 1008);
  EXPECT_GE(clock_.now() - begun, 10s) << "not before it is asked again";
  EXPECT_THAT(logged_.of("websocket.check_failed"),
              testing::ElementsAre(testing::AllOf(HasSubstr("requestId=r-1 "), HasSubstr("traceId="))));
}

TEST_F(LiveHubTest, a_fresh_token_that_nobody_can_check_now_ends_nothing) {
  auto client = subscribe(R"({"type":"subscribe","token":"short"})");
  client.send_frame(1, R"({"type":"subscribe","token":"down"})");
  publish("a", "1");
  EXPECT_EQ(read(client).at("data"), 1);
  const auto frame = client.read_frame();
  EXPECT_EQ(frame.close_code(), 1008);
  EXPECT_THAT(frame.payload, HasSubstr("expired")) << "the one before holds as long as it would have";
}

TEST_F(LiveHubTest, a_renewal_with_another_organization_s_token_is_refused) {
  auto client = subscribe(R"({"type":"subscribe","token":"a"})");
  client.send_frame(1, R"({"type":"subscribe","token":"b"})");
  EXPECT_EQ(client.read_frame().close_code(), 1008);
}

TEST_F(LiveHubTest, since_of_another_epoch_or_of_the_future_is_resync) {
  publish("a");
  for (const std::string since : {R"("since":0,"epoch":"another")", R"("since":99)"}) {
    auto client = subscribe(R"({"type":"subscribe","token":"a",)" + since + "}");
    const auto resync = read(client);
    EXPECT_EQ(resync.at("type"), "resync");
    EXPECT_EQ(resync.at("epoch"), json::string{bus_.epoch()});
    EXPECT_EQ(resync.at("seq"), 1);
  }
}

TEST_F(LiveHubTest, reconnecting_misses_nothing_and_repeats_nothing) {
  constexpr int total = 2'000;
  std::jthread publisher{[&] {
    for (int i = 0; i < total; ++i) {
      publish("a");
      if (i % 50 == 0) std::this_thread::sleep_for(1ms);  // so that it lasts for several connections
    }
  }};
  std::mt19937 random{7};
  std::int64_t seen = 0;
  int connections = 0;
  while (seen < total) {
    ++connections;
    auto client = subscribe(R"({"type":"subscribe","token":"a","since":)" + std::to_string(seen) +
                            R"(,"epoch":")" + bus_.epoch() + "\"}");
    const auto until = std::min<std::int64_t>(total, seen + 1 + std::int64_t(random() % 200));
    while (seen < until) {
      const auto event = read(client);
      ASSERT_EQ(event.at("type"), "call.updated");
      ASSERT_EQ(event.at("seq"), seen + 1);
      ++seen;
    }
    if (connections % 2) client.reset();
  }
  EXPECT_GT(connections, 5);
  EXPECT_TRUE(nobody_listens());
}

TEST_F(LiveHubTest, a_slow_reader_is_dropped_with_1013_and_resumes_where_it_was) {
  RawClient slow{server_.port()};
  slow.set_receive_buffer(256 * 1024);
  EXPECT_EQ(slow.open_websocket("/ws/live-calls").status, 101);
  slow.send_frame(1, R"({"type":"subscribe","token":"a"})");
  EXPECT_EQ(read(slow).at("type"), "subscribed");
  auto quick = subscribe(R"({"type":"subscribe","token":"a"})");

  const std::string payload = '"' + std::string(60'000, 'x') + '"';
  int published = 0;
  for (; hub_.listeners() == 2 && published < 1'000; ++published) {
    publish("a", payload);
    ASSERT_EQ(read(quick).at("seq"), published + 1);
  }
  ASSERT_LT(published, 1'000) << "the slow reader was never dropped";

  std::int64_t seen = 0;
  test::RawFrame frame;
  while ((frame = slow.read_frame()).opcode == 1) EXPECT_EQ(json::parse(frame.payload).at("seq"), ++seen);
  EXPECT_EQ(frame.close_code(), 1013);
  EXPECT_LT(seen, published);

  auto resumed = subscribe(R"({"type":"subscribe","token":"a","since":)" + std::to_string(seen) + "}");
  while (seen < published) ASSERT_EQ(read(resumed).at("seq"), ++seen);
}

TEST_F(LiveHubTest, nobody_is_slow_because_the_server_is_late) {
  auto client = subscribe(R"({"type":"subscribe","token":"a"})");
  // Both loops are busy while more is published than a reader may be behind.
  std::promise<void> published;
  const auto wait = [done = published.get_future().share()] { done.wait(); };
  async::asio::post(web0_.executor(), wait);
  async::asio::post(web1_.executor(), wait);
  constexpr int total = 200;
  const std::string payload = '"' + std::string(15'000, 'x') + '"';
  for (int i = 0; i < total; ++i) publish("a", payload);
  published.set_value();
  for (int seq = 1; seq <= total; ++seq) ASSERT_EQ(read(client).at("seq"), seq);
}

// At the pace of real time, in which nobody who reads is half a second late with a portion.
class LiveHubInRealTimeTest : public LiveHubTest {
 protected:
  LiveHubInRealTimeTest() : LiveHubTest(1) {}
};

TEST_F(LiveHubInRealTimeTest, who_reads_but_stays_far_behind_is_dropped_too) {
  RawClient slow{server_.port()};
  slow.set_receive_buffer(64 * 1024);
  EXPECT_EQ(slow.open_websocket("/ws/live-calls").status, 101);
  slow.send_frame(1, R"({"type":"subscribe","token":"a"})");
  EXPECT_EQ(read(slow).at("type"), "subscribed");
  const std::string payload = '"' + std::string(15'000, 'x') + '"';
  for (int i = 0; i < 200; ++i) publish("a", payload);
  // It reads as fast as is published, and so catches up with nothing.
  std::int64_t seen = 0;
  test::RawFrame frame;
  const auto keep_reading = [&](int frames) {
    for (int i = 0; i < frames && (frame = slow.read_frame()).opcode == 1; ++i) {
      EXPECT_EQ(json::parse(frame.payload).at("seq"), ++seen);
      publish("a", payload);
    }
  };
  keep_reading(500);
  clock_.leap(8s);
  keep_reading(500);
  EXPECT_EQ(frame.opcode, 1) << "it was not slow, and not behind for long";
  clock_.leap(3s);
  keep_reading(2'000);
  EXPECT_EQ(frame.close_code(), 1013);
  auto resumed = subscribe(R"({"type":"subscribe","token":"a","since":)" + std::to_string(seen) + "}");
  EXPECT_EQ(read(resumed).at("seq"), seen + 1);
}

TEST_F(LiveHubInRealTimeTest, what_is_missed_is_replayed_but_not_without_end) {
  for (int i = 0; i < 10; ++i) publish("a");
  auto client = subscribe(R"({"type":"subscribe","token":"a"})");
  const std::string again = R"({"type":"subscribe","since":0,"epoch":")" + bus_.epoch() + "\"}";
  for (int i = 0; i < 5; ++i) {
    client.send_frame(1, again);
    EXPECT_EQ(read(client).at("type"), "subscribed");
    for (int seq = 1; seq <= 10; ++seq) ASSERT_EQ(read(client).at("seq"), seq);
  }
  for (int i = 0; i < 500; ++i) client.send_frame(1, again);
  int replays = 0;
  test::RawFrame frame;
  while ((frame = client.read_frame()).opcode == 1)
    if (frame.payload.find("subscribed") != std::string::npos) ++replays;
  EXPECT_EQ(frame.close_code(), 1008);
  EXPECT_EQ(frame.payload.substr(2), "too many messages");
  EXPECT_LT(replays, 200);
}

TEST_F(LiveHubTest, connections_of_every_kind_leave_nothing_behind) {
  const auto round = [&] {
    for (int i = 0; i < 10; ++i) {
      auto clean = subscribe(R"({"type":"subscribe","token":"a"})");
      auto abrupt = subscribe(R"({"type":"subscribe","token":"a"})");
      auto silent = open();
      auto broken = subscribe(R"({"type":"subscribe","token":"a"})");
      publish("a");
      clean.send_frame(8, std::string("\x03\xe8", 2));
      EXPECT_TRUE(clean.closed_by_peer());
      abrupt.reset();
      broken.send(test::raw_frame(0xf1, "reserved bits"));
      EXPECT_TRUE(broken.closed_by_peer());
    }
    EXPECT_TRUE(nobody_listens());
    EXPECT_TRUE(test::eventually([&] { return server_.stats().connections == 0; }));
  };
  round();
  const int before = test::open_descriptors();
  round();
  EXPECT_EQ(test::open_descriptors(), before);
  EXPECT_EQ(server_.stats().websockets, 0u);
}

}  // namespace
}  // namespace voxanne::events
