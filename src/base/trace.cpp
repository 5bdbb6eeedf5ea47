#include "base/trace.h"

#include "base/secret.h"

#include <algorithm>

namespace voxanne {
namespace {

bool is_hex(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool is_zero(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c == '0'; });
}

// Ids are no secrets: a thread asks the kernel for many at once. Every request without a caller's trace
// comes by here.
std::string_view some_random(std::size_t bytes) {
  thread_local std::string pool;
  thread_local std::size_t used = 0;
  if (used + bytes > pool.size()) {
    pool = random_bytes(1024);
    used = 0;
  }
  used += bytes;
  return std::string_view{pool}.substr(used - bytes, bytes);
}

// Random and never all zero, which would mean that there is none.
void fill_id(char* out, std::size_t digits) {
  std::string hex;
  do hex = to_hex(some_random(digits / 2));
  while (is_zero(hex));
  std::ranges::copy(hex, out);
}

}  // namespace

std::optional<Trace> Trace::parse(std::string_view text) {
  constexpr std::size_t size = 55;
  if (text.size() < size || text[2] != '-' || text[35] != '-' || text[52] != '-') return std::nullopt;
  const auto version = text.substr(0, 2), trace = text.substr(3, 32), span = text.substr(36, 16),
             flags = text.substr(53, 2);
  if (!is_hex(version) || version == "ff" || !is_hex(trace) || is_zero(trace) || !is_hex(span) ||
      is_zero(span) || !is_hex(flags))
    return std::nullopt;
  if (text.size() > size && (version == "00" || text[size] != '-')) return std::nullopt;
  Trace out;
  std::ranges::copy(trace, out.ids_.begin());
  std::ranges::copy(span, out.ids_.begin() + 32);
  out.decided_ = true;
  const char last = flags[1];
  out.sampled_ = ((last >= 'a' ? last - 'a' + 10 : last - '0') & 1) != 0;
  return out;
}

Trace Trace::begin() {
  Trace out;
  fill_id(out.ids_.data(), 32);
  out.new_span();
  return out;
}

Trace Trace::continued(std::string_view traceparent) {
  const auto theirs = parse(traceparent);
  return theirs ? theirs->child() : begin();
}

Trace Trace::child() const {
  Trace out = *this;
  std::copy_n(ids_.begin() + 32, 16, out.ids_.begin() + 48);
  out.new_span();
  return out;
}

void Trace::new_span() { fill_id(ids_.data() + 32, 16); }

std::string Trace::traceparent() const {
  if (empty()) return {};
  std::string out = "00-";
  out.append(trace_id()).append("-").append(span_id()).append(decided_ && sampled_ ? "-01" : "-00");
  return out;
}

}  // namespace voxanne
