#include "api/outages.h"

#include <utility>

namespace voxanne::api {

std::optional<std::int64_t> Outages::tell(const std::string& code, SteadyTime now) {
  const std::scoped_lock lock{mutex_};
  const auto [entry, first] = codes_.try_emplace(code, Told{now});
  Told& last = entry->second;
  if (!first && now - last.at < seconds{1}) {
    ++last.untold;
    return std::nullopt;
  }
  last.at = now;
  return std::exchange(last.untold, 0);
}

}  // namespace voxanne::api
