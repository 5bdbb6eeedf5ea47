#include "ops/sentry/rate_limits.h"

#include <algorithm>
#include <charconv>

namespace voxanne::ops::sentry {
namespace {

constexpr seconds longest{24 * 3'600};
constexpr seconds usual{60};  // what the protocol tells clients to take where nothing better is said

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::string_view take(std::string_view& text, char separator) {
  const auto end = std::min(text.find(separator), text.size());
  const auto piece = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return trim(piece);
}

std::optional<seconds> whole_seconds(std::string_view text) {
  double value = 0;  // some relays send a fraction
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc{} || end != text.data() + text.size() || !(value >= 0)) return std::nullopt;
  return seconds{static_cast<std::int64_t>(std::min(value + 0.999, double(longest.count())))};
}

}  // namespace

std::vector<RateLimit> parse_rate_limits(std::string_view header) {
  std::vector<RateLimit> out;
  while (!header.empty() && out.size() < 64) {
    auto limit = take(header, ',');
    const auto lasting = whole_seconds(take(limit, ':'));
    auto names = take(limit, ':');
    if (!lasting) continue;
    if (names.empty()) {
      out.push_back({*lasting, std::nullopt});
      continue;
    }
    while (!names.empty()) {
      const auto name = take(names, ';');
      if (name == "error" || name == "default")
        out.push_back({*lasting, Category::error});
      else if (name == "transaction")
        out.push_back({*lasting, Category::transaction});
      else if (name == "session")
        out.push_back({*lasting, Category::session});
    }
  }
  return out;
}

seconds parse_retry_after(std::string_view header) { return whole_seconds(trim(header)).value_or(usual); }

void RateLimits::note(int status, std::string_view limits, std::string_view retry_after, SteadyTime now) {
  if (!limits.empty()) {
    for (const auto& limit : parse_rate_limits(limits)) extend(limit.category, now + limit.lasting);
    return;
  }
  if (status == 429) extend(std::nullopt, now + parse_retry_after(retry_after));
}

void RateLimits::extend(std::optional<Category> category, SteadyTime until) {
  for (std::size_t i = 0; i < categories; ++i)
    if (!category || static_cast<std::size_t>(*category) == i) until_[i] = std::max(until_[i], until);
}

}  // namespace voxanne::ops::sentry
