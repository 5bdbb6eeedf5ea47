#include "api/access/passwords.h"

#include "base/time.h"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <new>
#include <stdexcept>

namespace voxanne::api {

namespace {

constexpr unsigned long long full_passes = crypto_pwhash_OPSLIMIT_INTERACTIVE;
constexpr std::size_t full_memory = crypto_pwhash_MEMLIMIT_INTERACTIVE;

// The hash of no password, at full cost.
constexpr const char* decoy =
    "$argon2id$v=19$m=65536,t=2,p=1$UwbMYQeS5CzW4qjwDNOzbA$xCwLGXMyrsJ5bpm04eSODl+WGf9LeiHX8YzMJv+aQLw";

bool matches(const std::string& hash, const Secret& password) {
  std::array<char, crypto_pwhash_STRBYTES> text{};
  if (hash.size() >= text.size()) return false;
  std::ranges::copy(hash, text.begin());
  return crypto_pwhash_str_verify(text.data(), password.reveal().data(), password.size()) == 0;
}

struct Waiting {
  explicit Waiting(std::atomic<int>& c) : count(c) {}
  ~Waiting() { --count; }
  std::atomic<int>& count;
};

Error busy() {
  return {Fault::unavailable, "login_busy", "too many people are signing in; try again in a moment",
          seconds{2}};
}

}  // namespace

std::string Passwords::hash_now(const Secret& password, Cost cost) {
  std::array<char, crypto_pwhash_STRBYTES> text{};
  const bool full = cost == Cost::full;
  if (crypto_pwhash_str(text.data(), password.reveal().data(), password.size(),
                        full ? full_passes : crypto_pwhash_OPSLIMIT_MIN,
                        full ? full_memory : crypto_pwhash_MEMLIMIT_MIN) != 0)
    throw std::bad_alloc();
  return text.data();
}

async::Task<Result<std::string>> Passwords::hash(Secret password) {
  if (waiting_.fetch_add(1) >= max_waiting_) {
    --waiting_;
    co_return busy();
  }
  const Waiting waits{waiting_};
  co_return co_await thread_.run([&password] { return hash_now(password); });
}

async::Task<Result<bool>> Passwords::verify(std::optional<std::string> hash, Secret password) {
  if (waiting_.fetch_add(1) >= max_waiting_) {
    --waiting_;
    co_return busy();
  }
  const Waiting waits{waiting_};
  co_return co_await thread_.run([&hash, &password] {
    const bool same = matches(hash ? *hash : decoy, password);
    return same && hash.has_value();
  });
}

Result<> Passwords::check(std::string_view password) {
  if (password.size() < min_length || password.size() > max_length)
    return malformed("weak_password", "a password has 10 to 256 characters");
  const bool one_letter = std::ranges::all_of(password, [&](char c) { return c == password.front(); });
  for (const std::string_view common :
       {"1234567890", "0123456789", "password123", "passwordpassword", "password1234", "qwertyuiop",
        "qwerty12345", "1q2w3e4r5t", "letmein123", "iloveyou12", "12345678910", "changeme123"})
    if (one_letter || password == common)
      return malformed("weak_password", "this password is among the first that are tried; choose another");
  return {};
}

Secret Passwords::generate() {
  constexpr std::string_view letters = "abcdefghijkmnpqrstuvwxyz23456789";  // 32, none alike
  std::string text;
  for (const unsigned char byte : random_bytes(16)) text += letters[byte % letters.size()];
  return Secret{text};
}

}  // namespace voxanne::api
