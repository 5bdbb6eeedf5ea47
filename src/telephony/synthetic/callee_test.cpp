#include "telephony/synthetic/callee.h"

#include <gtest/gtest.h>

#include <future>

namespace voxanne::telephony::synthetic {
namespace {

// Records what happens, on the shard.
class Caller final : public LegObserver, public media::Exchange {
 public:
  explicit Caller(std::unique_ptr<Leg> leg) : leg_(std::move(leg)) {}

  void begin() { leg_->start(*this); }
  void on_ringing() override { ringing_ = true; }
  void on_answered() override { leg_->answer(*this); }
  void on_digit(char) override {}
  void on_hold(bool) override {}
  void on_ended(const LegEnd& end) override { ended_.set_value(end); }
  void exchange(const audio::Frame& heard, audio::Frame&) override {
    ++slots_;
    if (heard.kind == audio::Frame::Kind::voice) ++voiced_;
  }
  void skip(int slots) override { skipped_ += slots; }

  std::unique_ptr<Leg> leg_;
  std::promise<LegEnd> ended_;
  bool ringing_ = false;
  int slots_ = 0, voiced_ = 0, skipped_ = 0;
};

TEST(SyntheticCallee, answers_speaks_and_hangs_up_within_eight_seconds) {
  media::Shard shard{"media"};
  // Longer than fits: it must be cut.
  Callee callee{[](auto done) { done(Callee::Speech(8'000 * 20, audio::Sample{1'000})); }};
  Caller caller{callee.dial(shard, {}).value()};
  auto ended = caller.ended_.get_future();
  boost::asio::post(shard.executor(), [&] { caller.begin(); });
  ASSERT_EQ(ended.wait_for(std::chrono::seconds{9}), std::future_status::ready);
  EXPECT_EQ(ended.get().cause, LegEnd::Cause::remote_hung_up);
  EXPECT_TRUE(caller.ringing_);
  EXPECT_GT(caller.voiced_, 100);
  EXPECT_LE((caller.slots_ + 20) * audio::frame_ms, 8'000);
  std::promise<void> gone;
  boost::asio::post(shard.executor(), [&] {
    caller.leg_.reset();
    gone.set_value();
  });
  gone.get_future().wait();
  shard.stop();
}

TEST(SyntheticCallee, a_stall_of_the_machine_does_not_make_the_call_longer) {
  async::Loop loop{1};
  media::Shard shard{loop.get_executor()};
  Callee callee{[](auto done) { done(Callee::Speech(8'000, audio::Sample{1'000})); }};
  Caller caller{callee.dial(shard, {}).value()};
  auto ended = caller.ended_.get_future();
  caller.begin();
  SteadyTime now{std::chrono::hours{1}};
  const auto answer = now + std::chrono::milliseconds{400};
  const auto run_until = [&](SteadyTime until) {
    for (; now < until && ended.wait_for(0s) != std::future_status::ready; now += media::tick_interval) {
      shard.tick(now);
      loop.poll();
      loop.restart();
    }
  };
  run_until(now + std::chrono::seconds{2});
  now += std::chrono::seconds{2};
  run_until(now + std::chrono::seconds{9});
  ASSERT_EQ(ended.wait_for(0s), std::future_status::ready);
  EXPECT_GE(caller.skipped_, 50);
  const auto lived = std::chrono::duration_cast<std::chrono::milliseconds>(now - answer).count();
  EXPECT_NEAR((caller.slots_ + caller.skipped_) * audio::frame_ms, lived, 2 * audio::frame_ms);
  EXPECT_NEAR(lived, 1'200 + 1'000 + 2'500, 100);
}

}  // namespace
}  // namespace voxanne::telephony::synthetic
