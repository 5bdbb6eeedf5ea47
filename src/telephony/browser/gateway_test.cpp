#include "telephony/browser/gateway.h"

#include "net/server.h"
#include "support/eventually.h"
#include "support/raw_client.h"

#include <gtest/gtest.h>

#include <boost/asio/post.hpp>

#include <mutex>
#include <thread>

namespace voxanne::telephony::browser {
namespace {
using test::eventually;
using test::RawClient;
using test::RawFrame;

// A call as the house would hold it: answers at once, echoes what it hears, notes what happens. Lives
// on the media shard; what the test reads is behind a mutex.
class EchoCall final : public LegObserver, public media::Exchange {
 public:
  EchoCall(std::unique_ptr<Leg> leg, InboundCall info) : info_(std::move(info)), leg_(std::move(leg)) {
    leg_->start(*this);
  }

  void exchange(const audio::Frame& heard, audio::Frame& said) override {
    said = heard;
    const std::lock_guard lock{mutex_};
    ++slots_;
    if (heard.kind == audio::Frame::Kind::voice) ++heard_;
  }
  void skip(int slots) override {
    const std::lock_guard lock{mutex_};
    skipped_ += slots;
  }
  void on_digit(char digit) override {
    const std::lock_guard lock{mutex_};
    digits_ += digit;
  }
  void on_hold(bool) override {}
  void on_ended(const LegEnd& end) override {
    const std::lock_guard lock{mutex_};
    ends_.push_back(end);
  }

  template <class T>
  T read(T EchoCall::* what) {
    const std::lock_guard lock{mutex_};
    return this->*what;
  }

  std::mutex mutex_;
  InboundCall info_;
  int slots_ = 0, heard_ = 0, skipped_ = 0;
  std::string digits_;
  std::vector<LegEnd> ends_;
  std::unique_ptr<Leg> leg_;
};

class GatewayTest : public testing::Test {
 protected:
  enum class Answer { echo, refuse, drop };

  void SetUp() override {
    Gateway::Options options{.subscribe_within = 1s, .start_within = 1500ms};
    gateway_ = std::make_unique<Gateway>(
        options, clock_, [this]() -> media::Shard& { return media_; },
        [this](std::unique_ptr<Leg> leg, InboundCall info) { take(std::move(leg), std::move(info)); });
    server_ = std::make_unique<net::Server>(net::Server::Options{}, std::vector{web_.executor()},
                                            [this](net::Request& request) { return handle(request); });
    server_->start().value();
  }
  void TearDown() override {
    server_->stop(500ms);
    on_media([this] { calls_.clear(); });
  }

  async::Task<net::Response> handle(net::Request& request) {
    const CheckToken check = [](std::string token) -> async::Task<Result<Caller>> {
      if (token == "good") co_return Caller{OrgId{"org_1"}};
      if (token == "other") co_return Caller{OrgId{"org_2"}};
      if (token == "short")
        co_return Caller{
            OrgId{"org_1"},
            [ends = std::chrono::steady_clock::now() + 1s]() -> async::Task<Result<milliseconds>> {
              const auto left = ends - std::chrono::steady_clock::now();
              if (left > 0s) co_return std::chrono::ceil<milliseconds>(left);
              co_return Error{Fault::unauthenticated, "token_expired", "the token has expired"};
            }};
      if (token == "hanging") {
        async::SystemClock clock;
        co_await clock.sleep_for(1h);
      }
      if (token == "away") co_return unavailable("database_unavailable", "try again");
      if (token == "failing") co_return internal("lookup_failed", "try again");
      if (token == "throwing") throw std::runtime_error("defect");
      if (token == "unsure")
        co_return Caller{OrgId{"org_1"}, []() -> async::Task<Result<milliseconds>> {
                           co_return internal("lookup_failed", "try again");
                         }};
      co_return Error{Fault::unauthenticated, "invalid_token", "the token is not valid"};
    };
    std::optional<Caller> known;
    if (request.headers.has("Authorization")) known = Caller{OrgId{"org_1"}};
    auto response = gateway_->open(request, check, known);
    co_return response ? std::move(*response) : net::Response::text(400, response.error().message);
  }

