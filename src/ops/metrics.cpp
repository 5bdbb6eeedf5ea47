#include "ops/metrics.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <limits>
#include <map>

namespace voxanne::ops {

using prometheus::ClientMetric;
using prometheus::MetricType;

struct Metrics::Impl {
  // nullopt: not shown.
  using Fill = std::function<bool(ClientMetric&)>;
  struct Family {
    std::string help;
    MetricType type;
    std::vector<std::pair<Labels, Fill>> series;
    std::vector<std::function<void(const Count&)>> counts;
  };
  std::map<std::string, Family> families;

  void add(const std::string& name, const std::string& help, MetricType type, Labels labels, Fill fill) {
    auto& family = families.try_emplace(name, Family{help, type, {}, {}}).first->second;
    family.series.emplace_back(std::move(labels), std::move(fill));
  }
};

Metrics::Metrics() : impl_(std::make_unique<Impl>()) {}
Metrics::~Metrics() = default;

void Metrics::counter(const std::string& name, const std::string& help, Labels labels, Read read) {
  impl_->add(name, help, MetricType::Counter, std::move(labels), [read = std::move(read)](ClientMetric& out) {
    out.counter.value = read();
    return true;
  });
}

void Metrics::counters(const std::string& name, const std::string& help,
                       std::function<void(const Count&)> read) {
  impl_->families.try_emplace(name, Impl::Family{help, MetricType::Counter, {}, {}})
      .first->second.counts.push_back(std::move(read));
}

void Metrics::gauge(const std::string& name, const std::string& help, Labels labels, Read read) {
  impl_->add(name, help, MetricType::Gauge, std::move(labels), [read = std::move(read)](ClientMetric& out) {
    out.gauge.value = read();
    return true;
  });
}

void Metrics::add_histogram(const std::string& name, const std::string& help, Labels labels,
                            std::function<void(Buckets&)> read) {
  impl_->add(name, help, MetricType::Histogram, std::move(labels),
             [read = std::move(read)](ClientMetric& out) {
               Buckets buckets;
               read(buckets);
               if (buckets.counts.empty()) return false;
               // Prometheus counts cumulatively, and its sample count is the last bucket's.
               std::uint64_t total = 0;
               for (std::size_t i = 0; i < buckets.counts.size(); ++i) {
                 total += buckets.counts[i];
                 const bool last = i == buckets.edges.size();
                 out.histogram.bucket.push_back(
                     {.cumulative_count = total,
                      .upper_bound = last ? std::numeric_limits<double>::infinity() : buckets.edges[i]});
               }
               out.histogram.sample_count = total;
               out.histogram.sample_sum = buckets.sum;
               return true;
             });
}

std::string Metrics::text() const {
  std::vector<prometheus::MetricFamily> out;
  for (const auto& [name, family] : impl_->families) {
    prometheus::MetricFamily shown{.name = name, .help = family.help, .type = family.type, .metric = {}};
    const auto show = [&shown](const Labels& labels, ClientMetric metric) {
      for (const auto& [key, value] : labels) metric.label.push_back({key, value});
      shown.metric.push_back(std::move(metric));
    };
    for (const auto& [labels, fill] : family.series)
      if (ClientMetric metric; fill(metric)) show(labels, std::move(metric));
    for (const auto& tell : family.counts)
      tell([&show](const Labels& labels, double value) {
        ClientMetric metric;
        metric.counter.value = value;
        show(labels, std::move(metric));
      });
    // A family without series is shown by its name, so that a dashboard's is known to exist.
    out.push_back(std::move(shown));
  }
  return prometheus::TextSerializer{}.Serialize(out);
}

}  // namespace voxanne::ops
