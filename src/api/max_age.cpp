#include "api/max_age.h"

#include <algorithm>
#include <charconv>

namespace voxanne::api {

std::optional<seconds> max_age(const net::Headers& headers) {
  std::string_view value = headers.get("Cache-Control");
  while (!value.empty()) {
    const auto comma = std::min(value.find(','), value.size());
    auto directive = value.substr(0, comma);
    while (directive.starts_with(' ')) directive.remove_prefix(1);
    constexpr std::string_view name = "max-age=";
    std::int64_t count = 0;
    if (net::equal_ignoring_case(directive.substr(0, name.size()), name)) {
      const auto digits = directive.substr(name.size());
      if (std::from_chars(digits.data(), digits.data() + digits.size(), count).ec == std::errc{} &&
          count >= 0)
        return seconds{std::min<std::int64_t>(count, 86'400)};
    }
    value.remove_prefix(std::min(comma + 1, value.size()));
  }
  return std::nullopt;
}

}  // namespace voxanne::api