  void take(std::unique_ptr<Leg> leg, InboundCall info) {
    if (answer_ == Answer::drop) return;
    auto call = std::make_unique<EchoCall>(std::move(leg), std::move(info));
    if (answer_ == Answer::refuse)
      call->leg_->refuse(Refusal::server_full, 7s);
    else
      call->leg_->answer(*call);
    const std::lock_guard lock{mutex_};
    calls_.push_back(std::move(call));
  }

  template <class F>
  void on_media(F f) {
    async::run_on(media_.executor(), [](F run) -> async::Task<> {
      run();
      co_return;
    }(std::move(f)));
  }

  EchoCall* last_call() {
    EXPECT_TRUE(eventually([&] {
      const std::lock_guard lock{mutex_};
      return !calls_.empty();
    }));
    const std::lock_guard lock{mutex_};
    return calls_.empty() ? nullptr : calls_.back().get();
  }

  RawClient open(std::string_view fields = "") {
    RawClient client{server_->port()};
    EXPECT_EQ(client.open_websocket("/ws/web-call?assistantId=asst_1", fields).status, 101);
    return client;
  }
  RawClient begin(const std::string& token = "good") {
    auto client = open();
    client.send_frame(1, R"({"type":"subscribe","token":")" + token + "\"}");
    client.send_frame(1, R"({"type":"start"})");
    EXPECT_EQ(client.read_frame().payload, R"({"type":"subscribed","orgId":"org_1"})");
    EXPECT_TRUE(client.read_frame().payload.starts_with(R"({"type":"ready","callId":"call_)"));
    return client;
  }
  static RawFrame next_text(RawClient& client) {
    for (;;)
      if (auto frame = client.read_frame(); frame.opcode != 2) return frame;
  }
  static RawFrame next_close(RawClient& client) {
    for (;;)
      if (auto frame = client.read_frame(); frame.opcode == 8 || frame.opcode == -1) return frame;
  }
  static std::string pcm(int value) {
    std::string bytes;
    for (int i = 0; i < 320; ++i) {
      bytes += static_cast<char>(value & 0xff);
      bytes += static_cast<char>((value >> 8) & 0xff);
    }
    return bytes;
  }

