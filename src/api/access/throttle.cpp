#include "api/access/throttle.h"

#include "base/secret.h"

#include <algorithm>

namespace voxanne::api {

namespace {

constexpr seconds longest{15 * 60};

}  // namespace

LoginThrottle::Keys LoginThrottle::keys_of(std::string_view account, std::string_view address) {
  const std::string who = sha256(account).substr(0, 16), where{address};
  return {Key{"both " + who + where, 5}, Key{"from " + where, 30}, Key{"into " + who, 50}};
}

bool LoginThrottle::Count::forgotten(SteadyTime now) const { return now - last_failure >= longest; }

SteadyTime LoginThrottle::Count::opens(int free, SteadyTime now) const {
  const int counted = under_way + (forgotten(now) ? 0 : failures);
  return under_way > 0 && counted >= free ? std::max(blocked_until, now + 1s) : blocked_until;
}

void LoginThrottle::Count::fail(int free, SteadyTime now) {
  if (forgotten(now)) failures = 0;
  last_failure = now;
  const int beyond = ++failures - free;
  if (beyond >= 0) blocked_until = now + std::min<seconds>(longest, seconds{1LL << std::min(beyond, 20)});
}

void LoginThrottle::make_room(SteadyTime now) {
  if (counts_.size() < max_counts) return;
  const auto drop = [&](auto&& needless) {
    std::erase_if(counts_,
                  [&](const auto& entry) { return entry.second.under_way == 0 && needless(entry.second); });
  };
  drop([&](const Count& count) { return count.forgotten(now); });
  // Nobody is let off: those who are made to wait stay.
  if (counts_.size() >= max_counts) drop([&](const Count& count) { return now >= count.blocked_until; });
  if (counts_.size() >= max_counts) counts_.clear();
}

Result<LoginThrottle::Attempt> LoginThrottle::attempt(std::string_view account, std::string_view address) {
  Keys keys = keys_of(account, address);
  const auto now = clock_.now();
  const std::lock_guard lock{mutex_};
  SteadyTime until{};
  for (const Key& key : keys)
    if (const auto found = counts_.find(key.name); found != counts_.end())
      until = std::max(until, found->second.opens(key.free, now));
  if (now < until)
    return Error{Fault::rate_limited, "too_many_attempts",
                 "too many failed attempts; wait before trying again",
                 std::chrono::ceil<seconds>(until - now)};
  make_room(now);
  for (const Key& key : keys) ++counts_[key.name].under_way;
  return Attempt{*this, std::move(keys)};
}

void LoginThrottle::end(const Keys& keys, Outcome outcome) {
  const auto now = clock_.now();
  const std::lock_guard lock{mutex_};
  for (const Key& key : keys) {
    const auto found = counts_.find(key.name);
    if (found == counts_.end()) continue;  // room was made for others
    Count& count = found->second;
    count.under_way = std::max(0, count.under_way - 1);
    if (outcome == Outcome::failed) count.fail(key.free, now);
    if (outcome == Outcome::succeeded && &key == &keys.front())
      count = {.failures = 0, .under_way = count.under_way, .last_failure = {}, .blocked_until = {}};
    if (count.failures == 0 && count.under_way == 0) counts_.erase(found);
  }
}

}  // namespace voxanne::api
