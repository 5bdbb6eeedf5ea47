// What calls leave behind for whoever operates the server: metrics of every call and turn, and at the
// tracker a sampled transaction for each.
//
// Owner: the foundation. turn() and ended() on any media shard: they count and do not block.
#pragma once

#include "calls/services.h"
#include "ops/metrics.h"

#include <array>

namespace voxanne::ops::sentry {
class Client;
}

namespace voxanne::app {

class CallMeters {
 public:
  explicit CallMeters(ops::Metrics& metrics);

  void turn(const domain::Turn& turn) noexcept;
  void ended(const calls::Ended& call) noexcept;

 private:
  static constexpr std::array parties{domain::FaultParty::nobody, domain::FaultParty::caller,
                                      domain::FaultParty::carrier, domain::FaultParty::provider,
                                      domain::FaultParty::us};

  metrics::Latency endpointing_{metrics::latency_edges}, recognition_{metrics::latency_edges},
      thinking_{metrics::latency_edges}, first_audio_{metrics::latency_edges},
      answer_{metrics::latency_edges};
  metrics::Lag jitter_{metrics::lag_edges};
  metrics::Counter received_, lost_, late_, concealed_, sent_;
  // By direction, then by whose fault the end was.
  std::array<std::array<metrics::Counter, parties.size()>, 2> ended_;
  metrics::Counter talked_seconds_;
};

// A call as a transaction with its turns as spans; null: nothing is told.
void trace_call(ops::sentry::Client* tracker, const calls::Ended& call);

}  // namespace voxanne::app
