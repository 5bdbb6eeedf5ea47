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

  std::unique_ptr<Leg> leg_;
  std::promise<LegEnd> ended_;
  bool ringing_ = false;
  int slots_ = 0, voiced_ = 0;
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

}  // namespace
}  // namespace voxanne::telephony::synthetic
