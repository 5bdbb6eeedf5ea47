#include "telephony/sip/digest.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "telephony/sip/libre.h"

namespace voxanne::telephony::sip {
namespace {

constexpr std::size_t time_digits = 16, mac_digits = 32;

std::string md5_hex(std::string_view text) {
  std::array<std::uint8_t, MD5_SIZE> sum{};
  md5(reinterpret_cast<const std::uint8_t*>(text.data()), text.size(), sum.data());
  return to_hex({reinterpret_cast<const char*>(sum.data()), sum.size()});
}

std::string joined(std::initializer_list<std::string_view> parts) {
  std::string out;
  for (const auto part : parts) {
    if (!out.empty()) out.push_back(':');
    out += part;
  }
  return out;
}

std::optional<std::uint64_t> from_hex(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string mac_of(std::string_view key, std::string_view time, std::string_view source) {
  return to_hex(hmac_sha256(key, joined({time, source}))).substr(0, mac_digits);
}

}  // namespace

DigestAuthenticator::DigestAuthenticator(std::vector<User> users, std::string realm)
    : users_(std::move(users)), realm_(std::move(realm)), key_(random_bytes(32)) {}

std::string DigestAuthenticator::challenge(SteadyTime now, bool stale, std::string_view source) const {
  // Two challenges of one instant must differ, or the second caller's use would look like a replay.
  std::string time = to_hex(random_bytes(4));
  const auto ms =
      static_cast<std::uint32_t>(std::chrono::floor<milliseconds>(now.time_since_epoch()).count());
  std::array<char, 4> bytes{static_cast<char>(ms >> 24), static_cast<char>(ms >> 16),
                            static_cast<char>(ms >> 8), static_cast<char>(ms)};
  time.insert(0, to_hex({bytes.data(), bytes.size()}));
  return "Digest realm=\"" + realm_ + "\", nonce=\"" + time + mac_of(key_, time, source) +
         "\", algorithm=MD5, qop=\"auth\"" + (stale ? ", stale=true" : "");
}

bool DigestAuthenticator::issued(std::string_view nonce, SteadyTime now, std::string_view source) const {
  if (nonce.size() != time_digits + mac_digits) return false;
  const std::string_view time = nonce.substr(0, time_digits);
  if (!constant_time_equal(nonce.substr(time_digits), mac_of(key_, time, source))) return false;
  const auto made = from_hex(time.substr(0, 8));
  const auto ms =
      static_cast<std::uint32_t>(std::chrono::floor<milliseconds>(now.time_since_epoch()).count());
  // Modulo 2³² ms (49 days): an age that wrapped is an old nonce whose MAC still fits.
  return made && ms - static_cast<std::uint32_t>(*made) <= milliseconds{nonce_lifetime}.count();
}

void DigestAuthenticator::forget_expired(SteadyTime now) {
  for (; !expiry_.empty() && expiry_.front().first <= now; expiry_.pop_front())
    used_.erase(expiry_.front().second);
}

auto DigestAuthenticator::verify(const DigestResponse& response, std::string_view method,
                                 std::string_view uri, SteadyTime now, std::string_view source) -> Verdict {
  forget_expired(now);
  const auto count = from_hex(response.nonce_count);
  if (response.realm != realm_ || response.uri != uri || response.qop != "auth" || !count || *count == 0 ||
      response.nonce_count.size() != 8 || response.client_nonce.empty() || response.response.size() != 32)
    return Verdict::rejected;

  const auto user = std::ranges::find(users_, response.username, &User::name);
  if (user == users_.end()) return Verdict::rejected;
  const std::string ha1 = md5_hex(joined({user->name, realm_, user->password.reveal()}));
  const std::string ha2 = md5_hex(joined({method, uri}));
  const std::string expected =
      md5_hex(joined({ha1, response.nonce, response.nonce_count, response.client_nonce, "auth", ha2}));
  std::string given{response.response};
  std::ranges::transform(given, given.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  // The nonce is judged only now: an expired one with the right password deserves another chance.
  if (!constant_time_equal(given, expected)) return Verdict::rejected;
  if (!issued(response.nonce, now, source)) return Verdict::stale;

  const auto [entry, first] = used_.try_emplace(std::string{response.nonce}, 0);
  if (first) expiry_.emplace_back(now + 2 * nonce_lifetime, entry->first);
  if (*count <= entry->second) return Verdict::stale;
  entry->second = static_cast<std::uint32_t>(*count);
  return Verdict::accepted;
}

}  // namespace voxanne::telephony::sip
