// Frames whose content names their slot, for the tests and benchmarks of this folder.
#pragma once

#include "audio/frame.h"
#include "recordings/spool_file.h"

#include <string>

namespace voxanne::recordings::test {

// Multiples of 8 below 256 are values of µ-law itself: they come back exactly.
inline audio::Sample mark(std::uint64_t slot, int channel) {
  return static_cast<audio::Sample>(8 * (1 + (slot * 2 + static_cast<std::uint64_t>(channel)) % 15));
}

inline audio::Frame frame(std::uint64_t slot, int channel, int rate = audio::narrowband) {
  audio::Frame out;
  out.rate = rate;
  out.kind = audio::Frame::Kind::voice;
  for (auto& sample : out.samples()) sample = mark(slot, channel);
  return out;
}

inline audio::Frame silence(int rate = audio::narrowband) {
  audio::Frame out;
  out.rate = rate;
  return out;
}

inline SpoolHeader header(const std::string& call = "call_1", int rate = audio::narrowband) {
  return {CallId{call}, OrgId{"demo"}, rate, UtcTime{seconds{1'780'000'000}}};
}

}  // namespace voxanne::recordings::test
