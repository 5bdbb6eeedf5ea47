#include "audio/ogg_opus.h"

#include <fstream>
#include <stdexcept>

#include <opusfile.h>

namespace voxanne::audio {
namespace {

constexpr int opus_rate = 48'000;

// opusfile's view of a source: it wants a position and all three kinds of seeking.
struct Reader {
  OggOpusSource& source;
  std::uint64_t position = 0;
};

class FileSource final : public OggOpusSource {
 public:
  explicit FileSource(const std::filesystem::path& path) : in_(path, std::ios::binary) {
    in_.seekg(0, std::ios::end);
    size_ = in_ ? static_cast<std::uint64_t>(in_.tellg()) : 0;
    in_.seekg(0);
  }
  bool is_open() const { return in_.is_open() && in_.good(); }
  std::optional<std::size_t> read(std::span<std::byte> into) override {
    in_.read(reinterpret_cast<char*>(into.data()), static_cast<std::streamsize>(into.size()));
    if (in_.bad()) return std::nullopt;
    return static_cast<std::size_t>(in_.gcount());
  }
  std::optional<std::uint64_t> size() const override { return size_; }
  bool seek(std::uint64_t to) override {
    in_.clear();
    in_.seekg(static_cast<std::streamoff>(to));
    return in_.good();
  }

