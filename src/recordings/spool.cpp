#include "recordings/spool.h"

#include "audio/g711.h"

#include <zlib.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <stdexcept>

namespace voxanne::recordings {
namespace {

static_assert(std::endian::native == std::endian::little, "spool files are written in host order");

constexpr std::string_view magic = "VXSPOOL1";
constexpr std::uint8_t caller_follows = 0x01, assistant_follows = 0x02;
constexpr std::uint8_t silence_run = 0x10, lost_run = 0x11;
constexpr std::size_t crc_bytes = 4, run_bytes = 1 + 2 + crc_bytes;

bool is_rate(int rate) { return rate == audio::narrowband || rate == audio::wideband; }

std::size_t frame_bytes(int rate) {
  const auto samples = audio::samples_per_frame(rate);
  return rate == audio::narrowband ? samples : samples * sizeof(audio::Sample);
}

std::uint32_t crc_of(Bytes bytes) {
  return static_cast<std::uint32_t>(
      crc32(0, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(bytes.size())));
}

template <class T>
T load(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

template <class T>
void store(std::byte* to, T value) {
  std::memcpy(to, &value, sizeof value);
}

bool is_silent(const audio::Frame& frame, int rate) {
  if (frame.kind == audio::Frame::Kind::silence || frame.rate != rate) return true;
  const auto samples = frame.samples();
  return std::all_of(samples.begin(), samples.end(), [](audio::Sample s) { return s == 0; });
}

std::byte* put_frame(std::byte* to, const audio::Frame& frame) {
  const auto samples = frame.samples();
  if (frame.rate == audio::narrowband) {
    audio::g711_encode(audio::Law::mu, samples, {reinterpret_cast<std::uint8_t*>(to), samples.size()});
    return to + samples.size();
  }
  std::memcpy(to, samples.data(), samples.size_bytes());
  return to + samples.size_bytes();
}

}  // namespace

std::vector<std::byte> encode_header(const SpoolHeader& header) {
  if (!is_sane_id(header.call.str()) || !is_sane_id(header.org.str()) || !is_rate(header.rate))
    throw std::invalid_argument("a spool header needs sane ids and a leg's rate");
  std::vector<std::byte> out;
  const auto put = [&out](const auto* data, std::size_t bytes) {
    const auto* from = reinterpret_cast<const std::byte*>(data);
    out.insert(out.end(), from, from + bytes);
  };
  const auto put_text = [&put](const std::string& text) {
    const auto length = static_cast<std::uint8_t>(text.size());
    put(&length, 1);
    put(text.data(), text.size());
  };
  const auto bytes = static_cast<std::uint16_t>(magic.size() + 2 + 4 + 8 + 1 + header.call.str().size() + 1 +
                                                header.org.str().size() + crc_bytes);
  const auto rate = static_cast<std::uint32_t>(header.rate);
  const std::int64_t start = to_unix_ms(header.started_at);
  put(magic.data(), magic.size());
  put(&bytes, sizeof bytes);
  put(&rate, sizeof rate);
  put(&start, sizeof start);
  put_text(header.call.str());
  put_text(header.org.str());
  const std::uint32_t crc = crc_of(out);
  put(&crc, sizeof crc);
  return out;
}

Result<ParsedHeader> parse_header(Bytes bytes) {
  const auto corrupt = [](const char* what) {
    return malformed("spool_corrupt", std::string{"this is not a whole spool file: "} + what);
  };
  constexpr std::size_t fixed = 8 + 2 + 4 + 8;
  if (bytes.size() < fixed || std::memcmp(bytes.data(), magic.data(), magic.size()) != 0)
    return corrupt("it does not begin with a VXSPOOL1 header");
  const std::size_t length = load<std::uint16_t>(bytes.data() + 8);
  if (length < fixed + 2 + crc_bytes || length > max_header_bytes || length > bytes.size())
    return corrupt("its header is cut short");
  const Bytes body = bytes.first(length - crc_bytes);
  if (load<std::uint32_t>(bytes.data() + body.size()) != crc_of(body))
    return corrupt("its header's checksum is wrong");

  ParsedHeader parsed;
  parsed.bytes = length;
  parsed.header.rate = static_cast<int>(load<std::uint32_t>(bytes.data() + 10));
  parsed.header.started_at = from_unix_ms(load<std::int64_t>(bytes.data() + 14));
  std::size_t at = fixed;
  const auto text = [&]() -> std::optional<std::string> {
    if (at >= body.size()) return std::nullopt;
    const auto count = std::to_integer<std::size_t>(body[at++]);
    if (count > body.size() - at) return std::nullopt;
    std::string value{reinterpret_cast<const char*>(body.data() + at), count};
    at += count;
    return is_sane_id(value) ? std::optional{std::move(value)} : std::nullopt;
  };
  auto call = text();
  auto org = call ? text() : std::nullopt;
  if (!org || at != body.size() || !is_rate(parsed.header.rate)) return corrupt("its header makes no sense");
  parsed.header.call = CallId{std::move(*call)};
  parsed.header.org = OrgId{std::move(*org)};
  return parsed;
}

std::size_t max_record_bytes(int rate) { return 1 + 2 * frame_bytes(rate) + crc_bytes; }

std::optional<Record> parse_record(Bytes bytes, int rate) {
  if (bytes.empty()) return std::nullopt;
  const auto tag = std::to_integer<std::uint8_t>(bytes[0]);
  const bool run = tag == silence_run || tag == lost_run;
  if (!run && tag > (caller_follows | assistant_follows)) return std::nullopt;

  const std::size_t frame = frame_bytes(rate);
  Record record;
  record.bytes = run ? run_bytes : 1 + static_cast<std::size_t>(std::popcount(tag)) * frame + crc_bytes;
  if (bytes.size() < record.bytes) return std::nullopt;
  const Bytes body = bytes.first(record.bytes - crc_bytes);
  if (load<std::uint32_t>(bytes.data() + body.size()) != crc_of(body)) return std::nullopt;

  if (run) {
    record.kind = tag == silence_run ? Record::Kind::silence : Record::Kind::lost;
    record.slots = load<std::uint16_t>(body.data() + 1);
    return record.slots == 0 ? std::nullopt : std::optional{record};
  }
  if (tag & caller_follows) record.caller = body.subspan(1, frame);
  if (tag & assistant_follows) record.assistant = body.last(frame);
  return record;
}

void decode_frame(Bytes encoded, int rate, audio::Frame& out) {
  out.rate = rate;
  const auto samples = out.samples();
  if (encoded.empty()) {
    out.kind = audio::Frame::Kind::silence;
    std::fill(samples.begin(), samples.end(), audio::Sample{0});
    return;
  }
  out.kind = audio::Frame::Kind::voice;
  if (rate == audio::narrowband)
    audio::g711_decode(audio::Law::mu,
                       {reinterpret_cast<const std::uint8_t*>(encoded.data()), encoded.size()}, samples);
  else
    std::memcpy(samples.data(), encoded.data(), samples.size_bytes());
}

void BlockEncoder::begin(std::span<std::byte> block) {
  block_ = block;
  used_ = 0;
  silent_ = 0;
  slots_ = 0;
}

bool BlockEncoder::append(const audio::Frame& caller, const audio::Frame& assistant) {
  // Room for a pending run before this slot and for the one that end() may add.
  if (block_.size() - used_ < run_bytes + max_record_bytes(rate_)) return false;
  const bool caller_silent = is_silent(caller, rate_), assistant_silent = is_silent(assistant, rate_);
  ++slots_;
  if (caller_silent && assistant_silent) {
    if (++silent_ == std::numeric_limits<std::uint16_t>::max())
      put_run(silence_run, std::exchange(silent_, 0));
    return true;
  }
  if (silent_ > 0) put_run(silence_run, std::exchange(silent_, 0));
  std::byte* const start = block_.data() + used_;
  std::byte* to = start + 1;
  std::uint8_t tag = 0;
  if (!caller_silent) {
    tag |= caller_follows;
    to = put_frame(to, caller);
  }
  if (!assistant_silent) {
    tag |= assistant_follows;
    to = put_frame(to, assistant);
  }
  *start = std::byte{tag};
  store(to, crc_of({start, to}));
  used_ += static_cast<std::size_t>(to - start) + crc_bytes;
  return true;
}

void BlockEncoder::append_lost(std::uint32_t slots) {
  slots_ += slots;
  while (slots > 0 && block_.size() - used_ >= run_bytes) {
    const auto part =
        static_cast<std::uint16_t>(std::min<std::uint32_t>(slots, std::numeric_limits<std::uint16_t>::max()));
    put_run(lost_run, part);
    slots -= part;
  }
}

std::size_t BlockEncoder::end() {
  if (silent_ > 0) put_run(silence_run, std::exchange(silent_, 0));
  return used_;
}

void BlockEncoder::put_run(std::uint8_t tag, std::uint16_t slots) {
  std::byte* const to = block_.data() + used_;
  *to = std::byte{tag};
  store(to + 1, slots);
  store(to + 3, crc_of({to, 3}));
  used_ += run_bytes;
}

}  // namespace voxanne::recordings
