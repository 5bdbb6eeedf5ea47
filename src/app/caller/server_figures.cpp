#include "app/caller/server_figures.h"

#include <charconv>
#include <limits>

namespace voxanne::app {
namespace {

// Of name{…le="EDGE"…}. "+Inf" is no number to from_chars, and stays what it is.
double upper_edge(std::string_view series) {
  constexpr std::string_view label = "le=\"";
  const auto at = series.find(label);
  double edge = std::numeric_limits<double>::infinity();
  if (at != series.npos)
    std::from_chars(series.data() + at + label.size(), series.data() + series.size(), edge);
  return edge;
}

}  // namespace

ServerFigures server_figures(std::string_view text) {
  ServerFigures figures;
  while (!text.empty()) {
    const auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    const auto space = line.rfind(' ');
    if (line.starts_with('#') || space == line.npos) continue;
    const auto series = line.substr(0, space), name = series.substr(0, series.find('{'));
    double value = 0;
    std::from_chars(line.data() + space + 1, line.data() + line.size(), value);
    if (name == "process_cpu_seconds_total")
      figures.cpu_seconds = value;
    else if (name == "voxanne_calls_capacity")
      figures.capacity = value;
    else if (name == "voxanne_recognition_capacity")
      figures.understood = value;
    else if (name == "voxanne_recognition_turned_away_total")
      figures.turned_away = value;
    else if (name == "voxanne_media_tick_lag_seconds_bucket")
      figures.ticks_within[upper_edge(series)] += value;  // of all shards
  }
  return figures;
}

double tick_lag(const ServerFigures& before, const ServerFigures& after, double quantile) {
  const auto since = [&](double edge, double count) {
    const auto earlier = before.ticks_within.find(edge);
    return count - (earlier == before.ticks_within.end() ? 0 : earlier->second);
  };
  constexpr double unknown = std::numeric_limits<double>::infinity();
  if (after.ticks_within.empty()) return unknown;
  const auto& [last, all] = *after.ticks_within.rbegin();
  const double ticks = since(last, all);
  if (ticks <= 0) return unknown;
  double below = 0, lower = 0;
  for (const auto& [edge, count] : after.ticks_within) {
    const double within = since(edge, count);
    if (within >= quantile * ticks)
      return edge == last ? edge : lower + (edge - lower) * (quantile * ticks - below) / (within - below);
    below = within;
    lower = edge;
  }
  return last;
}

}  // namespace voxanne::app
