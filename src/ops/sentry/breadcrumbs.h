// What happened last: the newest log lines, for an event's breadcrumbs and for a crash report. A ring
// of fixed memory; writing takes no lock and no allocation, and gives a line up rather than wait.
//
// add() and newest() on any thread; visit() also from a signal handler.
#pragma once

#include "base/time.h"
#include "base/unhandled.h"

#include <array>
#include <atomic>
#include <string>
#include <vector>

namespace voxanne::ops::sentry {

struct Breadcrumb {
  UtcTime at{};
  log::Level level = log::Level::info;
  std::string category{};  // the line's event: "call.answered"
  std::string message{};   // its fields, scrubbed: "callId=call_01… rate=16000"
};

class Breadcrumbs {
 public:
  void add(UtcTime at, const log::Line& line);
  std::vector<Breadcrumb> newest(std::size_t at_most) const;  // oldest first

  // In a signal handler: raw slots, oldest first; text may be torn by whoever was writing it.
  struct Slot {
    std::atomic_flag busy = ATOMIC_FLAG_INIT;
    std::int64_t at_ms = 0;
    log::Level level = log::Level::info;
    std::uint16_t category_size = 0, message_size = 0;
    std::array<char, 48> category{};
    std::array<char, 256> message{};
  };
  template <class F>
  void visit(F f) const {
    const auto end = next_.load(std::memory_order_relaxed);
    for (std::uint32_t i = 0; i < count; ++i) f(slots_[(end + i) % count]);
  }

  static constexpr std::uint32_t count = 64;

 private:
  mutable std::array<Slot, count> slots_;
  std::atomic<std::uint32_t> next_{0};
};

// A line's fields as "key=value key=value", scrubbed.
std::string describe(std::span<const log::Field> fields);
// A field's value as text, scrubbed by its key.
std::string text_of(const log::Field& field);

}  // namespace voxanne::ops::sentry
