// How sure a hypothesis is, 0–1. On a closed language model off-topic speech becomes plausible
// nonsense, which the posteriors of single words alone do not show: the weakest word and the
// acoustic score per frame count too, weighed by a logistic function. Pure.
#pragma once

#include <algorithm>
#include <cmath>

namespace voxanne::speech::pocketsphinx {

class Evidence {
 public:
  // A word's posterior (0–1), its acoustic score (log, PocketSphinx units) and length in frames.
  void add(double posterior, double acoustic, int frames) {
    posteriors_ += posterior;
    weakest_ = std::min(weakest_, posterior);
    acoustic_ += acoustic;
    frames_ += frames;
    ++words_;
  }

  double confidence() const {
    if (words_ == 0) return 0;
    const double sum =
        bias + mean_weight * posteriors_ / words_ + weakest_weight * std::sqrt(std::max(0.0, weakest_));
    return 1 / (1 + std::exp(-sum));
  }

 private:
  static constexpr double bias = -2.0, mean_weight = 4.0, weakest_weight = 2.0;

  double posteriors_ = 0, weakest_ = 1, acoustic_ = 0;
  int frames_ = 0, words_ = 0;
};

}  // namespace voxanne::speech::pocketsphinx
