// The identity provider's key set, fetched by URL off the requests' path and shared by all shards.
//
//   refreshed     as the answer's max-age says, within 1 minute and 1 hour; 10 minutes without one
//   unknown kid   fetched again at once, but no more often than every 10 s; who asks waits for that
//                 fetch for at most 2 s
//   away, garbage what was good before stays in use for 24 h, then nothing is accepted; retried with
//                 backoff up to 3 s, so that health knows when it is back. A set that cannot be read
//                 never replaces one that could.
//
// Owner: app. start(), stop() and the fetching on the loop given; current(), generation() and
// renewed() from any loop. It outlives the requests that wait for it.
#pragma once

#include "api/jwks.h"
#include "async/clock.h"
#include "async/task_group.h"
#include "net/http_client.h"

#include <atomic>
#include <memory>
#include <mutex>
#include <random>
#include <string>

namespace voxanne::api {

class JwksSource {
 public:
  struct Options {
    std::string url;
    seconds refresh_after{600};  // where the provider does not say
    seconds min_refresh{60}, max_refresh{3'600};
    seconds between_requests{10};  // for unknown kids
    milliseconds wait_at_most{2'000};
    seconds stale_for{24 * 3'600};  // since the last good answer
    milliseconds retry_first{1'000}, retry_last{3'000};
    std::string ca_file{};  // in place of the system's
  };

  JwksSource(Options options, async::Clock& clock, async::Executor executor);
  ~JwksSource();

  void start();
  async::Task<> stop();

  // Null before the first good answer, and when the last one is too old.
  std::shared_ptr<const KeySet> current() const;
  // Grows with every change of the keys, so that what was verified by old ones is not remembered.
  std::uint64_t generation() const { return generation_.load(std::memory_order_acquire); }
  // Returns when a fetch has ended that began after the call or was under way, or when none is due.
  async::Task<> renewed();
  // For health: false while the provider does not answer as it should.
  bool healthy() const { return healthy_.load(std::memory_order_relaxed); }

 private:
  async::Task<> run();
  async::Task<bool> fetch(milliseconds& next);
  async::Task<> request_and_wait();
  void keep(KeySet set);

  const Options options_;
  async::Clock& clock_;
  const async::Executor executor_;
  net::HttpClient client_;
  mutable std::mutex mutex_;  // guards keys_ and good_at_
  std::shared_ptr<const KeySet> keys_;
  SteadyTime good_at_{};
  std::atomic<std::uint64_t> generation_{0};
  std::atomic<bool> healthy_{true}, fetching_{false};
  std::atomic<std::int64_t> next_request_ns_{0};  // steady clock: before it nobody's kid starts a fetch
  std::minstd_rand random_{std::random_device{}()};
  async::Event wanted_{executor_}, ended_{executor_};
  async::TaskGroup tasks_;
};

}  // namespace voxanne::api
