#include "ops/http_metrics.h"

#include <algorithm>

namespace voxanne::ops {

HttpMetrics::HttpMetrics(Metrics& metrics, const std::vector<std::pair<std::string, std::string>>& routes) {
  for (const auto& [method, route] : routes) series_.push_back(std::make_unique<Series>(method, route));
  series_.push_back(std::make_unique<Series>("", "unknown"));
  metrics.counters("voxanne_http_requests_total", "HTTP requests answered",
                   [this](const Metrics::Count& tell) { count(tell); });
  for (const auto& series : series_)
    metrics.histogram_if(
        [&series = *series] {
          return std::ranges::any_of(series.count, [](const metrics::Counter& c) { return c.value() > 0; });
        },
        "voxanne_http_request_duration_seconds", "from a request's header to its answer",
        {{"method", series->method}, {"route", series->route}}, series->seconds);
}

// Only what was ever answered: every route with every status would be thousands of lines.
void HttpMetrics::count(const Metrics::Count& tell) const {
  for (const auto& series : series_)
    for (std::size_t s = 0; s < series->count.size(); ++s)
      if (const auto answered = series->count[s].value(); answered > 0)
        tell({{"method", series->method},
              {"route", series->route},
              {"status", s < statuses.size() ? std::to_string(statuses[s]) : "other"}},
             double(answered));
}

void HttpMetrics::seen(std::size_t route, int status, std::chrono::nanoseconds took) noexcept {
  Series& series = *series_[std::min(route, series_.size() - 1)];
  const auto known = std::ranges::lower_bound(statuses, status);
  const bool listed = known != statuses.end() && *known == status;
  series.count[listed ? std::size_t(known - statuses.begin()) : statuses.size()].add();
  series.seconds.observe(std::chrono::duration<double>(took).count());
}

}  // namespace voxanne::ops
