#include "api/access/throttle.h"

#include "base/secret.h"

#include <algorithm>

namespace voxanne::api {

namespace {

constexpr seconds longest{15 * 60};

}  // namespace

std::array<LoginThrottle::Key, 3> LoginThrottle::keys_of(std::string_view account, std::string_view address) {
  const std::string who = sha256(account).substr(0, 16), where{address};
  return {Key{"both " + who + where, 5}, Key{"from " + where, 30}, Key{"into " + who, 50}};
}

void LoginThrottle::make_room(SteadyTime now) {
  if (counts_.size() < max_counts) return;
  std::erase_if(counts_, [&](const auto& entry) { return now - entry.second.last >= longest; });
  // Nobody is let off: those who are made to wait stay.
  if (counts_.size() >= max_counts)
    std::erase_if(counts_, [&](const auto& entry) { return now >= entry.second.blocked_until; });
  if (counts_.size() >= max_counts) counts_.clear();
}

Result<> LoginThrottle::attempt(std::string_view account, std::string_view address) {
  const auto keys = keys_of(account, address);
  const auto now = clock_.now();
  const std::lock_guard lock{mutex_};
  SteadyTime until{};
  for (const Key& key : keys)
    if (const auto found = counts_.find(key.name); found != counts_.end())
      until = std::max(until, found->second.blocked_until);
  if (now < until)
    return Error{Fault::rate_limited, "too_many_attempts",
                 "too many failed attempts; wait before trying again",
                 std::chrono::ceil<seconds>(until - now)};
  make_room(now);
  for (const Key& key : keys) {
    Count& count = counts_[key.name];
    if (now - count.last >= longest) count.failures = 0;
    count.last = now;
    ++count.failures;
    count.block(key.free, now);
  }
  return {};
}

void LoginThrottle::Count::block(int free, SteadyTime now) {
  const int beyond = failures - free;
  if (beyond >= 0) blocked_until = now + std::min<seconds>(longest, seconds{1LL << std::min(beyond, 20)});
}

void LoginThrottle::failed(std::string_view account, std::string_view address) {
  const auto keys = keys_of(account, address);
  const auto now = clock_.now();
  const std::lock_guard lock{mutex_};
  for (const Key& key : keys)
    if (const auto found = counts_.find(key.name); found != counts_.end()) found->second.block(key.free, now);
}

void LoginThrottle::succeeded(std::string_view account, std::string_view address) {
  const auto keys = keys_of(account, address);
  const std::lock_guard lock{mutex_};
  counts_.erase(keys.front().name);
  for (const Key& key : {keys[1], keys[2]}) {
    const auto found = counts_.find(key.name);
    if (found == counts_.end()) continue;
    if (--found->second.failures <= 0)
      counts_.erase(found);
    else if (found->second.failures < key.free)
      found->second.blocked_until = {};
  }
}

}  // namespace voxanne::api
