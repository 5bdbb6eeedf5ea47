// W3C Trace Context (https://www.w3.org/TR/trace-context/): which larger piece of work a request or
// a call belongs to. A caller's `traceparent` is continued; without one, or with a broken one, a
// trace of our own begins.
//
//   const Trace trace = Trace::continued(request.headers.get("traceparent"));
//   log::info("…", {{"traceId", trace.trace_id()}});
//
// Values; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace voxanne {

class Trace {
 public:
  // All zero: there is none.
  Trace() = default;

  // 00-<32 hex>-<16 hex>-<2 hex>: lower case, ids not zero, version not ff; a later version may carry
  // more after the flags (§3.2.2). nullopt on anything else.
  static std::optional<Trace> parse(std::string_view traceparent);
  static Trace begin();
  // A span of our own inside the trace of `traceparent`; a new trace where that is not one.
  static Trace continued(std::string_view traceparent);

  bool empty() const noexcept { return ids_[0] == 0; }
  std::string_view trace_id() const noexcept { return {ids_.data(), empty() ? 0u : 32u}; }
  std::string_view span_id() const noexcept { return {ids_.data() + 32, empty() ? 0u : 16u}; }
  // The caller's span; empty where the trace began here.
  std::string_view parent_span_id() const noexcept { return {ids_.data() + 48, ids_[48] == 0 ? 0u : 16u}; }
  // Whether the caller keeps this trace (§3.2.2.5.1); nullopt where nobody decided.
  std::optional<bool> sampled() const noexcept { return decided_ ? std::optional{sampled_} : std::nullopt; }

  // What to send along with a request of ours that belongs to this span.
  std::string traceparent() const;
  // Another span of the same trace, whose parent this one is.
  Trace child() const;

 private:
  void new_span();

  std::array<char, 64> ids_{};  // trace, span, parent span: hex, no terminator
  bool decided_ = false, sampled_ = false;
};

}  // namespace voxanne
