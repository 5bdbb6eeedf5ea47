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
constexpr std::uint8_t silence_run = 0x10, lost_run = 0x11, numbered = 0x20;
constexpr std::uint16_t most_slots_in_a_run = std::numeric_limits<std::uint16_t>::max();
constexpr std::size_t number_bytes = 4, crc_bytes = 4, run_bytes = 1 + number_bytes + 2 + crc_bytes;

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

struct Shape {
  std::uint8_t what = 0;  // the tag without the bit of the number
  std::size_t head = 0, bytes = 0;

  bool is_run() const { return what == silence_run || what == lost_run; }
};

// What a record with this tag is like; nullopt: none has it.
std::optional<Shape> shape_of(std::byte first, int rate) {
  const auto tag = std::to_integer<std::uint8_t>(first);
  Shape shape;
  shape.what = tag & static_cast<std::uint8_t>(~numbered);
  shape.head = 1 + (tag & numbered ? number_bytes : 0);
  if (!shape.is_run() && shape.what > (caller_follows | assistant_follows)) return std::nullopt;
  shape.bytes = shape.head + crc_bytes +
                (shape.is_run() ? sizeof(std::uint16_t)
                                : static_cast<std::size_t>(std::popcount(shape.what)) * frame_bytes(rate));
  return shape;
}

// How many are missing between the first `slots` and a record that stands behind so many damaged bytes;
// nullopt: more than these can have held, or it belongs before them.
std::optional<std::uint64_t> slots_missing(const Record& record, int rate, std::uint64_t slots,
                                           std::uint64_t damaged) {
  // Without a number it is the least that can have stood there.
  if (!record.first_slot)
    return damaged == 0 ? 0 : std::max<std::uint64_t>(1, damaged / max_record_bytes(rate));
  if (*record.first_slot < slots) return std::nullopt;
  const auto missing = *record.first_slot - slots;
  return missing <= (damaged / run_bytes + 1) * most_slots_in_a_run ? std::optional{missing} : std::nullopt;
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

std::size_t max_record_bytes(int rate) { return 1 + number_bytes + 2 * frame_bytes(rate) + crc_bytes; }

std::optional<Record> parse_record(Bytes bytes, int rate) {
  const auto shape = bytes.empty() ? std::nullopt : shape_of(bytes[0], rate);
  if (!shape || bytes.size() < shape->bytes) return std::nullopt;
  const Bytes body = bytes.first(shape->bytes - crc_bytes);
  if (load<std::uint32_t>(bytes.data() + body.size()) != crc_of(body)) return std::nullopt;

  Record record;
  record.bytes = shape->bytes;
  if (shape->head > 1) record.first_slot = load<std::uint32_t>(body.data() + 1);
  if (shape->is_run()) {
    record.kind = shape->what == silence_run ? Record::Kind::silence : Record::Kind::lost;
    record.slots = load<std::uint16_t>(body.data() + shape->head);
    return record.slots == 0 ? std::nullopt : std::optional{record};
  }
  const std::size_t frame = frame_bytes(rate);
  if (shape->what & caller_follows) record.caller = body.subspan(shape->head, frame);
  if (shape->what & assistant_follows) record.assistant = body.last(frame);
  return record;
}

std::optional<Record> next_record(Bytes rest, int rate, std::uint64_t slots, std::uint64_t passed) {
  const auto found_at = [&](std::size_t offset) -> std::optional<Record> {
    auto record = parse_record(rest.subspan(offset), rate);
    const auto missing =
        record ? slots_missing(*record, rate, slots, passed + offset) : std::optional<std::uint64_t>{};
    if (!missing) return std::nullopt;
    if (*missing == 0 && passed + offset == 0) return record;
    Record damaged;
    damaged.kind = Record::Kind::damaged;
    damaged.slots = *missing;
    damaged.bytes = passed + offset;
    return damaged;
  };
  if (rest.empty()) return std::nullopt;
  if (passed == 0) {
    if (auto found = found_at(0)) return found;
    // Where only what it holds is damaged, the next one stands where the tag says; then nothing inside of
    // sound is taken for a record.
    if (const auto shape = shape_of(rest[0], rate); shape && shape->bytes < rest.size())
      if (auto found = found_at(shape->bytes)) return found;
  }
  for (std::size_t offset = passed == 0 ? 1 : 0; offset < rest.size(); ++offset)
    if (auto found = found_at(offset)) return found;
  return std::nullopt;
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
    if (++silent_ == most_slots_in_a_run) put_run(silence_run, std::exchange(silent_, 0));
    return true;
  }
  if (silent_ > 0) put_run(silence_run, std::exchange(silent_, 0));
  const auto tag = static_cast<std::uint8_t>((caller_silent ? 0 : caller_follows) |
                                             (assistant_silent ? 0 : assistant_follows));
  std::byte* to = put_head(tag, 1);
  if (!caller_silent) to = put_frame(to, caller);
  if (!assistant_silent) to = put_frame(to, assistant);
  put_crc(to);
  return true;
}

void BlockEncoder::append_lost(std::uint32_t slots) {
  slots_ += slots;
  while (slots > 0 && block_.size() - used_ >= run_bytes) {
    const auto part = static_cast<std::uint16_t>(std::min<std::uint32_t>(slots, most_slots_in_a_run));
    put_run(lost_run, part);
    slots -= part;
  }
}

std::size_t BlockEncoder::end() {
  if (silent_ > 0) put_run(silence_run, std::exchange(silent_, 0));
  return used_;
}

// Where the payload of a record of so many slots begins.
std::byte* BlockEncoder::put_head(std::uint8_t tag, std::uint16_t slots) {
  std::byte* const to = block_.data() + used_;
  *to = std::byte{static_cast<std::uint8_t>(tag | numbered)};
  store(to + 1, next_slot_);
  next_slot_ += slots;
  return to + 1 + number_bytes;
}

void BlockEncoder::put_crc(std::byte* end) {
  store(end, crc_of({block_.data() + used_, end}));
  used_ = static_cast<std::size_t>(end - block_.data()) + crc_bytes;
}

void BlockEncoder::put_run(std::uint8_t tag, std::uint16_t slots) {
  std::byte* const to = put_head(tag, slots);
  store(to, slots);
  put_crc(to + sizeof slots);
}

}  // namespace voxanne::recordings
