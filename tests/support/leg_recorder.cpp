#include "support/leg_recorder.h"

#include "support/patience.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <cmath>
#include <future>
#include <numbers>

namespace voxanne::test {

LegRecorder::~LegRecorder() { destroy(); }

void LegRecorder::adopt(std::unique_ptr<telephony::Leg> leg) {
  boost::asio::dispatch(shard_.executor(), [this, leg = std::move(leg)]() mutable {
    leg_ = std::move(leg);
    leg_->start(*this);
    if (answer_at_once_) {
      answered_ = true;
      leg_->answer(*this);
    }
  });
}

void LegRecorder::on_shard(std::function<void(telephony::Leg&)> action) {
  std::promise<void> done;
  boost::asio::post(shard_.executor(), [&] {
    if (leg_) action(*leg_);
    done.set_value();
  });
  done.get_future().wait();
}

void LegRecorder::answer() {
  on_shard([this](telephony::Leg& leg) {
    answered_ = true;
    leg.answer(*this);
  });
}

void LegRecorder::hang_up() {
  on_shard([](telephony::Leg& leg) { leg.hang_up(); });
}

void LegRecorder::refuse(telephony::Refusal why) { leg_->refuse(why, seconds{7}); }

void LegRecorder::destroy() {
  std::promise<void> done;
  boost::asio::post(shard_.executor(), [&] {
    leg_.reset();
    done.set_value();
  });
  done.get_future().wait();
}

void LegRecorder::on_answered() {
  add("answered");
  if (!answered_) leg_->answer(*this);
}

void LegRecorder::on_ended(const telephony::LegEnd& end) {
  {
    const std::lock_guard lock{mutex_};
    end_ = end;
  }
  add("ended");
}

void LegRecorder::add(std::string event) {
  const std::lock_guard lock{mutex_};
  events_.push_back(std::move(event));
  changed_.notify_all();
}

bool LegRecorder::wait_for(const std::string& event, milliseconds limit) {
  std::unique_lock lock{mutex_};
  return changed_.wait_for(lock, patient(limit),
                           [&] { return std::ranges::find(events_, event) != events_.end(); });
}

std::vector<std::string> LegRecorder::events() const {
  const std::lock_guard lock{mutex_};
  return events_;
}

telephony::LegEnd LegRecorder::end() const {
  const std::lock_guard lock{mutex_};
  return end_;
}

std::string LegRecorder::digits() const {
  std::string digits;
  for (const auto& event : events())
    if (event.starts_with("digit ")) digits += event.back();
  return digits;
}

bool LegRecorder::wait_for_voice(int frames, milliseconds limit) {
  std::unique_lock lock{mutex_};
  return changed_.wait_for(lock, patient(limit), [&] { return voice_frames_ >= frames; });
}

int LegRecorder::sample_rate() const {
  const std::lock_guard lock{mutex_};
  return rate_;
}

// Says a tone; counts what it hears that is louder than silence.
void LegRecorder::exchange(const audio::Frame& heard, audio::Frame& said) {
  const double step = 2 * std::numbers::pi * 440 / said.rate;
  for (auto& sample : said.samples()) {
    sample = static_cast<audio::Sample>(8'000 * std::sin(phase_));
    phase_ += step;
  }
  said.kind = audio::Frame::Kind::voice;
  const bool loud =
      std::ranges::any_of(heard.samples(), [](audio::Sample sample) { return std::abs(sample) > 1'000; });
  const std::lock_guard lock{mutex_};
  rate_ = heard.rate;
  if (heard.kind == audio::Frame::Kind::voice && loud) ++voice_frames_;
  changed_.notify_all();
}

}  // namespace voxanne::test
