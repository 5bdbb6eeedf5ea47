#include "telephony/rtp/sender.h"

#include <algorithm>
#include <utility>

namespace voxanne::telephony::rtp {
namespace {

// Most of what a house says is nothing: this is cheaper than encoding it.
bool is_silent(std::span<const audio::Sample> samples) {
  int any = 0;
  for (const int x : samples) any |= x;
  return any == 0;
}

}  // namespace

Sender::Sender(std::uint32_t ssrc, std::uint16_t sequence, std::uint32_t timestamp)
    : ssrc_(ssrc), sequence_(sequence), timestamp_(timestamp) {}

void Sender::set_format(const Format& format, int leg_rate) {
  if (!encoder_ || format.codec != format_.codec) {
    encoder_.emplace(format.codec);
    resampler_.reset();
    if (sample_rate(format.codec) != leg_rate)
      resampler_.emplace(leg_rate, sample_rate(format.codec), audio::Quality::light);
  }
  format_ = format;
}

void Sender::queue_digits(std::string_view digits) { digits_.queue(digits); }

std::span<const std::uint8_t> Sender::next(const audio::Frame& said, bool sending) {
  const std::uint32_t now = timestamp_;
  timestamp_ += ticks_per_frame;
  if (!sending || !encoder_) {
    talkspurt_begins_ = true;
    return {};
  }
  const auto digit = digits_.next(now);
  if (digit && format_.event_type) {
    const auto event = write_event(digit->event);
    std::copy(event.begin(), event.end(), payload().begin());
    talkspurt_begins_ = true;
    return finish(*format_.event_type, digit->timestamp, digit->first, event.size());
  }

  const auto out = payload().first(ticks_per_frame);
  std::array<audio::Sample, 320> pcm;
  const auto samples = std::span{pcm}.first(audio::samples_per_frame(sample_rate(format_.codec)));
  if (digit) {
    fill_tone(*digit, samples);
    encoder_->encode(samples, out);
  } else if (resampler_) {
    resampler_->process_frame(said.samples(), samples);
    encoder_->encode(samples, out);
  } else if (is_silent(said.samples())) {
    encoder_->encode_silence(out);
  } else {
    encoder_->encode(said.samples(), out);
  }
  return finish(format_.payload_type, now, std::exchange(talkspurt_begins_, false), out.size());
}

void Sender::fill_tone(const DigitSender::Due& digit, std::span<audio::Sample> out) {
  if (digit.first) {
    const auto hz = audio::dtmf_frequencies(*digit_of(digit.event.code));
    tone_.emplace(sample_rate(format_.codec), hz->first, hz->second);
  }
  std::fill(out.begin(), out.end(), audio::Sample{0});
  if (tone_) tone_->fill(out);
  if (digit.event.end) tone_.reset();
}

std::span<const std::uint8_t> Sender::finish(std::uint8_t payload_type, std::uint32_t timestamp, bool marker,
                                             std::size_t payload) {
  write({.marker = marker,
         .payload_type = payload_type,
         .sequence = sequence_++,
         .timestamp = timestamp,
         .ssrc = ssrc_},
        std::span{packet_}.first<header_size>());
  ++packets_;
  octets_ += static_cast<std::uint32_t>(payload);
  return std::span{packet_}.first(header_size + payload);
}

}  // namespace voxanne::telephony::rtp
