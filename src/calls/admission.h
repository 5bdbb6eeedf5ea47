// Who may have a call now: the one that could not be served well is refused rather than all others
// degraded.
//
//   inbound    up to max_calls
//   outbound   up to four fifths of it: the rest is kept for who calls in
//   either     up to the organization's own limit, and none while the machine is strained: while the calls
//              that run already are not served as they should be, there is no room for another
//
// Strain counts from a few calls on: what holds up a machine with hardly any is something else, and they are
// better answered than refused.
//
// Owner: the switchboard. Any thread.
#pragma once

#include "async/mutex.h"
#include "base/ids.h"
#include "domain/call.h"
#include "telephony/leg.h"

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <unordered_map>
#include <utility>

namespace voxanne::calls {

class Admission {
 public:
  struct Options {
    int max_calls = 100;
    // Why the calls that run are not served well, for the log; empty while they are. May be unset.
    std::function<std::string()> strain{};
    int strained_from = 8;  // active calls
  };

  explicit Admission(Options options) : options_(std::move(options)) {}

  // What admit() gave: goes back when this is destroyed, or before.
  class Place {
   public:
    Place(Admission& from, OrgId org) : from_(&from), org_(std::move(org)) {}
    Place(Place&& other) noexcept : from_(std::exchange(other.from_, nullptr)), org_(std::move(other.org_)) {}
    Place& operator=(Place&&) = delete;
    ~Place() { give_back(); }
    void give_back() {
      if (Admission* const from = std::exchange(from_, nullptr)) from->release(org_);
    }

   private:
    Admission* from_;
    OrgId org_;
  };

  // Nothing: admitted; a Place is made of it at once. `org_limit` 0: none of its own.
  std::optional<telephony::Refusal> admit(const OrgId& org, int org_limit, domain::Direction direction);
  void release(const OrgId& org);

  void drain() { draining_ = true; }
  bool draining() const { return draining_.load(std::memory_order_relaxed); }
  std::size_t active() const { return active_.load(std::memory_order_relaxed); }
  int max_calls() const { return options_.max_calls; }
  // Whether somebody who calls in would be taken.
  bool has_room() const;
  // Refused since start, for that reason.
  std::uint64_t refused(telephony::Refusal why) const { return refused_[std::size_t(why)].load(); }

 private:
  bool strained() const;
  std::optional<telephony::Refusal> decide(const OrgId& org, int org_limit, domain::Direction direction);

  const Options options_;
  std::atomic<std::size_t> active_{0};
  std::atomic<bool> draining_{false};
  std::array<std::atomic<std::uint64_t>, 5> refused_{};
  mutable std::atomic<bool> was_strained_{false};

  mutable async::Mutex mutex_;  // the following
  std::unordered_map<OrgId, int> by_org_;
};

}  // namespace voxanne::calls
