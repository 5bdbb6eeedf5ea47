#include "recordings/spool_encoder.h"

#include "audio/ogg_opus.h"
#include "base/secret.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace voxanne::recordings {

struct SpoolEncoder::State {
  State(SpoolReader from, Descriptor to)
      : reader(std::move(from)),
        target(std::move(to)),
        encoder(reader.header().rate, 2, [this](Bytes bytes) { return keep(bytes); }) {}

  bool keep(Bytes bytes) {
    hash.update({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    encoded.bytes += bytes.size();
    while (!bytes.empty()) {
      const ssize_t wrote = ::write(target.get(), bytes.data(), bytes.size());
      if (wrote < 0 && errno == EINTR) continue;
      if (wrote < 0) {
        write_error = errno;
        return false;
      }
      bytes = bytes.subspan(static_cast<std::size_t>(wrote));
    }
    return true;
  }

  Error failed(const Error& error) const {
    if (write_error == 0) return error;
    Error full = file_error("encode_write_failed", "the encoded recording cannot be written", write_error);
    full.kind = Fault::unavailable;
    return full;
  }

  SpoolReader reader;
  Descriptor target;
  Sha256 hash;
  int write_error = 0;
  Encoded encoded;
  std::array<audio::Sample, 640> interleaved{};
  audio::OggOpusEncoder encoder;
};

SpoolEncoder::SpoolEncoder(std::unique_ptr<State> state) : state_(std::move(state)) {}
SpoolEncoder::SpoolEncoder(SpoolEncoder&&) noexcept = default;
SpoolEncoder& SpoolEncoder::operator=(SpoolEncoder&&) noexcept = default;
SpoolEncoder::~SpoolEncoder() = default;

Result<SpoolEncoder> SpoolEncoder::open(const std::filesystem::path& spool,
                                        const std::filesystem::path& target) {
  auto reader = SpoolReader::open(spool);
  if (!reader) return reader.error();
  const auto summary = reader->scan();
  if (!summary) return summary.error();
  if (summary->slots == 0) return malformed("spool_empty", "the spool file holds no audio");
  Descriptor to{::open(target.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
  if (!to) {
    Error error = file_error("encode_write_failed", "the encoded recording cannot be created", errno);
    error.kind = Fault::unavailable;
    return error;
  }
  auto state = std::make_unique<State>(std::move(*reader), std::move(to));
  state->encoded.damaged = summary->damaged;
  state->encoded.damaged_bytes = summary->damaged_bytes;
  return SpoolEncoder{std::move(state)};
}

Result<bool> SpoolEncoder::step(std::uint64_t slots) {
  State& state = *state_;
  SpoolReader::Slot slot;
  for (; slots > 0; --slots) {
    const auto read = state.reader.next(slot);
    if (!read) return read.error();
    if (!*read) {
      if (const auto ended = state.encoder.finish(); !ended) return state.failed(ended.error());
      state.encoded.sha256 = to_hex(state.hash.finish());
      return true;
    }
    const auto caller = slot.caller.samples(), assistant = slot.assistant.samples();
    for (std::size_t i = 0; i < caller.size(); ++i) {
      state.interleaved[2 * i] = caller[i];
      state.interleaved[2 * i + 1] = assistant[i];
    }
    const auto written = state.encoder.write(std::span{state.interleaved}.first(2 * caller.size()));
    if (!written) return state.failed(written.error());
    ++state.encoded.slots;
    if (slot.lost) ++state.encoded.lost;
  }
  return false;
}

const SpoolEncoder::Encoded& SpoolEncoder::encoded() const noexcept { return state_->encoded; }

}  // namespace voxanne::recordings
