// Exponential backoff with full jitter: the n-th wait is uniform in [0, min(max, base·2ⁿ)] plus a
// floor of base/2, so that a herd spreads and nobody retries at once.
#pragma once

#include "base/time.h"

#include <algorithm>
#include <random>

namespace voxanne::async {

struct Backoff {
  milliseconds base{500};
  milliseconds max{60'000};

  template <class Random>
  milliseconds wait(int attempt, Random& random) const {
    const auto doublings = std::clamp(attempt, 0, 30);
    const auto ceiling = std::min<std::int64_t>(max.count(), base.count() << doublings);
    std::uniform_int_distribution<std::int64_t> spread{base.count() / 2, std::max(ceiling, base.count())};
    return milliseconds{spread(random)};
  }
};

}  // namespace voxanne::async
