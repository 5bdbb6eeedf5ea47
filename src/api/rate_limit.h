// How many requests an organization may make: a token bucket each, filled steadily, holding a
// minute's worth. All web shards share it; taking one costs a short lock of one of 16 stripes.
//
// Owner: app, beside the router, which asks it once per authenticated request; so do sockets when they know
// who opens them. Buckets that have filled up again are forgotten, so memory follows the organizations of the
// last minute.
#pragma once

#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"

#include <array>
#include <mutex>
#include <string>
#include <unordered_map>

namespace voxanne::net {
class Headers;
}

namespace voxanne::api {

class RateLimiter {
 public:
  explicit RateLimiter(int requests_per_minute) : per_minute_(requests_per_minute) {}

  // draft-ietf-httpapi-ratelimit-headers-03.
  struct Outcome {
    bool allowed = true;
    int limit = 0;      // RateLimit-Limit: what the bucket holds
    int remaining = 0;  // RateLimit-Remaining
    seconds reset{0};   // RateLimit-Reset: until it is full again; until the next one when refused
  };
  Outcome take(const OrgId& org, SteadyTime now);

 private:
  struct Bucket {
    double tokens;
    SteadyTime at;
  };
  struct Stripe {
    std::mutex mutex;
    std::unordered_map<std::string, Bucket> buckets;
  };

  double filled(const Bucket& bucket, SteadyTime now) const;
  void forget_full(Stripe& stripe, SteadyTime now) const;

  const int per_minute_;
  std::array<Stripe, 16> stripes_;
};

// What is told of an outcome that is not allowed.
Error too_many_requests(const RateLimiter::Outcome& outcome);
void add_rate_headers(net::Headers& headers, const RateLimiter::Outcome& outcome);

}  // namespace voxanne::api
