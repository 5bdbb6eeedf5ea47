// A built-in person to call: answers, waits for the greeting's start, speaks, listens and hangs up
// within 8 s. It makes `POST /api/calls` and the load tests real calls, with audio both ways on a
// media shard, that leave no machine and need no carrier.
//
//   0 ms ring · 400 ms answer · +1.2 s speaks · hangs up 2.5 s after its last word, at most at 7.9 s
//
// Its words are rendered when it is first called, while it rings: a server that is not called does
// not hold them. Should that take longer, it is silent.
//
// Owner: app; the legs it dials belong to their calls. Executor: each leg lives on its shard.
#pragma once

#include "audio/frame.h"
#include "telephony/leg.h"

#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <vector>

namespace voxanne::telephony::synthetic {

class Callee final : public Dialer {
 public:
  // What the person says, PCM at 8 kHz; cut so that the call ends in time.
  using Speech = std::vector<audio::Sample>;
  // Renders it somewhere that may compute, and hands it over once, from any thread.
  using Render = std::function<void(std::function<void(Speech)>)>;
  explicit Callee(Render render);

  Result<std::unique_ptr<Leg>> dial(media::Shard& shard, const DialRequest& request) override;

 private:
  Render render_;
  std::once_flag rendering_;
  std::shared_ptr<std::promise<Speech>> promise_;
  std::shared_future<Speech> speech_;
};

}  // namespace voxanne::telephony::synthetic