  async::SystemClock clock_;
  async::LoopThread web_{"web"};
  media::Shard media_{"media"};
  std::atomic<Answer> answer_ = Answer::echo;
  std::mutex mutex_;
  std::vector<std::unique_ptr<EchoCall>> calls_;
  std::unique_ptr<Gateway> gateway_;
  std::unique_ptr<net::Server> server_;
};

TEST_F(GatewayTest, a_call_is_heard_and_answered) {
  auto client = begin();
  EchoCall* call = last_call();
  EXPECT_EQ(call->info_.org.str(), "org_1");
  EXPECT_EQ(call->info_.assistant.str(), "asst_1");
  EXPECT_EQ(call->info_.info.source, "127.0.0.1");
  EXPECT_TRUE(call->info_.info.call_id.str().starts_with("call_"));
  EXPECT_EQ(call->leg_->channel(), domain::Channel::browser);
  EXPECT_EQ(call->leg_->sample_rate(), 16'000);

  for (int i = 1; i <= 10; ++i) client.send_frame(2, pcm(i * 100));
  int next = 100;
  while (next <= 1000) {
    const auto frame = client.read_frame();
    ASSERT_EQ(frame.opcode, 2);
    ASSERT_EQ(frame.payload.size(), 640u);
    if (frame.payload == pcm(0)) continue;
    ASSERT_EQ(frame.payload, pcm(next));
    next += 100;
  }
  client.send_frame(1, R"({"type":"dtmf","digit":"5"})");
  client.send_frame(1, R"({"type":"dtmf","digits":"*#"})");
  EXPECT_TRUE(eventually([&] { return call->read(&EchoCall::digits_) == "5*#"; }));

  client.send_frame(1, R"({"type":"hangup"})");
  EXPECT_EQ(next_text(client).payload, R"({"type":"ended","reason":"customer-ended-call"})");
  EXPECT_EQ(next_close(client).close_code(), 1000);
  EXPECT_TRUE(eventually([&] { return call->read(&EchoCall::ends_).size() == 1; }));
  EXPECT_EQ(call->read(&EchoCall::ends_)[0].cause, LegEnd::Cause::remote_hung_up);
}

TEST_F(GatewayTest, one_slot_every_20_ms_whatever_is_sent) {
  auto client = begin();
  EchoCall* call = last_call();
  const int before = call->read(&EchoCall::slots_);
  const auto start = std::chrono::steady_clock::now();
  int frames = 0;
  while (frames < 30)
    if (client.read_frame().opcode == 2) ++frames;
  const auto took = std::chrono::steady_clock::now() - start;
  EXPECT_GT(took, 500ms);
  EXPECT_LT(took, 5s);
  EXPECT_GE(call->read(&EchoCall::slots_) - before, 29);
}

TEST_F(GatewayTest, slots_that_a_stalled_shard_gives_up_are_told) {
  auto client = begin();
  EchoCall* call = last_call();
  on_media([] { std::this_thread::sleep_for(1200ms); });
  EXPECT_TRUE(eventually([&] { return call->read(&EchoCall::skipped_) > 0; }));
  EXPECT_GE(call->read(&EchoCall::skipped_), 50);
}

TEST_F(GatewayTest, who_does_not_say_who_they_are_is_closed) {
  const struct {
    const char* name;
    std::vector<std::pair<int, std::string>> frames;
    int code;
    const char* reason;
  } rows[] = {
      {"nothing", {}, 1008, "send subscribe with a token first"},
      {"bad token", {{1, R"({"type":"subscribe","token":"bad"})"}}, 1008, "the token is not valid"},
      {"no token", {{1, R"({"type":"subscribe"})"}}, 1008, "the token is not valid"},
      {"start first", {{1, R"({"type":"start"})"}}, 1008, "send subscribe with a token first"},
      {"audio first", {{2, pcm(1)}}, 1008, "subscribe before sending audio"},
      {"no JSON", {{1, "hello"}}, 1007, "a control message is a JSON object with a type"},
      {"unknown type", {{1, R"({"type":"x"})"}}, 1007, "type must be subscribe, start, dtmf, mark or hangup"},
      {"never starts", {{1, R"({"type":"subscribe","token":"good"})"}}, 1008, "send start to begin the call"},
      {"digit first",
       {{1, R"({"type":"subscribe","token":"good"})"}, {1, R"({"type":"dtmf","digit":"1"})"}},
       1008,
       "send start to begin the call"},
      {"checker away", {{1, R"({"type":"subscribe","token":"away"})"}}, 1013, "try again"},
      {"checker fails", {{1, R"({"type":"subscribe","token":"failing"})"}}, 1013, "try again"},
      {"checker throws",
       {{1, R"({"type":"subscribe","token":"throwing"})"}},
       1013,
       "it cannot be checked now; try again"},
      {"token of 9,000 bytes",
       {{1, R"({"type":"subscribe","token":")" + std::string(9'000, 'x') + "\"}"}},
       1008,
       "the token is not valid"},
  };
  for (const auto& row : rows) {
    auto client = open();
    for (const auto& [opcode, payload] : row.frames) client.send_frame(opcode, payload);
    const auto frame = next_close(client);
    EXPECT_EQ(frame.close_code(), row.code) << row.name;
    EXPECT_EQ(frame.payload.substr(2), row.reason) << row.name;
  }
  const std::lock_guard lock{mutex_};
  EXPECT_TRUE(calls_.empty());
}

TEST_F(GatewayTest, an_authorization_on_the_handshake_is_enough) {
  auto client = open("Authorization: Bearer x\r\n");
  client.send_frame(1, R"({"type":"start"})");
  EXPECT_TRUE(client.read_frame().payload.starts_with(R"({"type":"ready")"));
}

TEST_F(GatewayTest, the_assistant_must_be_named) {
  RawClient none{server_->port()}, bad{server_->port()};
  EXPECT_EQ(none.open_websocket("/ws/web-call").status, 400);
  EXPECT_EQ(bad.open_websocket("/ws/web-call?assistantId=a%20b").status, 400);
}

TEST_F(GatewayTest, bad_messages_end_the_call_with_their_code) {
  const struct {
    int opcode;
    std::string payload;
    int code;
  } rows[] = {
      {2, std::string(639, 'x'), 1007},
      {2, std::string(1280, 'x'), 1007},
      {2, "", 1007},
      {1, "not json", 1007},
      {1, R"({"type":"start"})", 1008},
      {1, R"({"type":"dtmf","digit":"x"})", 1007},
      {2, std::string(20'000, 'x'), 1009},
  };
  for (const auto& row : rows) {
    auto client = begin();
    EchoCall* call = last_call();
    client.send_frame(row.opcode, row.payload);
    EXPECT_EQ(next_close(client).close_code(), row.code) << row.payload.substr(0, 40);
    client.finish_sending();
    EXPECT_TRUE(eventually([&] { return call->read(&EchoCall::ends_).size() == 1; }));
    EXPECT_EQ(call->read(&EchoCall::ends_)[0].cause, LegEnd::Cause::transport_failed);
    EXPECT_EQ(call->read(&EchoCall::ends_)[0].status, row.code);
  }
}

TEST_F(GatewayTest, more_than_real_time_is_bounded_and_then_closed) {
  auto client = begin();
  EchoCall* call = last_call();
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < 20'000 && client.send_frame(2, pcm(1)); ++i) {
  }
  const auto frame = next_close(client);
  EXPECT_EQ(frame.close_code(), 1008);
  EXPECT_EQ(frame.payload.substr(2), "send audio in real time: 50 frames a second");
  client.finish_sending();
  EXPECT_TRUE(eventually([&] { return call->read(&EchoCall::ends_).size() == 1; }));
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  on_media([&] { EXPECT_LT(call->leg_->media_stats().received, 60 + 52 * took.count()); });

  auto digits = begin();
  for (int i = 0; i < 100; ++i) digits.send_frame(1, R"({"type":"dtmf","digit":"1"})");
  EXPECT_EQ(next_close(digits).close_code(), 1008);

  auto waiting = open();
  for (int i = 0; i < 500; ++i) waiting.send_frame(1, R"({"type":"subscribe","token":"good"})");
  EXPECT_EQ(next_close(waiting).payload.substr(2), "too many control messages") << "nor before the call";
}

TEST_F(GatewayTest, a_token_s_end_ends_the_call_unless_it_is_renewed) {
  auto ends = begin("short"), renewed = begin("short"), changed = begin("good");
  renewed.send_frame(1, R"({"type":"subscribe","token":"good"})");
  EXPECT_EQ(next_text(renewed).payload, R"({"type":"subscribed","orgId":"org_1"})");
  const auto last = next_close(ends);
  EXPECT_EQ(last.close_code(), 1008);
  EXPECT_EQ(last.payload.substr(2), "the token has expired");
  renewed.send_frame(1, R"({"type":"hangup"})");
  EXPECT_EQ(next_close(renewed).close_code(), 1000) << "it went on";
  changed.send_frame(1, R"({"type":"subscribe","token":"other"})");
  EXPECT_EQ(next_close(changed).close_code(), 1008) << "a call stays its organization's";
}

TEST_F(GatewayTest, a_fresh_token_that_nobody_can_check_now_ends_no_call) {
  auto client = begin("unsure");
  for (const std::string token : {"away", "failing", "throwing", "hanging"}) {
    const int before = last_call()->read(&EchoCall::heard_);
    client.send_frame(1, R"({"type":"subscribe","token":")" + token + "\"}");
    for (int i = 0; i < 20; ++i) client.send_frame(2, pcm(1'000));
    EXPECT_TRUE(eventually([&] { return last_call()->read(&EchoCall::heard_) >= before + 10; })) << token;
  }

  auto ends = begin("short");
  ends.send_frame(1, R"({"type":"subscribe","token":"away"})");
  EXPECT_EQ(next_close(ends).payload.substr(2), "the token has expired") << "the one before still counts";
}

TEST_F(GatewayTest, refusal_says_when_to_come_back) {
  answer_ = Answer::refuse;
  auto client = open();
  client.send_frame(1, R"({"type":"subscribe","token":"good"})");
  client.send_frame(1, R"({"type":"start"})");
  const auto frame = next_close(client);
  EXPECT_EQ(frame.close_code(), 1013);
  EXPECT_EQ(frame.payload.substr(2), "all lines are taken; try again in 7 s");
  EchoCall* call = last_call();
  EXPECT_TRUE(eventually([&] { return call->read(&EchoCall::ends_).size() == 1; }));
  EXPECT_EQ(call->read(&EchoCall::ends_)[0].cause, LegEnd::Cause::rejected);
}

TEST_F(GatewayTest, a_leg_that_nobody_takes_hangs_up) {
  answer_ = Answer::drop;
  auto client = open();
  client.send_frame(1, R"({"type":"subscribe","token":"good"})");
  client.send_frame(1, R"({"type":"start"})");
  EXPECT_EQ(next_close(client).close_code(), 1000);
}

TEST_F(GatewayTest, the_house_hangs_up_clears_and_shows_transcripts) {
  auto client = begin();
  EchoCall* call = last_call();
  on_media([&] {
    call->info_.side->show_transcript(domain::Speaker::caller, "when are", false);
    call->info_.side->show_transcript(domain::Speaker::assistant, "Hello.", true);
    call->leg_->clear_playout();
    call->leg_->hang_up();
    call->leg_->hang_up();
  });
  EXPECT_EQ(next_text(client).payload,
            R"({"type":"transcript.partial","speaker":"caller","text":"when are"})");
  EXPECT_EQ(next_text(client).payload,
            R"({"type":"transcript.final","speaker":"assistant","text":"Hello."})");
  EXPECT_EQ(next_text(client).payload, R"({"type":"clear"})");
  EXPECT_EQ(next_text(client).payload, R"({"type":"ended","reason":"assistant-ended-call"})");
  EXPECT_EQ(next_close(client).close_code(), 1000);
  EXPECT_TRUE(eventually([&] { return call->read(&EchoCall::ends_).size() == 1; }));
  EXPECT_EQ(call->read(&EchoCall::ends_)[0].cause, LegEnd::Cause::local_hung_up);
  on_media([&] { call->info_.side->show_transcript(domain::Speaker::caller, "too late", true); });
}

TEST_F(GatewayTest, a_caller_who_vanishes_ends_the_call) {
  auto client = begin();
  EchoCall* call = last_call();
  client.reset();
  EXPECT_TRUE(eventually([&] { return call->read(&EchoCall::ends_).size() == 1; }));
  EXPECT_EQ(call->read(&EchoCall::ends_)[0].cause, LegEnd::Cause::transport_failed);
  on_media([&] { call->leg_.reset(); });
  const int slots = call->read(&EchoCall::slots_);
  on_media([] {});
  EXPECT_EQ(call->read(&EchoCall::slots_), slots);
  EXPECT_EQ(media_.size(), 0u);
}

TEST_F(GatewayTest, marks_tell_how_far_behind_the_caller_hears) {
  auto client = begin();
  EchoCall* call = last_call();
  RawFrame mark;
  do mark = next_text(client);
  while (mark.payload.find("\"mark\"") == std::string::npos);
  std::this_thread::sleep_for(600ms);  // what plays it is slow
  client.send_frame(1, mark.payload);
  client.send_frame(1, R"({"type":"mark","name":"unknown"})");
  const auto delay = [&] {
    milliseconds value{};
    on_media([&] { value = call->leg_->playout_delay(); });
    return value;
  };
  EXPECT_TRUE(eventually([&] { return delay() > 300ms; }));
  // Silence is withheld until the backlog is gone.
  EXPECT_TRUE(eventually([&] { return delay() <= 250ms; }));
}

TEST_F(GatewayTest, the_server_stopping_ends_calls) {
  auto client = begin();
  EchoCall* call = last_call();
  std::thread stopper{[&] { server_->stop(2s); }};
  const auto close = next_close(client);
  EXPECT_EQ(close.close_code(), 1001);
  client.send_frame(8, close.payload);
  client.finish_sending();
  stopper.join();
  EXPECT_TRUE(eventually([&] { return call->read(&EchoCall::ends_).size() == 1; }));
}

TEST_F(GatewayTest, two_hundred_calls_of_every_kind_leave_nothing_behind) {
  const auto rounds = [&](int count) {
    for (int i = 0; i < count; ++i) {
      auto client = i % 4 == 0 ? open() : begin();
      client.send_frame(2, pcm(7));
      if (i % 4 == 1) client.reset();
      if (i % 4 == 2) client.send_frame(1, R"({"type":"hangup"})");
      if (i % 4 == 3) client.send_frame(2, "bad");
    }
    EXPECT_TRUE(eventually([&] { return server_->stats().connections == 0; }));
    on_media([&] {
      const std::lock_guard lock{mutex_};
      for (const auto& call : calls_) EXPECT_EQ(call->ends_.size(), 1u);
      calls_.clear();
    });
  };
  rounds(40);
  const int descriptors = test::open_descriptors();
  rounds(200);
  EXPECT_EQ(test::open_descriptors(), descriptors);
  EXPECT_EQ(media_.size(), 0u);
}

}  // namespace
}  // namespace voxanne::telephony::browser
