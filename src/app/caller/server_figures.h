// What a server says of itself at /metrics, as far as a load test judges by it. Pure.
//
//   const auto before = server_figures(text);  …  const auto lag = tick_lag(before, after, 0.99);
#pragma once

#include <map>
#include <string_view>

namespace voxanne::app {

struct ServerFigures {
  double cpu_seconds = 0;                 // since it started, without its speech workers
  double capacity = 0;                    // calls at a time, beyond which it refuses
  double understood = 0;                  // callers that its own recognition has room for; 0: it has none
  double turned_away = 0;                 // callers guided by keys for want of that room, since it started
  std::map<double, double> ticks_within;  // ticks since it started that were at most so many seconds late
};

// `text`: Prometheus exposition format 0.0.4. What is not in it stays 0.
ServerFigures server_figures(std::string_view text);

// Seconds that the given quantile of the ticks between two answers was late, interpolated within its bucket
// as Prometheus' histogram_quantile does; infinite beyond the last edge, and when none ticked or none is told
// of: nobody is to take that for good.
double tick_lag(const ServerFigures& before, const ServerFigures& after, double quantile);

}  // namespace voxanne::app
