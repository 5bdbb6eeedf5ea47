// The thread boundary inside a call: signalling (Call, SIP thread) on one end, the leg (its media
// shard) on the other. Whatever signalling tells the leg travels through here and finds it only
// while it lives; what the leg tells signalling travels by Stack::post() and the call's number.
#pragma once

#include "media/shard.h"
#include "telephony/leg.h"
#include "telephony/sip/offer_answer.h"

#include <boost/asio/post.hpp>

#include <cstdint>
#include <memory>

namespace voxanne::telephony::sip {

using CallNumber = std::uint64_t;

class LineEnd {
 public:
  virtual ~LineEnd() = default;
  virtual void on_remote_ringing() = 0;
  // The first agreement of an outbound or late-offer call, and each one after.
  virtual void on_agreement(const Agreement& agreement) = 0;
  // Both hold the call now: the far end answered, or has acknowledged our answer.
  virtual void on_established() = 0;
  virtual void on_info_digit(char digit) = 0;
  virtual void on_closed(const LegEnd& end) = 0;  // nothing follows
};

class Line : public std::enable_shared_from_this<Line> {
 public:
  explicit Line(media::Shard& shard) : shard_(shard) {}

  media::Shard& shard() const noexcept { return shard_; }

  // On the shard.
  void connect(LineEnd* end) noexcept { end_ = end; }

  // Any thread; in order per thread.
  template <class F>
  void tell(F f) {
    boost::asio::post(shard_.executor(), [self = shared_from_this(), f = std::move(f)] {
      if (self->end_) f(*self->end_);
    });
  }

 private:
  media::Shard& shard_;
  LineEnd* end_ = nullptr;
};

}  // namespace voxanne::telephony::sip
