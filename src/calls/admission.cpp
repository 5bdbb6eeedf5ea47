#include "calls/admission.h"

#include "base/log.h"

#include <mutex>

namespace voxanne::calls {

using telephony::Refusal;

bool Admission::strained() const {
  if (!options_.strain || active() < std::size_t(options_.strained_from)) return false;
  const std::string why = options_.strain();
  const bool now = !why.empty();
  if (was_strained_.exchange(now) != now) {
    if (now)
      log::warning("calls.strained", {{"why", why}, {"active", active()}});
    else
      log::info("calls.strain_gone", {{"active", active()}});
  }
  return now;
}

bool Admission::has_room() const {
  return !draining() && active() < std::size_t(options_.max_calls) && !strained();
}

std::optional<Refusal> Admission::admit(const OrgId& org, int org_limit, domain::Direction direction) {
  const auto refusal = decide(org, org_limit, direction);
  if (refusal) ++refused_[std::size_t(*refusal)];
  return refusal;
}

std::optional<Refusal> Admission::decide(const OrgId& org, int org_limit, domain::Direction direction) {
  if (draining()) return Refusal::draining;
  if (strained()) return Refusal::server_full;
  const int kept = direction == domain::Direction::outbound ? (options_.max_calls + 4) / 5 : 0;
  const std::lock_guard lock{mutex_};
  if (active() >= std::size_t(options_.max_calls - kept)) return Refusal::server_full;
  const auto entry = by_org_.find(org);
  if (org_limit > 0 && entry != by_org_.end() && entry->second >= org_limit)
    return Refusal::organization_full;
  ++by_org_[org];
  ++active_;
  return std::nullopt;
}

void Admission::release(const OrgId& org) {
  const std::lock_guard lock{mutex_};
  if (const auto entry = by_org_.find(org); entry != by_org_.end() && --entry->second == 0)
    by_org_.erase(entry);
  --active_;
}

}  // namespace voxanne::calls
