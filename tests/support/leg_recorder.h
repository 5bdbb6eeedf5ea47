// What happened on a leg, for tests on other threads: events in order, each wait bounded. Answers
// and hangs up by posting to the leg's shard, where everything else happens too.
#pragma once

#include "telephony/leg.h"

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace voxanne::test {

class LegRecorder final : public telephony::LegObserver, public media::Exchange {
 public:
  explicit LegRecorder(media::Shard& shard) : shard_(shard) {}
  ~LegRecorder() override;

  // Takes the leg over and starts it, on its shard. What follows waits for the shard, so it is
  // called from elsewhere.
  void adopt(std::unique_ptr<telephony::Leg> leg);
  void on_shard(std::function<void(telephony::Leg&)> action);  // waits until it is done
  void answer();
  void hang_up();
  void refuse(telephony::Refusal why);  // on the shard
  void destroy();
  void answer_at_once() { answer_at_once_ = true; }

  // "ringing", "answered", "digit 5", "hold", "resume", "ended"; false when it did not come in time.
  bool wait_for(const std::string& event, milliseconds limit = seconds{5});
  std::vector<std::string> events() const;
  telephony::LegEnd end() const;
  std::string digits() const;
  bool wait_for_voice(int frames, milliseconds limit = seconds{5});
  int sample_rate() const;

  void exchange(const audio::Frame& heard, audio::Frame& said) override;

 private:
  void on_ringing() override { add("ringing"); }
  void on_answered() override;
  void on_digit(char digit) override { add(std::string{"digit "} + digit); }
  void on_hold(bool held) override { add(held ? "hold" : "resume"); }
  void on_ended(const telephony::LegEnd& end) override;
  void add(std::string event);

  media::Shard& shard_;
  std::unique_ptr<telephony::Leg> leg_;  // on the shard
  bool answer_at_once_ = false, answered_ = false;
  double phase_ = 0;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> events_;
  telephony::LegEnd end_;
  int voice_frames_ = 0;
  int rate_ = 0;
};

}  // namespace voxanne::test
