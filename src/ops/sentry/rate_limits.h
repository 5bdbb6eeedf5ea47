// What the tracker does not want to hear for a while: `X-Sentry-Rate-Limits` (as
// SECONDS:CATEGORY;CATEGORY:SCOPE:…, several by comma; no category means all) and a 429's
// `Retry-After`. The parser is pure; the limits are used on the client's loop only.
#pragma once

#include "base/time.h"

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace voxanne::ops::sentry {

enum class Category { error, transaction, session };
inline constexpr std::size_t categories = 3;

struct RateLimit {
  seconds lasting{60};
  std::optional<Category> category;  // nullopt: all
};

// Categories that we never send are left out, as are limits that cannot be read; none lasts over a day.
std::vector<RateLimit> parse_rate_limits(std::string_view header);
// Whole seconds; a date or nonsense is 60.
seconds parse_retry_after(std::string_view header);

class RateLimits {
 public:
  void note(int status, std::string_view limits, std::string_view retry_after, SteadyTime now);
  bool limited(Category category, SteadyTime now) const {
    return now < until_[static_cast<std::size_t>(category)];
  }

 private:
  void extend(std::optional<Category> category, SteadyTime until);
  std::array<SteadyTime, categories> until_{};
};

}  // namespace voxanne::ops::sentry
