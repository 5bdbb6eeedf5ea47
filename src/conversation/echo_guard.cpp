#include "conversation/echo_guard.h"

#include <algorithm>
#include <cmath>

namespace voxanne::conversation {
namespace {

constexpr double forgetting = 0.98;     // per slot: about a second
constexpr double enough_evidence = 25;  // slots of our own voice before a verdict
constexpr double together = 0.9;        // correlation that only an echo reaches over so long
constexpr double apart = 0.6;           // and below which the line is taken to be clean again
constexpr double margin = 2.0;          // a caller is at least 6 dB over the echo
constexpr double audible = 100;         // loudness of our own voice that could come back at all

double loudness(const audio::Frame& frame) {
  std::int64_t energy = 0;
  for (const auto sample : frame.samples()) energy += std::int64_t{sample} * sample;
  return std::sqrt(static_cast<double>(energy) / static_cast<double>(frame.samples().size()));
}

}  // namespace

void EchoGuard::Statistics::add(double said, double heard) {
  for (double* sum : {&weight, &x, &y, &xx, &yy, &xy}) *sum *= forgetting;
  weight += 1;
  x += said;
  y += heard;
  xx += said * said;
  yy += heard * heard;
  xy += said * heard;
}

double EchoGuard::Statistics::correlation() const {
  const double vx = xx - x * x / weight, vy = yy - y * y / weight, vxy = xy - x * y / weight;
  return vx > weight && vy > weight && vxy > 0 ? vxy / std::sqrt(vx * vy) : 0;
}

bool EchoGuard::is_echo(const audio::Frame& heard) {
  if (*std::ranges::max_element(said_) < audible) return false;  // nothing of ours can be coming back
  const double level = loudness(heard);
  for (std::size_t d = 0; d < longest_delay; ++d) by_delay_[d].add(said_[d], level);

  std::size_t best = 0;
  double correlation = 0;
  for (std::size_t d = 0; d < longest_delay; ++d)
    if (const double c = by_delay_[d].correlation(); c > correlation) {
      correlation = c;
      best = d;
    }
  const auto& evidence = by_delay_[best];
  if (evidence.weight >= enough_evidence && correlation >= together) {
    delay_ = best;
    gain_ = evidence.y / std::max(evidence.x, 1.0);
  } else if (evidence.weight >= enough_evidence && correlation < apart) {
    delay_ = longest_delay;
  }
  if (!line_echoes()) return false;
  // The loudest of the neighbouring slots: frames do not align with the line's delay.
  double expected = 0;
  for (std::size_t d = delay_ > 0 ? delay_ - 1 : 0; d < std::min(delay_ + 2, longest_delay); ++d)
    expected = std::max(expected, said_[d]);
  return level <= margin * gain_ * expected;
}

void EchoGuard::said(const audio::Frame& frame) {
  std::ranges::copy_backward(said_.begin(), said_.end() - 1, said_.end());
  said_.front() = loudness(frame);
}

}  // namespace voxanne::conversation
