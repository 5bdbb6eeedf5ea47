#include "telephony/rtp/receiver.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>

namespace voxanne::telephony::rtp {
namespace {

using Kind = media::JitterBuffer::Kind;

constexpr std::uint8_t comfort_noise = 13;  // RFC 3389
constexpr int quiet_peak = 400;             // -38 dB: leaving out 10 ms of this is not heard
constexpr std::size_t max_cell_samples = 160;

bool is_quiet(std::span<const audio::Sample> samples) {
  return std::all_of(samples.begin(), samples.end(), [](int x) { return std::abs(x) < quiet_peak; });
}

}  // namespace

Receiver::Receiver(const Format& format, int leg_rate)
    : format_(format), leg_rate_(leg_rate), decoder_(format.codec), concealer_(sample_rate(format.codec)) {
  if (sample_rate(format.codec) != leg_rate)
    resampler_.emplace(sample_rate(format.codec), leg_rate, audio::Quality::light);
}

bool Receiver::takes(std::uint8_t payload_type) const {
  return payload_type == format_.payload_type || is_event(payload_type) || payload_type == comfort_noise;
}

std::optional<char> Receiver::on_packet(const Packet& packet) {
  const bool audio = packet.header.payload_type == format_.payload_type;
  const auto put = jitter_.put({.ssrc = packet.header.ssrc,
                                .sequence = packet.header.sequence,
                                .timestamp = packet.header.timestamp,
                                .audio = audio,
                                .payload = packet.payload});
  if (put == media::JitterBuffer::Put::late) ++late_;
  if (put == media::JitterBuffer::Put::resynchronized) digits_.restart();
  if (!is_event(packet.header.payload_type)) return std::nullopt;
  // One beside the audio never takes its place, so the jitter buffer does not tell.
  if (std::exchange(event_ssrc_, packet.header.ssrc) != packet.header.ssrc) digits_.restart();
  return digits_.on_packet(packet.header.timestamp, packet.payload);
}

void Receiver::reset() {
  jitter_.reset();
  concealer_.reset();
  digits_.restart();
}

void Receiver::fill(audio::Frame& heard) {
  std::array<audio::Sample, 2 * max_cell_samples> pcm;
  const int rate = sample_rate(format_.codec);
  const auto cell = audio::samples_per_frame(rate) / 2;
  const Kind first = next_cell(std::span{pcm}.first(cell));
  const Kind second = next_cell(std::span{pcm}.subspan(cell, cell));

  heard.rate = leg_rate_;
  heard.kind = first == Kind::voice || second == Kind::voice ? audio::Frame::Kind::voice
               : first == Kind::lost || second == Kind::lost ? audio::Frame::Kind::concealed
                                                             : audio::Frame::Kind::silence;
  const auto samples = std::span{pcm}.first(2 * cell);
  if (resampler_)
    resampler_->process_frame(samples, heard.samples());
  else
    std::copy(samples.begin(), samples.end(), heard.pcm.begin());
}

Kind Receiver::next_cell(std::span<audio::Sample> out) {
  media::JitterBuffer::Cell cell;
  const Kind kind = jitter_.pop(cell);
  if (kind != Kind::voice) {
    if (kind == Kind::lost) ++concealed_cells_;
    concealer_.conceal(out);  // a pause fades out too
    return kind;
  }
  decoder_.decode(cell.bytes, out);
  if (jitter_.should_shorten(is_quiet(out)) && jitter_.pop(cell) == Kind::voice) {
    std::array<audio::Sample, max_cell_samples> next;
    decoder_.decode(cell.bytes, std::span{next}.first(out.size()));
    for (std::size_t i = 0; i < out.size(); ++i) {
      const auto n = static_cast<int>(out.size()), w = static_cast<int>(i);
      out[i] = static_cast<audio::Sample>((out[i] * (n - w) + next[i] * w) / n);
    }
  }
  concealer_.heard(out);
  return kind;
}

}  // namespace voxanne::telephony::rtp
