#include "api/rate_limit.h"

#include "net/http.h"

#include <algorithm>
#include <cmath>

namespace voxanne::api {
namespace {

constexpr std::size_t sweep_above = 1'024;  // buckets in a stripe

}  // namespace

double RateLimiter::filled(const Bucket& bucket, SteadyTime now) const {
  const double minutes = std::chrono::duration<double, std::ratio<60>>(now - bucket.at).count();
  return std::min(double(per_minute_), bucket.tokens + minutes * per_minute_);
}

void RateLimiter::forget_full(Stripe& stripe, SteadyTime now) const {
  std::erase_if(stripe.buckets,
                [&](const auto& entry) { return filled(entry.second, now) >= double(per_minute_); });
}

RateLimiter::Outcome RateLimiter::take(const OrgId& org, SteadyTime now) {
  Stripe& stripe = stripes_[std::hash<std::string>{}(org.str()) % stripes_.size()];
  const std::scoped_lock lock{stripe.mutex};
  if (stripe.buckets.size() >= sweep_above) forget_full(stripe, now);
  Bucket& bucket = stripe.buckets.try_emplace(org.str(), Bucket{double(per_minute_), now}).first->second;
  bucket.tokens = filled(bucket, now);
  bucket.at = now;
  Outcome outcome{.allowed = bucket.tokens >= 1, .limit = per_minute_};
  if (outcome.allowed) bucket.tokens -= 1;
  outcome.remaining = int(bucket.tokens);
  const double wanted = (outcome.allowed ? double(per_minute_) : 1.0) - bucket.tokens;
  outcome.reset = seconds{std::int64_t(std::ceil(wanted * 60 / per_minute_))};
  return outcome;
}

Error too_many_requests(const RateLimiter::Outcome& outcome) {
  return {Fault::rate_limited, "too_many_requests",
          "this organization makes more than " + std::to_string(outcome.limit) +
              " requests a minute; wait as Retry-After says",
          outcome.reset};
}

void add_rate_headers(net::Headers& headers, const RateLimiter::Outcome& outcome) {
  headers.set("RateLimit-Limit", std::to_string(outcome.limit));
  headers.set("RateLimit-Remaining", std::to_string(outcome.remaining));
  headers.set("RateLimit-Reset", std::to_string(outcome.reset.count()));
}

}  // namespace voxanne::api
