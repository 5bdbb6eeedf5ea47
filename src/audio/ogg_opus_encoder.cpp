#include "audio/ogg_opus.h"

#include <cassert>
#include <new>
#include <stdexcept>

#include <opusenc.h>

namespace voxanne::audio {
namespace {

int pass_on(void* sink, const unsigned char* bytes, opus_int32 size) {
  const auto& write = *static_cast<const std::function<bool(std::span<const std::byte>)>*>(sink);
  const bool kept = write({reinterpret_cast<const std::byte*>(bytes), static_cast<std::size_t>(size)});
  return kept ? 0 : 1;
}
int close_nothing(void*) { return 0; }

constexpr OpusEncCallbacks callbacks{pass_on, close_nothing};

}  // namespace

void OggOpusEncoder::Free::operator()(OggOpusEnc* encoder) const { ope_encoder_destroy(encoder); }

OggOpusEncoder::OggOpusEncoder(int rate, int channels, Sink sink)
    : channels_(channels), sink_([this, keep = std::move(sink)](std::span<const std::byte> bytes) {
        if (!sink_failed_ && !keep(bytes)) sink_failed_ = true;
        return !sink_failed_;
      }) {
  if ((rate != narrowband && rate != wideband) || channels < 1 || channels > 2)
    throw std::invalid_argument("ogg_opus: one or two channels at 8 or 16 kHz");
  const std::unique_ptr<OggOpusComments, decltype(&ope_comments_destroy)> comments{ope_comments_create(),
                                                                                   ope_comments_destroy};
  if (!comments) throw std::bad_alloc();
  encoder_.reset(
      ope_encoder_create_callbacks(&callbacks, &sink_, comments.get(), rate, channels, 0, nullptr));
  if (!encoder_) throw std::bad_alloc();
  ope_encoder_ctl(encoder_.get(), OPUS_SET_COMPLEXITY(0));
  // Below 20 kbit/s a channel the sides of a narrowband call are coded as their middle and leak into each
  // other.
  ope_encoder_ctl(encoder_.get(), OPUS_SET_BITRATE(24'000 * channels));
  ope_encoder_ctl(encoder_.get(), OPUS_SET_SIGNAL(OPUS_SIGNAL_VOICE));
}

OggOpusEncoder::~OggOpusEncoder() = default;

Result<> OggOpusEncoder::outcome(int code) {
  if (sink_failed_) return internal("opus_sink_failed", "the encoded audio could not be written");
  if (code != OPE_OK) return internal("opus_encode_failed", std::string{"libopusenc: "} + ope_strerror(code));
  return {};
}

Result<> OggOpusEncoder::write(std::span<const Sample> interleaved) {
  assert(interleaved.size() % static_cast<std::size_t>(channels_) == 0);
  return outcome(ope_encoder_write(encoder_.get(), interleaved.data(),
                                   static_cast<int>(interleaved.size()) / channels_));
}

Result<> OggOpusEncoder::finish() { return outcome(ope_encoder_drain(encoder_.get())); }

}  // namespace voxanne::audio
