// Spool file → Ogg/Opus file, stereo, complexity 0, in steps, so that a long recording holds no
// worker for long and can be given up between two. Slots that were lost play as silence, those that
// damage has made unreadable among them; a torn end is left out. A disk that cannot be read is an error,
// not an end.
//
// Owner: the upload queue. Computes and blocks: workers only.
#pragma once

#include "base/result.h"
#include "recordings/spool_file.h"

#include <memory>

namespace voxanne::recordings {

class SpoolEncoder {
 public:
  struct Encoded {
    std::uint64_t slots = 0, lost = 0;
    std::uint64_t damaged = 0,
                  damaged_bytes = 0;  // of the lost slots, of the spool file; known from the start
    std::uint64_t bytes = 0;
    std::string sha256;  // hex
    std::int64_t duration_ms() const { return static_cast<std::int64_t>(slots) * audio::frame_ms; }
  };

  // Looks through the whole spool file; replaces `target`. Errors: those of SpoolReader, malformed
  // (spool_empty), unavailable (encode_write_failed).
  static Result<SpoolEncoder> open(const std::filesystem::path& spool, const std::filesystem::path& target);
  SpoolEncoder(SpoolEncoder&&) noexcept;
  SpoolEncoder& operator=(SpoolEncoder&&) noexcept;
  ~SpoolEncoder();

  // Encodes up to so many slots more; true when the file is complete. Errors: unavailable
  // (spool_read_failed, encode_write_failed), internal (opus_encode_failed).
  Result<bool> step(std::uint64_t slots);
  const Encoded& encoded() const noexcept;

 private:
  struct State;
  explicit SpoolEncoder(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace voxanne::recordings