 private:
  std::ifstream in_;
  std::uint64_t size_ = 0;
};

Error damaged(int code) {
  if (code == OP_EREAD) return internal("opus_unreadable", "the audio could not be read from its store");
  return malformed("opus_malformed", "this is not a whole Ogg Opus stream of one or two channels (opusfile " +
                                         std::to_string(code) + ")");
}

// opusfile passes the handle back to us and closes it last, which frees it.
int read_source(void* handle, unsigned char* into, int size) {
  auto& reader = *static_cast<Reader*>(handle);
  const auto got = reader.source.read({reinterpret_cast<std::byte*>(into), static_cast<std::size_t>(size)});
  if (!got) return -1;
  reader.position += *got;
  return static_cast<int>(*got);
}

int seek_source(void* handle, opus_int64 offset, int whence) {
  auto& reader = *static_cast<Reader*>(handle);
  const auto size = reader.source.size();
  if (!size) return -1;
  const auto from = whence == SEEK_SET   ? 0
                    : whence == SEEK_CUR ? static_cast<opus_int64>(reader.position)
                                         : static_cast<opus_int64>(*size);
  const auto to = from + offset;
  if (to < 0 || !reader.source.seek(static_cast<std::uint64_t>(to))) return -1;
  reader.position = static_cast<std::uint64_t>(to);
  return 0;
}

opus_int64 tell_source(void* handle) {
  return static_cast<opus_int64>(static_cast<const Reader*>(handle)->position);
}

int close_source(void* handle) {
  delete static_cast<Reader*>(handle);
  return 0;
}

}  // namespace

void OggOpusDecoder::Free::operator()(OggOpusFile* file) const { op_free(file); }

Result<OggOpusDecoder> OggOpusDecoder::open(std::unique_ptr<OggOpusSource> source, int rate) {
  if (rate != 8'000 && rate != 16'000 && rate != 24'000 && rate != opus_rate)
    throw std::invalid_argument("ogg_opus: decodes to 8, 16, 24 or 48 kHz");
  const bool seekable = source->size().has_value();
  const OpusFileCallbacks callbacks{read_source, seekable ? seek_source : nullptr,
                                    seekable ? tell_source : nullptr, close_source};
  auto reader = std::make_unique<Reader>(*source);
  int error = 0;
  std::unique_ptr<OggOpusFile, Free> file{op_open_callbacks(reader.get(), &callbacks, nullptr, 0, &error)};
  if (!file) return damaged(error);
  static_cast<void>(reader.release());  // opusfile's from here on
  if (op_channel_count(file.get(), -1) > 2) return damaged(OP_EIMPL);
  return OggOpusDecoder{std::move(source), std::move(file), rate};
}

Result<OggOpusDecoder> OggOpusDecoder::open_file(const std::filesystem::path& path, int rate) {
  auto source = std::make_unique<FileSource>(path);
  if (!source->is_open()) return not_found("opus_not_found", path.string() + ": cannot be opened");
  return open(std::move(source), rate);
}

OggOpusDecoder::OggOpusDecoder(std::unique_ptr<OggOpusSource> source, std::unique_ptr<OggOpusFile, Free> file,
                               int rate)
    : rate_(rate),
      channels_(op_channel_count(file.get(), -1)),
      source_(std::move(source)),
      file_(std::move(file)) {
  decoded_.resize(opus_rate * 120 / 1'000 * static_cast<std::size_t>(channels_));
  if (rate == opus_rate) return;
  channel_out_.resize(static_cast<std::size_t>(channels_));
  restart_resamplers();
}

void OggOpusDecoder::restart_resamplers() {
  resamplers_.clear();
  for (int channel = 0; channel < channels_; ++channel) {
    resamplers_.emplace_back(opus_rate, rate_, Quality::good);
    resamplers_.back().skip_lag();
  }
}

Result<> OggOpusDecoder::seek(std::uint64_t sample) {
  const auto at = sample * static_cast<std::uint64_t>(opus_rate / rate_);
  if (const int code = op_pcm_seek(file_.get(), static_cast<ogg_int64_t>(at)); code == OP_ENOSEEK)
    return internal("opus_unseekable", "this source can only be read from its start");
  else if (code < 0)
    return damaged(code);
  decoded_samples_ = at;
  given_samples_ = sample;
  if (rate_ != opus_rate) restart_resamplers();
  return {};
}

OggOpusDecoder::OggOpusDecoder(OggOpusDecoder&&) noexcept = default;
OggOpusDecoder::~OggOpusDecoder() = default;

std::optional<std::uint64_t> OggOpusDecoder::total_samples() const {
  const auto total = op_pcm_total(file_.get(), -1);
  if (total < 0) return std::nullopt;
  const auto step = static_cast<std::uint64_t>(opus_rate / rate_);
  return (static_cast<std::uint64_t>(total) + step - 1) / step;
}

Result<bool> OggOpusDecoder::read(std::vector<Sample>& out) {
  int got = OP_HOLE;
  while (got == OP_HOLE)  // a lost page: what follows it still plays
    got = channels_ == 2 ? op_read_stereo(file_.get(), decoded_.data(), static_cast<int>(decoded_.size()))
                         : op_read(file_.get(), decoded_.data(), static_cast<int>(decoded_.size()), nullptr);
  if (got < 0) return damaged(got);
  // A chained stream may change its mind; we do not.
  if (channels_ == 1 && op_channel_count(file_.get(), -1) != 1) return damaged(OP_EIMPL);
  if (got == 0) {
    // What the filters still hold.
    const auto step = static_cast<std::uint64_t>(opus_rate / rate_);
    const auto wanted = (decoded_samples_ + step - 1) / step;
    if (given_samples_ >= wanted || resamplers_.empty()) return false;
    const std::size_t before = out.size();
    const std::vector<Sample> silence(resamplers_[0].lag() * static_cast<std::size_t>(channels_));
    const auto missing = wanted - given_samples_;
    while (given_samples_ < wanted) append_resampled(silence, out);
    out.resize(before + missing * static_cast<std::size_t>(channels_));
    given_samples_ = wanted;
    return true;
  }
  decoded_samples_ += static_cast<std::uint64_t>(got);
  append({decoded_.data(), static_cast<std::size_t>(got * channels_)}, out);
  return true;
}

void OggOpusDecoder::append(std::span<const Sample> interleaved, std::vector<Sample>& out) {
  if (!resamplers_.empty()) return append_resampled(interleaved, out);
  out.insert(out.end(), interleaved.begin(), interleaved.end());
}

void OggOpusDecoder::append_resampled(std::span<const Sample> interleaved, std::vector<Sample>& out) {
  const auto channels = static_cast<std::size_t>(channels_);
  for (std::size_t channel = 0; channel < channels; ++channel) {
    channel_in_.clear();
    for (std::size_t i = channel; i < interleaved.size(); i += channels)
      channel_in_.push_back(interleaved[i]);
    channel_out_[channel].clear();
    resamplers_[channel].process(channel_in_, channel_out_[channel]);
  }
  const std::size_t made = channel_out_[0].size();
  for (std::size_t i = 0; i < made; ++i)
    for (std::size_t channel = 0; channel < channels; ++channel) out.push_back(channel_out_[channel][i]);
  given_samples_ += made;
}

}  // namespace voxanne::audio
