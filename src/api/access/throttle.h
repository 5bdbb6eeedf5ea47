// How often a password may be tried. Failures are counted per account and address together (5), per
// address (30) and per account from anywhere (50); beyond that each doubles the wait, up to 15
// minutes. A count is forgotten 15 minutes after its last failure. An attempt counts from its
// beginning, so that many at once gain nothing, and its wait from its failure, however long the password
// took to check; whoever succeeds is given it back. Unknown accounts count like known ones.
//
// Any thread. Addresses of e-mail are kept as digests only.
#pragma once

#include "async/clock.h"
#include "base/result.h"

#include <array>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace voxanne::api {

class LoginThrottle {
 public:
  explicit LoginThrottle(const async::Clock& clock) : clock_(clock) {}

  // Errors: rate_limited (too_many_attempts), with when to come back.
  Result<> attempt(std::string_view account, std::string_view address);
  // How an attempt that was allowed has ended.
  void failed(std::string_view account, std::string_view address);
  void succeeded(std::string_view account, std::string_view address);

 private:
  struct Count {
    int failures = 0;
    SteadyTime last{}, blocked_until{};

    void block(int free, SteadyTime now);
  };
  struct Key {
    std::string name;
    int free;  // failures before the first wait
  };
  static constexpr std::size_t max_counts = 65'536;

  static std::array<Key, 3> keys_of(std::string_view account, std::string_view address);
  void make_room(SteadyTime now);

  const async::Clock& clock_;
  std::mutex mutex_;
  std::unordered_map<std::string, Count> counts_;
};

}  // namespace voxanne::api
