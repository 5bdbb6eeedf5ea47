#include "audio/resampler.h"

#include <cassert>
#include <cstdint>
#include <new>
#include <stdexcept>

#include <speex/speex_resampler.h>

namespace voxanne::audio {

void Resampler::Free::operator()(SpeexResamplerState_* state) const { speex_resampler_destroy(state); }

Resampler::Resampler(int from, int to, Quality quality) : from_(from), to_(to) {
  for (const int rate : {from, to})
    if (rate < 1'000 || rate > 192'000) throw std::invalid_argument("resampler: rate out of range");
  state_.reset(speex_resampler_init(1, static_cast<spx_uint32_t>(from), static_cast<spx_uint32_t>(to),
                                    static_cast<int>(quality), nullptr));
  if (!state_) throw std::bad_alloc();
}

void Resampler::skip_lag() { speex_resampler_skip_zeros(state_.get()); }

std::size_t Resampler::lag() const {
  return static_cast<std::size_t>(speex_resampler_get_input_latency(state_.get())) + 1;
}

void Resampler::process(std::span<const Sample> in, std::vector<Sample>& out) {
  while (!in.empty()) {
    const std::size_t before = out.size();
    out.resize(before + in.size() * static_cast<std::size_t>(to_) / static_cast<std::size_t>(from_) + 2);
    auto taken = static_cast<spx_uint32_t>(in.size());
    auto made = static_cast<spx_uint32_t>(out.size() - before);
    speex_resampler_process_int(state_.get(), 0, in.data(), &taken, out.data() + before, &made);
    out.resize(before + made);
    in = in.subspan(taken);
  }
}

void Resampler::process_frame(std::span<const Sample> in, std::span<Sample> out) {
  assert(in.size() * static_cast<std::size_t>(to_) == out.size() * static_cast<std::size_t>(from_));
  auto taken = static_cast<spx_uint32_t>(in.size());
  auto made = static_cast<spx_uint32_t>(out.size());
  speex_resampler_process_int(state_.get(), 0, in.data(), &taken, out.data(), &made);
  assert(taken == in.size() && made == out.size());
}

std::vector<Sample> resampled(std::span<const Sample> in, int from, int to, Quality quality) {
  if (from == to) return {in.begin(), in.end()};
  Resampler resampler{from, to, quality};
  resampler.skip_lag();
  const std::size_t wanted = (in.size() * static_cast<std::size_t>(to) + static_cast<std::size_t>(from) - 1) /
                             static_cast<std::size_t>(from);
  std::vector<Sample> out;
  out.reserve(wanted + 1'024);
  resampler.process(in, out);
  const std::vector<Sample> silence(resampler.lag());
  while (out.size() < wanted) resampler.process(silence, out);
  out.resize(wanted);
  return out;
}

}  // namespace voxanne::audio
