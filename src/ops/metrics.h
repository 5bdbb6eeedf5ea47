// /metrics: every counter, gauge and histogram of the house as Prometheus text. Whoever counts owns the
// counter (base/metrics.h: no locks); here it only gets its name, help and labels, and is read when
// somebody asks. Serialized by prometheus-cpp, whose own counters are not used: its histograms lock.
//
//   Metrics metrics;
//   metrics.histogram("voxanne_turn_thinking_seconds", "…", {}, thinking);
//   metrics.gauge("voxanne_calls_active", "…", {}, [&] { return double(switchboard.active()); });
//   …
//   metrics.text();
//
// Labels never name an organization, a person or a call. Owner: app. Everything is added before the
// server starts; text() on any thread, and what is registered outlives it.
#pragma once

#include "base/metrics.h"

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace voxanne::ops {

class Metrics {
 public:
  using Labels = std::vector<std::pair<std::string, std::string>>;
  using Read = std::function<double()>;

  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // Several series of one name differ in their labels; the first one's help is shown.
  void counter(const std::string& name, const std::string& help, Labels labels, Read read);
  void gauge(const std::string& name, const std::string& help, Labels labels, Read read);
  void counter(const std::string& name, const std::string& help, Labels labels,
               const metrics::Counter& counter) {
    this->counter(name, help, std::move(labels), [&counter] { return double(counter.value()); });
  }
  template <std::size_t Edges>
  void histogram(const std::string& name, const std::string& help, Labels labels,
                 const metrics::Histogram<Edges>& histogram) {
    add_histogram(name, help, std::move(labels), [&histogram](Buckets& out) {
      out.edges = histogram.edges();
      for (std::size_t i = 0; i <= Edges; ++i) out.counts.push_back(histogram.count_in(i));
      out.sum = histogram.sum();
    });
  }
  // Series that nobody has touched yet are left out while this answers false.
  template <std::size_t Edges>
  void histogram_if(std::function<bool()> shown, const std::string& name, const std::string& help,
                    Labels labels, const metrics::Histogram<Edges>& histogram) {
    add_histogram(name, help, std::move(labels), [shown = std::move(shown), &histogram](Buckets& out) {
      if (!shown()) return;
      out.edges = histogram.edges();
      for (std::size_t i = 0; i <= Edges; ++i) out.counts.push_back(histogram.count_in(i));
      out.sum = histogram.sum();
    });
  }
  // Counters of one name whose labels only show as they are used: `read` tells each when somebody asks.
  using Count = std::function<void(Labels labels, double value)>;
  void counters(const std::string& name, const std::string& help, std::function<void(const Count&)> read);

  // Prometheus text exposition format 0.0.4.
  std::string text() const;
  static constexpr const char* content_type = "text/plain; version=0.0.4; charset=utf-8";

 private:
  struct Buckets {
    std::span<const double> edges;
    std::vector<std::uint64_t> counts;
    double sum = 0;
  };
  void add_histogram(const std::string& name, const std::string& help, Labels labels,
                     std::function<void(Buckets&)> read);

  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace voxanne::ops
