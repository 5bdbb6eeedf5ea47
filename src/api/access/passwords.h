// Passwords with Argon2id (RFC 9106): 64 MiB and two passes, on a thread of its own, one at a time, so
// that logins neither fill the memory nor hold up whoever else computes.
//
// Owner: app. Any loop may ask. Errors: unavailable (login_busy) when too many wait; malformed
// (weak_password).
#pragma once

#include "async/worker_pool.h"
#include "base/result.h"
#include "base/secret.h"

#include <atomic>
#include <optional>
#include <string>

namespace voxanne::api {

class Passwords {
 public:
  static constexpr std::size_t min_length = 10, max_length = 256;  // bytes
  enum class Cost { full, least };  // least: for a demo, whose password is shown anyway

  explicit Passwords(int max_waiting = 32) : max_waiting_(max_waiting) {}
  void stop() { thread_.stop(); }

  async::Task<Result<std::string>> hash(Secret password);
  // The same work whether there is a hash or not: nobody learns from the time who has an account.
  async::Task<Result<bool>> verify(std::optional<std::string> hash, Secret password);

  // What a new password must be: 10 to 256 bytes, and not one of the first that are tried.
  static Result<> check(std::string_view password);
  static std::string hash_now(const Secret& password, Cost cost = Cost::full);  // blocks
  // 16 characters, easily read out: for passwords that a person is given.
  static Secret generate();

 private:
  const int max_waiting_;
  std::atomic<int> waiting_{0};
  async::WorkerPool thread_{"passwords", 1};
};

}  // namespace voxanne::api
