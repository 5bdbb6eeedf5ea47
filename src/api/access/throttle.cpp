#include "api/access/throttle.h"

#include "base/secret.h"

#include <algorithm>

namespace voxanne::api {

namespace {

constexpr seconds longest{15 * 60};
constexpr seconds known_for{30 * 86'400};

}  // namespace

LoginThrottle::Keys LoginThrottle::keys_of(std::string_view account, std::string_view address) {
  const std::string who = sha256(account).substr(0, 16), where{address};
  return {.who = who,
          .where = where,
          .counted = {{"both " + who + where, 5}, {"from " + where, 30}, {"into " + who, 50}}};
}

bool LoginThrottle::is_known(const Keys& keys, SteadyTime now) const {
  const auto found = known_.find(keys.who);
  return found != known_.end() && std::ranges::any_of(found->second, [&](const Place& place) {
           return place.address == keys.where && now - place.last_success < known_for;
         });
}

// Few places an account: however many addresses somebody has, they crowd out no other account's, and are of
// little use to guess the password that takes the place of one they knew.
void LoginThrottle::know(const Keys& keys, SteadyTime now) {
  if (known_.size() >= max_known && !known_.contains(keys.who))
    known_.erase(std::ranges::min_element(
        known_, {}, [](const auto& entry) { return entry.second.back().last_success; }));
  std::vector<Place>& places = known_[keys.who];
  std::erase_if(places, [&](const Place& place) { return place.address == keys.where; });
  if (places.size() >= max_places) places.erase(places.begin());
  places.push_back({keys.where, now});
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
  if (is_known(keys, now)) keys.counted.pop_back();
  SteadyTime until{};
  for (const Key& key : keys.counted)
    if (const auto found = counts_.find(key.name); found != counts_.end())
      until = std::max(until, found->second.opens(key.free, now));
  if (now < until)
    return Error{Fault::rate_limited, "too_many_attempts",
                 "too many failed attempts; wait before trying again",
                 std::chrono::ceil<seconds>(until - now)};
  make_room(now);
  for (const Key& key : keys.counted) ++counts_[key.name].under_way;
  return Attempt{*this, std::move(keys)};
}

void LoginThrottle::end(const Keys& keys, Outcome outcome) {
  const auto now = clock_.now();
  const std::lock_guard lock{mutex_};
  if (outcome == Outcome::succeeded) know(keys, now);
  for (const Key& key : keys.counted) {
    const auto found = counts_.find(key.name);
    if (found == counts_.end()) continue;  // room was made for others
    Count& count = found->second;
    count.under_way = std::max(0, count.under_way - 1);
    if (outcome == Outcome::failed) count.fail(key.free, now);
    if (outcome == Outcome::succeeded && &key == &keys.counted.front())
      count = {.failures = 0, .under_way = count.under_way, .last_failure = {}, .blocked_until = {}};
    if (count.failures == 0 && count.under_way == 0) counts_.erase(found);
  }
}

}  // namespace voxanne::api
