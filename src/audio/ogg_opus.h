// Ogg Opus (RFC 7845): how recordings are kept. Encoder and decoder stream in bounded memory,
// whatever the length; both compute and block, so they run on workers, never on a shard.
#pragma once

#include "audio/frame.h"
#include "audio/resampler.h"
#include "base/result.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

struct OggOpusEnc;
struct OggOpusFile;

namespace voxanne::audio {

// PCM16 in, an Ogg stream out in pieces of up to 64 KiB, a page per second of audio. Complexity 0:
// about 0.008 core a stereo call in real time, a third of what libopus takes by default.
class OggOpusEncoder {
 public:
  // Takes the next bytes of the stream; false when they cannot be kept, which fails the encoder.
  using Sink = std::function<bool(std::span<const std::byte>)>;

  // One or two channels at 8 or 16 kHz; anything else throws std::invalid_argument.
  OggOpusEncoder(int rate, int channels, Sink sink);
  ~OggOpusEncoder();
  OggOpusEncoder(const OggOpusEncoder&) = delete;
  OggOpusEncoder& operator=(const OggOpusEncoder&) = delete;

  // internal "opus_sink_failed", "opus_encode_failed"; after an error only destruction makes sense.
  Result<> write(std::span<const Sample> interleaved);
  // Writes what is held back and ends the stream; once. Without it the stream lacks its end.
  Result<> finish();

 private:
  struct Free {
    void operator()(OggOpusEnc* encoder) const;
  };
  Result<> outcome(int code);

  int channels_;
  Sink sink_;
  bool sink_failed_ = false;
  std::unique_ptr<OggOpusEnc, Free> encoder_;
};

// Where a decoder reads from.
class OggOpusSource {
 public:
  virtual ~OggOpusSource() = default;
  // Bytes read; 0 at the end; nullopt on failure.
  virtual std::optional<std::size_t> read(std::span<std::byte> into) = 0;
  // Known length and repositioning make total_samples() known; a source may have neither.
  virtual std::optional<std::uint64_t> size() const { return std::nullopt; }
  virtual bool seek(std::uint64_t) { return false; }
};

// An Ogg stream in, interleaved PCM16 out at the asked rate.
class OggOpusDecoder {
 public:
  // `rate`: 8000, 16000, 24000 or 48000, else std::invalid_argument. malformed "opus_malformed"
  // when this is no Ogg Opus stream of one or two channels.
  static Result<OggOpusDecoder> open(std::unique_ptr<OggOpusSource> source, int rate);
  // Besides: not_found "opus_not_found".
  static Result<OggOpusDecoder> open_file(const std::filesystem::path& path, int rate);

  OggOpusDecoder(OggOpusDecoder&&) noexcept;
  ~OggOpusDecoder();

  int channels() const noexcept { return channels_; }
  int rate() const noexcept { return rate_; }
  // Per channel; nullopt when the source cannot be repositioned.
  std::optional<std::uint64_t> total_samples() const;

  // The next sample read is number `sample` of each channel, as exactly as the filters allow. internal
  // "opus_unseekable" when the source cannot be repositioned, else as read().
  Result<> seek(std::uint64_t sample);

  // Appends the next stretch (up to 120 ms) to `out`; false at the end. malformed "opus_malformed"
  // where the stream is damaged beyond a gap; internal "opus_unreadable" when the source fails.
  Result<bool> read(std::vector<Sample>& out);

 private:
  struct Free {
    void operator()(OggOpusFile* file) const;
  };
  OggOpusDecoder(std::unique_ptr<OggOpusSource> source, std::unique_ptr<OggOpusFile, Free> file, int rate);
  void restart_resamplers();
  void append(std::span<const Sample> interleaved, std::vector<Sample>& out);
  void append_resampled(std::span<const Sample> interleaved, std::vector<Sample>& out);

  int rate_;
  int channels_;
  std::unique_ptr<OggOpusSource> source_;
  std::unique_ptr<OggOpusFile, Free> file_;
  // At rates below Opus's own 48 kHz: one for each channel, and what they hold between reads.
  std::vector<Resampler> resamplers_;
  std::vector<Sample> decoded_, channel_in_;
  std::vector<std::vector<Sample>> channel_out_;
  std::uint64_t decoded_samples_ = 0, given_samples_ = 0;
};

}  // namespace voxanne::audio
