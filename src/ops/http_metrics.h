// What HTTP requests came to: by route, method and status, and how long they took. The routes are known
// when the server starts, so that counting is an index and two additions.
//
// Owner: app. seen() on any web shard.
#pragma once

#include "base/metrics.h"
#include "base/time.h"
#include "ops/metrics.h"

#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace voxanne::ops {

class HttpMetrics {
 public:
  // "GET", "/api/calls/:callId" … by index; whatever has no route is counted together.
  HttpMetrics(Metrics& metrics, const std::vector<std::pair<std::string, std::string>>& routes);

  void seen(std::size_t route, int status, std::chrono::nanoseconds took) noexcept;

 private:
  static constexpr std::array statuses{101, 200, 201, 202, 204, 206, 304, 400, 401, 403, 404, 405, 409,
                                       410, 413, 415, 416, 422, 426, 429, 431, 500, 501, 502, 503, 504};
  struct Series {
    std::string method, route;
    metrics::Latency seconds{metrics::latency_edges};
    std::array<metrics::Counter, statuses.size() + 1> count;  // the last: any other
  };

  void count(const Metrics::Count& tell) const;

  std::vector<std::unique_ptr<Series>> series_;  // the last: no route
};

}  // namespace voxanne::ops
