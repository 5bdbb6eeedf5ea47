// Delivers what is queued for webhooks: a durable queue of webhooks that have something to do.
//
//   claim a webhook ─▶ its due deliveries, oldest first, one at a time ─▶ give it back
//
//   taken (2xx)     delivered. After failures: all that waits is due again at once
//   anything else   tried again for 72 h from the first attempt, with backoff and jitter (5 s to 4 h), no
//                   sooner than Retry-After says; then a dead letter, which can be replayed. So is what
//                   no attempt reached within 30 days. A webhook that is turned off stops no clock
//   3 in a row      the webhook pauses, 10 s growing to 10 min, and one delivery tries it: an endpoint that
//                   is away costs one attempt a pause, however much waits for it, and nobody else a place
//
// A delivery that was taken but not recorded as such (a crash in between) is sent again under the same
// webhook-id. Redirects are failures; answers are read up to 64 KiB and dropped.
//
// Owner: app, beside its runner. Executor: the runner's loop.
#pragma once

#include "async/backoff.h"
#include "async/clock.h"
#include "base/metrics.h"
#include "base/seal.h"
#include "jobs/runner.h"
#include "net/http_client.h"
#include "notify/targets.h"
#include "store/webhooks.h"

#include <random>

namespace voxanne::notify {

class WebhookQueue final : public jobs::Queue<store::Webhook> {
 public:
  struct Options {
    milliseconds connect_timeout{5'000}, timeout{15'000};
    milliseconds turn{30'000};  // after which a webhook with more to do stands in line again
    async::Backoff between_attempts{milliseconds{5'000}, milliseconds{4 * 3'600'000}};
    int failures_to_pause = 3;
    milliseconds give_up_after = store::give_up_after;
    milliseconds keep_delivered{7 * 86'400'000}, keep_dead{30ll * 86'400'000};
  };

  WebhookQueue(async::Executor executor, store::Store& store, async::Clock& clock, const Seal& seal,
               const Targets& targets, Options options);

  // Attempts since the start; any thread.
  struct Attempts {
    metrics::Counter taken, not_taken;
  };
  const Attempts& seen() const noexcept { return seen_; }

  async::Task<Result<std::vector<store::Webhook>>> claim(int limit, UtcTime lease_until) override;
  async::Task<Result<std::optional<UtcTime>>> next_due() override;
  async::Task<jobs::Outcome> handle(store::Webhook& webhook) override;
  int attempts(const store::Webhook& webhook) const override;
  jobs::Subject subject(const store::Webhook& webhook) const override { return {.org = webhook.org.str()}; }
  async::Task<Result<>> complete(store::Webhook& webhook, const jobs::Outcome& outcome,
                                 UtcTime next_attempt_at) override;

 private:
  struct Attempt {
    int status = 0;  // 0: no answer
    std::optional<Error> error;
  };
  async::Task<Attempt> attempt(const store::Webhook& webhook, const store::Delivery& delivery);
  // Whether it was recorded: without that, nothing more is sent this turn.
  async::Task<bool> record(store::Webhook& webhook, store::Delivery delivery, const Attempt& attempt);
  bool is_paused(const store::Webhook& webhook) const {
    return webhook.failures >= options_.failures_to_pause;
  }
  async::Task<> forget_old();

  store::Store& store_;
  async::Clock& clock_;
  const Seal& seal_;
  const Options options_;
  net::HttpClient http_;
  std::minstd_rand random_{std::random_device{}()};
  UtcTime forget_at_{};
  Attempts seen_;
};

jobs::RunnerOptions webhook_runner_options();

}  // namespace voxanne::notify
