#include "recordings/wav_view.h"

#include "audio/ogg_opus.h"
#include "audio/wav.h"
#include "recordings/spool_file.h"

#include <algorithm>
#include <cstring>

namespace voxanne::recordings {
namespace {

constexpr std::uint64_t pair_bytes = 2 * sizeof(audio::Sample);

class SpoolSound final : public Sound {
 public:
  // A reader that was scanned and found so many slots.
  SpoolSound(SpoolReader reader, std::uint64_t slots)
      : reader_(std::move(reader)),
        per_slot_(audio::samples_per_frame(reader_.header().rate)),
        frames_(slots * per_slot_) {}

  int rate() const override { return reader_.header().rate; }
  std::uint64_t frames() const override { return frames_; }
  Result<> read(std::uint64_t first, std::uint64_t count, std::vector<audio::Sample>& out) override {
    if (first >= frames_) return {};
    const std::size_t start = out.size();
    const std::size_t wanted = 2 * std::min(count, frames_ - first);
    if (const auto sought = reader_.seek(first / per_slot_); !sought) return sought.error();
    std::size_t skip = first % per_slot_;
    SpoolReader::Slot slot;
    while (out.size() - start < wanted) {
      const auto read = reader_.next(slot);
      if (!read) return read.error();
      if (!*read) break;
      const auto caller = slot.caller.samples(), assistant = slot.assistant.samples();
      for (std::size_t i = std::exchange(skip, 0); i < per_slot_; ++i) {
        out.push_back(caller[i]);
        out.push_back(assistant[i]);
      }
    }
    return {};
  }

 private:
  SpoolReader reader_;
  std::size_t per_slot_;
  std::uint64_t frames_;
};

class Memory final : public audio::OggOpusSource {
 public:
  explicit Memory(std::shared_ptr<const std::string> bytes) : bytes_(std::move(bytes)) {}
  std::optional<std::size_t> read(std::span<std::byte> into) override {
    const auto count = std::min(into.size(), bytes_->size() - at_);
    std::memcpy(into.data(), bytes_->data() + at_, count);
    at_ += count;
    return count;
  }
  std::optional<std::uint64_t> size() const override { return bytes_->size(); }
  bool seek(std::uint64_t to) override {
    if (to > bytes_->size()) return false;
    at_ = to;
    return true;
  }

 private:
  std::shared_ptr<const std::string> bytes_;
  std::size_t at_ = 0;
};

class OpusSound final : public Sound {
 public:
  OpusSound(audio::OggOpusDecoder decoder, std::uint64_t frames)
      : decoder_(std::move(decoder)), frames_(frames) {}

  int rate() const override { return decoder_.rate(); }
  std::uint64_t frames() const override { return frames_; }
  Result<> read(std::uint64_t first, std::uint64_t count, std::vector<audio::Sample>& out) override {
    if (first >= frames_) return {};
    // What was decoded beyond the last read is where the next one begins, most of the time.
    if (first < ahead_first_ || first > ahead_first_ + ahead_.size() / 2) {
      if (const auto sought = decoder_.seek(first); !sought) return sought.error();
      ahead_.clear();
      ahead_first_ = first;
    }
    ahead_.erase(ahead_.begin(), ahead_.begin() + static_cast<std::ptrdiff_t>(2 * (first - ahead_first_)));
    ahead_first_ = first;
    const std::uint64_t wanted = 2 * std::min(count, frames_ - first);
    while (ahead_.size() < wanted) {
      const auto more = decoder_.read(ahead_);
      if (!more) return more.error();
      if (!*more) ahead_.resize(wanted);  // shorter than its last page said: silence
    }
    out.insert(out.end(), ahead_.begin(), ahead_.begin() + static_cast<std::ptrdiff_t>(wanted));
    return {};
  }

 private:
  audio::OggOpusDecoder decoder_;
  std::uint64_t frames_;
  std::vector<audio::Sample> ahead_;
  std::uint64_t ahead_first_ = 0;
};

}  // namespace

Result<std::unique_ptr<Sound>> open_spool_sound(const std::filesystem::path& spool_file) {
  auto reader = SpoolReader::open(spool_file);
  if (!reader) return reader.error();
  const auto summary = reader->scan();
  if (!summary) return summary.error();
  return std::unique_ptr<Sound>{std::make_unique<SpoolSound>(std::move(*reader), summary->slots)};
}

Result<std::unique_ptr<Sound>> open_opus_sound(std::shared_ptr<const std::string> ogg) {
  auto decoder = audio::OggOpusDecoder::open(std::make_unique<Memory>(std::move(ogg)), audio::wideband);
  if (!decoder) return decoder.error();
  const auto frames = decoder->total_samples();
  if (decoder->channels() != 2 || !frames)
    return malformed("recording_not_stereo", "the stored recording is not a whole stereo recording");
  return std::unique_ptr<Sound>{std::make_unique<OpusSound>(std::move(*decoder), *frames)};
}

WavView::WavView(std::unique_ptr<Sound> sound) : sound_(std::move(sound)) {
  const auto data = sound_->frames() * pair_bytes;
  const auto header = audio::wav_header(sound_->rate(), 2, data);
  header_.assign(reinterpret_cast<const char*>(header.data()), header.size());
  size_ = header_.size() + data;
}

Result<std::string> WavView::read(std::uint64_t offset, std::size_t length) {
  std::string out;
  if (offset < header_.size()) {
    out = header_.substr(offset, length);
    offset += out.size();
    length -= out.size();
  }
  if (length == 0 || offset >= size_) return out;
  const std::uint64_t first = (offset - header_.size()) / pair_bytes;
  const std::uint64_t inside = (offset - header_.size()) % pair_bytes;
  std::vector<audio::Sample> pairs;
  const auto read = sound_->read(first, (inside + length + pair_bytes - 1) / pair_bytes, pairs);
  if (!read) return read.error();
  const auto bytes = std::as_bytes(std::span{pairs}).subspan(std::min<std::size_t>(inside, pairs.size() * 2));
  out.append(reinterpret_cast<const char*>(bytes.data()), std::min<std::size_t>(length, bytes.size()));
  return out;
}

}  // namespace voxanne::recordings
