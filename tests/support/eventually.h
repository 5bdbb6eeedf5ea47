// Waits, by asking again, for what another thread or process does and no virtual clock can bring about.
#pragma once

#include "support/patience.h"

#include <chrono>
#include <thread>

namespace voxanne::test {

// Whether `so` came to hold within `limit`.
template <class Condition>
bool eventually(Condition so, std::chrono::milliseconds limit = std::chrono::seconds{30}) {
  const auto until = std::chrono::steady_clock::now() + patient(limit);
  for (;;) {
    if (so()) return true;
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
  }
}

}  // namespace voxanne::test
