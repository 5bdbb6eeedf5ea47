#include "telephony/rtp/latch.h"

namespace voxanne::telephony::rtp {

void Latch::expect(const Endpoint& signalled) {
  if (signalled == signalled_) return;
  signalled_ = signalled;
  if (latched_) {
    has_former_ = true;
    former_ = source_;
    former_until_.reset();
  }
  latched_ = has_candidate_ = false;
}

bool Latch::admit(const Endpoint& from, const Header& header, SteadyTime now) {
  if (latched_) {
    if (from == source_) {
      heard_ = now;
      ssrc_ = header.ssrc;
      return true;
    }
    const bool moved = header.ssrc == ssrc_ && now - heard_ >= seconds{1};
    if (!(moved || from == signalled_) || !confirms(from, header)) return false;
  } else if (from != signalled_ && (is_former(from, now) || !confirms(from, header))) {
    return false;
  }
  latched_ = true;
  has_candidate_ = has_former_ = false;
  source_ = from;
  ssrc_ = header.ssrc;
  heard_ = now;
  return true;
}

bool Latch::is_former(const Endpoint& from, SteadyTime now) {
  if (!has_former_ || from != former_) return false;
  if (!former_until_) former_until_ = now + seconds{1};
  return now < *former_until_;
}

bool Latch::confirms(const Endpoint& from, const Header& header) {
  const bool second = has_candidate_ && from == candidate_ && header.ssrc == candidate_ssrc_ &&
                      header.sequence == candidate_next_;
  has_candidate_ = true;
  candidate_ = from;
  candidate_ssrc_ = header.ssrc;
  candidate_next_ = static_cast<std::uint16_t>(header.sequence + 1);
  return second;
}

}  // namespace voxanne::telephony::rtp
