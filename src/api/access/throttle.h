// How often a password may be tried. Failures are counted per account and address together (5), per
// address (30) and per account from anywhere (50); beyond that each doubles the wait, up to 15
// minutes, from its failure, however long the password took to check. A count is forgotten 15 minutes
// after its last failure. Attempts under way count as if they would fail, so that many at once gain
// nothing: beyond the free ones they come one at a time. Whoever succeeds starts afresh from there;
// what others have failed from that address, or at that account, stays as it was. Unknown accounts count
// like known ones.
//
// Whoever fails at an account from everywhere does not keep its owner out where they are known: at the eight
// addresses from which they have succeeded last, each for 30 days, the count from anywhere does not hold, and
// failures there are not in it. From all other addresses every account looks alike, existing or not.
//
// Any thread; outlives its attempts. Addresses of e-mail are kept as digests only.
#pragma once

#include "async/clock.h"
#include "base/result.h"

#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace voxanne::api {

class LoginThrottle {
  struct Key {
    std::string name;
    int free;  // failures before the first wait
  };
  struct Keys {
    std::string who, where;
    std::vector<Key> counted;  // first that of both together
  };
  enum class Outcome { failed, succeeded, not_judged };

 public:
  explicit LoginThrottle(const async::Clock& clock) : clock_(clock) {}

  // One that was allowed. Without a verdict on its password it ends as if it had not been.
  class Attempt {
   public:
    Attempt(LoginThrottle& throttle, Keys keys) : throttle_(&throttle), keys_(std::move(keys)) {}
    Attempt(Attempt&& other) noexcept
        : throttle_(std::exchange(other.throttle_, nullptr)), keys_(std::move(other.keys_)) {}
    Attempt& operator=(Attempt&&) = delete;
    ~Attempt() { end(Outcome::not_judged); }

    void failed() { end(Outcome::failed); }
    void succeeded() { end(Outcome::succeeded); }

   private:
    void end(Outcome outcome) {
      if (auto* throttle = std::exchange(throttle_, nullptr)) throttle->end(keys_, outcome);
    }

    LoginThrottle* throttle_;
    Keys keys_;
  };

  // Errors: rate_limited (too_many_attempts), with when to come back.
  Result<Attempt> attempt(std::string_view account, std::string_view address);

 private:
  struct Count {
    int failures = 0, under_way = 0;
    SteadyTime last_failure{}, blocked_until{};

    bool forgotten(SteadyTime now) const;
    SteadyTime opens(int free, SteadyTime now) const;
    void fail(int free, SteadyTime now);
  };
  struct Place {
    std::string address;
    SteadyTime last_success;
  };
  static constexpr std::size_t max_counts = 65'536, max_known = 4'096, max_places = 8;

  static Keys keys_of(std::string_view account, std::string_view address);
  bool is_known(const Keys& keys, SteadyTime now) const;
  void know(const Keys& keys, SteadyTime now);
  void make_room(SteadyTime now);
  void end(const Keys& keys, Outcome outcome);

  const async::Clock& clock_;
  std::mutex mutex_;
  std::unordered_map<std::string, Count> counts_;
  std::unordered_map<std::string, std::vector<Place>> known_;  // by account; the latest success last
};

}  // namespace voxanne::api
