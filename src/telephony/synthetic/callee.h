// A built-in person to call: answers, waits for the greeting's start, speaks, listens and hangs up
// within 8 s. It makes `POST /api/calls` and the load tests real calls, with audio both ways on a
// media shard, that leave no machine and need no carrier.
//
//   0 ms ring · 400 ms answer · +1.2 s speaks · hangs up 2.5 s after its last word, at most at 7.9 s
//
// Owner: app; the legs it dials belong to their calls. Executor: each leg lives on its shard; the
// speech is shared and never written.
#pragma once

#include "audio/frame.h"
#include "telephony/leg.h"

#include <memory>
#include <vector>

namespace voxanne::telephony::synthetic {

class Callee final : public Dialer {
 public:
  // `speech`: what the person says, PCM at 8 kHz; cut so that the call ends in time.
  explicit Callee(std::shared_ptr<const std::vector<audio::Sample>> speech);

  Result<std::unique_ptr<Leg>> dial(media::Shard& shard, const DialRequest& request) override;

 private:
  std::shared_ptr<const std::vector<audio::Sample>> speech_;
};

}  // namespace voxanne::telephony::synthetic
