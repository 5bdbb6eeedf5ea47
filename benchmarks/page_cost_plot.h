// An SVG of lines over a logarithmic number of calls: what docs/ keeps of dashboard_bench.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

namespace voxanne::bench {

struct Line {
  std::string name;
  std::vector<std::pair<double, double>> points;  // calls, µs
};

inline void write_plot(const std::string& path, const std::vector<Line>& lines) {
  constexpr double width = 860, height = 440, left = 70, right = 270, top = 50, bottom = 60;
  constexpr const char* colours[] = {"#0b6e99", "#c2410c", "#15803d", "#7e22ce", "#b91c1c",
                                     "#a16207", "#0f766e", "#475569", "#be185d"};
  double least = 1e18, most_calls = 0, most = 0;
  for (const auto& line : lines)
    for (const auto& [calls, micros] : line.points) {
      least = std::min(least, calls);
      most_calls = std::max(most_calls, calls);
      most = std::max(most, micros);
    }
  const double low = std::floor(std::log10(least)),
               high = std::max(low + 1, std::ceil(std::log10(most_calls)));
  // Powers of ten upwards too: the pages differ from each other far more than with the number of calls.
  const double up_low = 0, up_high = std::ceil(std::log10(most));
  const auto x = [&](double calls) {
    return left + (std::log10(calls) - low) / (high - low) * (width - left - right);
  };
  const auto y = [&](double micros) {
    return height - bottom -
           (std::log10(std::max(micros, 1.0)) - up_low) / (up_high - up_low) * (height - top - bottom);
  };
  std::ofstream out{path};
  char text[400];
  const auto write = [&](const char* format, auto... values) {
    std::snprintf(text, sizeof text, format, values...);
    out << text;
  };
  write(
      "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 %.0f %.0f' font-family='sans-serif' "
      "font-size='12'>\n"
      "<rect width='100%%' height='100%%' fill='white'/>\n",
      width, height);
  write("<text x='%.0f' y='24' font-size='15'>What a page of 20 calls costs in the store, µs</text>\n", left);
  for (double power = up_low; power <= up_high; ++power)
    write(
        "<line x1='%.1f' x2='%.1f' y1='%.1f' y2='%.1f' stroke='#e2e8f0'/><text x='%.1f' y='%.1f' "
        "text-anchor='end'>%.0f</text>\n",
        left, width - right, y(std::pow(10, power)), y(std::pow(10, power)), left - 8,
        y(std::pow(10, power)) + 4, std::pow(10, power));
  for (double power = low; power <= high; ++power)
    write("<text x='%.1f' y='%.1f' text-anchor='middle'>%.0f</text>\n", x(std::pow(10, power)),
          height - bottom + 20, std::pow(10, power));
  write("<text x='%.1f' y='%.1f' text-anchor='middle'>calls of the organization</text>\n",
        (left + width - right) / 2, height - 14);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const char* colour = colours[i % std::size(colours)];
    out << "<polyline fill='none' stroke-width='2' stroke='" << colour << "' points='";
    for (const auto& [calls, micros] : lines[i].points) write("%.1f,%.1f ", x(calls), y(micros));
    out << "'/>\n";
    for (const auto& [calls, micros] : lines[i].points)
      write("<circle r='3' cx='%.1f' cy='%.1f' fill='%s'/>\n", x(calls), y(micros), colour);
    const double at = top + 20.0 * double(i);
    write(
        "<line x1='%.1f' x2='%.1f' y1='%.1f' y2='%.1f' stroke-width='2' stroke='%s'/><text x='%.1f' "
        "y='%.1f'>%s</text>\n",
        width - right + 20, width - right + 40, at, at, colour, width - right + 46, at + 4,
        lines[i].name.c_str());
  }
  out << "</svg>\n";
}

}  // namespace voxanne::bench
