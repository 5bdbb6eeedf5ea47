// A secret that cannot be logged, streamed, formatted or compared in variable time. reveal() is
// the only way to its text, so that every use can be found by name. Wiped when destroyed.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace voxanne {

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string text) : text_(std::move(text)) {}
  Secret(const Secret&) = default;
  Secret(Secret&& other) noexcept;
  Secret& operator=(const Secret& other);
  Secret& operator=(Secret&& other) noexcept;
  ~Secret();

  std::string_view reveal() const noexcept { return text_; }
  bool empty() const noexcept { return text_.empty(); }
  std::size_t size() const noexcept { return text_.size(); }

 private:
  std::string text_;
};

// Constant time in the length of `b`.
bool constant_time_equal(std::string_view a, std::string_view b);

// HMAC-SHA256(root, purpose) as 32 raw bytes: one purpose's key never opens another's
// (HKDF-Expand of RFC 5869 with a single block; the root is already uniform).
Secret derive_key(const Secret& root, std::string_view purpose);

std::string hmac_sha256(std::string_view key, std::string_view message);  // 32 raw bytes
std::string sha256(std::string_view message);                             // 32 raw bytes
// The same of what comes in pieces.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  void update(std::string_view piece);
  std::string finish();  // once

 private:
  struct State;
  std::unique_ptr<State> state_;
};
std::string random_bytes(std::size_t count);
std::string to_hex(std::string_view bytes);
std::string to_base64url(std::string_view bytes);  // no padding (RFC 4648 §5)
// False on any character outside the alphabet, padding or impossible length.
bool from_base64url(std::string_view text, std::string& out);

}  // namespace voxanne
