// Sample rate conversion, mono PCM16 (speexdsp): streaming, and of a whole clip.
#pragma once

#include "audio/frame.h"

#include <memory>
#include <span>
#include <vector>

struct SpeexResamplerState_;

namespace voxanne::audio {

// `light` is for a media shard (8 ↔ 16 kHz: a few µs a frame); `good` for recognition and files.
enum class Quality { light = 2, good = 6 };

// A stream: what comes out lags by the filter's half length (under 3 ms); over time the number of
// samples out is that of samples in times to/from.
class Resampler {
 public:
  // Rates in hertz, 1,000 to 192,000; anything else throws std::invalid_argument.
  Resampler(int from, int to, Quality quality);

  // At the start of a stream: leaves the lag out, so that out[i] is in[i · from / to]. What the
  // filter holds at the end is got out by feeding it `lag()` samples of silence.
  void skip_lag();
  std::size_t lag() const;  // in samples of the input

  // Appends to `out`; allocates only when its capacity does not suffice.
  void process(std::span<const Sample> in, std::vector<Sample>& out);
  // Between rates that are multiples of each other: fills `out`, of in.size() · to / from samples.
  void process_frame(std::span<const Sample> in, std::span<Sample> out);

  int from() const noexcept { return from_; }
  int to() const noexcept { return to_; }

 private:
  struct Free {
    void operator()(SpeexResamplerState_* state) const;
  };
  int from_, to_;
  std::unique_ptr<SpeexResamplerState_, Free> state_;
};

// The whole clip at the other rate, without lag, in.size() · to / from samples (rounded up).
std::vector<Sample> resampled(std::span<const Sample> in, int from, int to, Quality quality = Quality::good);

}  // namespace voxanne::audio
