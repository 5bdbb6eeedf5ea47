// A recording as a WAV file that is made while it is read: its size is known beforehand and any byte
// range can be had, so that a player can seek in it without a file having been written.
//
//   SpoolSound   from the spool, before the recording is stored; at the call's own rate
//   OpusSound    from an encoded recording held in memory; at 16 kHz
//
// Computes and blocks: workers only. One reader at a time.
#pragma once

#include "audio/frame.h"
#include "base/result.h"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace voxanne::recordings {

// Stereo sound that can be read from anywhere.
class Sound {
 public:
  virtual ~Sound() = default;
  virtual int rate() const = 0;
  virtual std::uint64_t frames() const = 0;  // sample pairs
  // Appends interleaved pairs from pair `first` on: at least `count` of them, or all up to the end.
  virtual Result<> read(std::uint64_t first, std::uint64_t count, std::vector<audio::Sample>& out) = 0;
};

// Errors: those of SpoolReader.
Result<std::unique_ptr<Sound>> open_spool_sound(const std::filesystem::path& spool_file);
// Errors: those of OggOpusDecoder::open(); malformed (recording_not_stereo).
Result<std::unique_ptr<Sound>> open_opus_sound(std::shared_ptr<const std::string> ogg);

class WavView {
 public:
  explicit WavView(std::unique_ptr<Sound> sound);

  std::uint64_t size() const noexcept { return size_; }
  // The file's bytes from `offset` on, up to `length` of them.
  Result<std::string> read(std::uint64_t offset, std::size_t length);

 private:
  std::unique_ptr<Sound> sound_;
  std::string header_;
  std::uint64_t size_;
};

}  // namespace voxanne::recordings
