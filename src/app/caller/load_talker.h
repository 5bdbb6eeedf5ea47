// A caller of a load test: says its clip whenever the far end has fallen silent, until its time is over, and
// measures how long each answer takes.
//
// An Exchange like Script: one slot of 20 ms per call; time is counted in slots. One thread.
#pragma once

#include "app/caller/script.h"

#include <memory>

namespace voxanne::app {

class LoadTalker final : public Talker {
 public:
  struct Options {
    milliseconds pause{900};       // silence after which the far end is taken to have finished
    milliseconds patience{6'000};  // and how long it may keep silent before we speak anyway
    milliseconds limit{20'000};
  };

  // The clip is at the leg's rate.
  LoadTalker(std::shared_ptr<const Script::Clip> clip, Options options);

  void exchange(const audio::Frame& heard, audio::Frame& said) override;
  void skip(int slots) override;
  bool done() const noexcept override { return elapsed_ >= options_.limit; }

  // Each from the end of what was said to the first sound of the answer.
  const std::vector<milliseconds>& answers() const noexcept { return answers_; }
  // Spoke again because no answer had come within its patience.
  int unanswered() const noexcept { return unanswered_; }
  milliseconds heard_for() const noexcept { return heard_for_; }  // far end's sound

 private:
  std::shared_ptr<const Script::Clip> clip_;
  Options options_;
  std::size_t at_ = 0;
  bool saying_ = false, spoken_ = false, awaiting_ = false;
  milliseconds elapsed_{0}, quiet_{0}, waited_{0}, heard_for_{0};
  std::vector<milliseconds> answers_;
  int unanswered_ = 0;
};

}  // namespace voxanne::app
