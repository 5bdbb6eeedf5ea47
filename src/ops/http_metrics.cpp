#include "ops/http_metrics.h"

#include <algorithm>

namespace voxanne::ops {

HttpMetrics::HttpMetrics(Metrics& metrics, const std::vector<std::pair<std::string, std::string>>& routes) {
  for (std::size_t i = 0; i <= routes.size(); ++i) {
    series_.push_back(std::make_unique<Series>());
    Series& series = *series_.back();
    const bool known = i < routes.size();
    const std::string method = known ? routes[i].first : "", route = known ? routes[i].second : "unknown";
    for (std::size_t s = 0; s < series.count.size(); ++s)
      metrics.counter_if_used("voxanne_http_requests_total", "HTTP requests answered",
                              {{"method", method},
                               {"route", route},
                               {"status", s < statuses.size() ? std::to_string(statuses[s]) : "other"}},
                              series.count[s]);
    metrics.histogram_if(
        [&series] {
          return std::ranges::any_of(series.count, [](const metrics::Counter& c) { return c.value() > 0; });
        },
        "voxanne_http_request_duration_seconds", "from a request's header to its answer",
        {{"method", method}, {"route", route}}, series.seconds);
  }
}

void HttpMetrics::seen(std::size_t route, int status, std::chrono::nanoseconds took) noexcept {
  Series& series = *series_[std::min(route, series_.size() - 1)];
  const auto known = std::ranges::lower_bound(statuses, status);
  const bool listed = known != statuses.end() && *known == status;
  series.count[listed ? std::size_t(known - statuses.begin()) : statuses.size()].add();
  series.seconds.observe(std::chrono::duration<double>(took).count());
}

}  // namespace voxanne::ops
