#include "async/clock.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <utility>

namespace voxanne::async {
namespace {

using Ring = std::function<void()>;

// On any clock: a task that sleeps.
class SleepingAlarm final : public Alarm {
 public:
  SleepingAlarm(Clock& clock, Executor executor, SteadyTime time, Ring ring)
      : executor_(executor), state_(std::make_shared<State>()) {
    state_->ring = std::move(ring);
    const auto slot = state_->cancel.slot();
    asio::co_spawn(executor, sleep(clock, time, state_),
                   asio::bind_cancellation_slot(slot, [state = state_](const std::exception_ptr&) {}));
  }
  ~SleepingAlarm() override {
    state_->ring = nullptr;
    asio::post(executor_, [state = state_] { state->cancel.emit(asio::cancellation_type::terminal); });
  }

 private:
  struct State {
    asio::cancellation_signal cancel;
    Ring ring;
  };
  static Task<> sleep(Clock& clock, SteadyTime time, std::shared_ptr<State> state) {
    co_await clock.sleep_until(time);
    if (const auto call = std::exchange(state->ring, nullptr)) call();
  }

  Executor executor_;
  std::shared_ptr<State> state_;
};

class TimerAlarm final : public Alarm {
 public:
  TimerAlarm(Executor executor, SteadyTime time, Ring ring)
      : ring_(std::make_shared<Ring>(std::move(ring))), timer_(executor, time) {
    // One that has expired may be under way already when the alarm goes: it finds nothing to call.
    timer_.async_wait([weak = std::weak_ptr{ring_}](const boost::system::error_code&) {
      const auto ring_now = weak.lock();
      if (const auto call = ring_now ? std::exchange(*ring_now, nullptr) : nullptr) call();
    });
  }

 private:
  std::shared_ptr<Ring> ring_;
  SteadyTimer timer_;
};

}  // namespace

std::unique_ptr<Alarm> Clock::alarm(Executor executor, SteadyTime time, Ring ring) {
  return std::make_unique<SleepingAlarm>(*this, executor, time, std::move(ring));
}

Task<> SystemClock::sleep_until(SteadyTime time) {
  SteadyTimer timer{co_await asio::this_coro::executor, time};
  co_await timer.async_wait(use_task);
}

std::unique_ptr<Alarm> SystemClock::alarm(Executor executor, SteadyTime time, Ring ring) {
  return std::make_unique<TimerAlarm>(executor, time, std::move(ring));
}

}  // namespace voxanne::async
