// Wrong passwords per source address: five at once, then one in ten seconds; whoever is over it is
// refused unheard. Memory is bounded: when too many sources have guessed, all are forgiven.
// One thread; the caller passes time.
#pragma once

#include "base/token_bucket.h"
#include "telephony/sip/address.h"

#include <map>

namespace voxanne::telephony::sip {

class GuessLimiter {
 public:
  bool exhausted(const Address& source, SteadyTime now) const {
    const auto found = sources_.find(source);
    if (found == sources_.end()) return false;
    TokenBucket bucket = found->second;
    return !bucket.take(now);
  }
  void count(const Address& source, SteadyTime now) {
    if (sources_.size() >= max_sources) sources_.clear();
    static_cast<void>(sources_.try_emplace(source, rate, burst).first->second.take(now));
  }

 private:
  static constexpr std::size_t max_sources = 4096;
  static constexpr double rate = 0.1, burst = 5;

  std::map<Address, TokenBucket> sources_;
};

}  // namespace voxanne::telephony::sip
