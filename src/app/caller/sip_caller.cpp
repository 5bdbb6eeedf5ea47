#include "app/caller/sip_caller.h"

#include "async/event.h"
#include "async/wait.h"

namespace voxanne::app {
namespace {

// Runs the talker and wakes the caller's task when it is done.
class SipCaller final : public telephony::LegObserver, public media::Exchange {
 public:
  SipCaller(std::unique_ptr<telephony::Leg> leg, MakeTalker make_talker)
      : make_talker_(std::move(make_talker)), leg_(std::move(leg)), done_(leg_->shard().executor()) {}

  async::Task<Result<SipCall>> run(async::Clock& clock) {
    SipCall call;
    const SteadyTime dialled = clock.now();
    clock_ = &clock;
    leg_->start(*this);
    co_await done_.wait();
    call.outcome.media = leg_->media_stats();
    if (!end_) {
      leg_->hang_up();
      done_.reset();
      static_cast<void>(co_await async::wait_until(clock, async::Deadline::after(clock, 5s), done_));
    }
    leg_.reset();
    if (!talker_)
      co_return unavailable("call_refused",
                            "the call was not answered" +
                                (end_ ? ": " + std::to_string(end_->status) + " " + end_->detail : ""));
    call.outcome.set_up = std::chrono::ceil<milliseconds>(answered_at_ - dialled);
    using Cause = telephony::LegEnd::Cause;
    if (end_ && end_->cause == Cause::remote_hung_up)
      call.outcome.ended = "far end hung up";
    else if (end_ && end_->cause != Cause::local_hung_up)
      call.outcome.broken = unavailable("call_broken", "the call broke off: " + end_->detail);
    call.talker = std::move(talker_);
    co_return call;
  }

 private:
  void on_answered() override {
    answered_at_ = clock_->now();
    talker_ = make_talker_(leg_->sample_rate());
    leg_->answer(*this);
  }
  void on_digit(char) override {}
  void on_hold(bool) override {}
  void on_ended(const telephony::LegEnd& end) override {
    end_ = end;
    done_.set();
  }
  void exchange(const audio::Frame& heard, audio::Frame& said) override {
    talker_->exchange(heard, said);
    if (talker_->done()) done_.set();
  }
  void skip(int slots) override { talker_->skip(slots); }

  MakeTalker make_talker_;
  std::unique_ptr<Talker> talker_;
  async::Clock* clock_ = nullptr;
  SteadyTime answered_at_{};
  std::optional<telephony::LegEnd> end_;
  std::unique_ptr<telephony::Leg> leg_;
  async::Event done_;
};

}  // namespace

async::Task<Result<SipCall>> call_over_sip(async::Clock& clock, media::Shard& shard,
                                           telephony::Dialer& dialer, telephony::DialRequest request,
                                           MakeTalker make_talker) {
  auto leg = dialer.dial(shard, request);
  if (leg.has_error()) co_return leg.error();
  SipCaller caller{std::move(*leg), std::move(make_talker)};
  co_return co_await caller.run(clock);
}

}  // namespace voxanne::app
