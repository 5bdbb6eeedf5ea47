#include "recordings/spool.h"

#include <cstdlib>

// Whatever a disk gives back is read to its end without a byte outside it, what is read as frames can be
// decoded, and behind what is damaged there is a record.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace voxanne;
  const recordings::Bytes bytes{reinterpret_cast<const std::byte*>(data), size};
  const auto parsed = recordings::parse_header(bytes);
  // Without a header the bytes are taken as records of either rate, so that these are reached too.
  const int rate = parsed ? parsed->header.rate : (size % 2 ? audio::narrowband : audio::wideband);
  if (parsed && recordings::encode_header(parsed->header).size() != parsed->bytes) std::abort();
  std::size_t at = parsed ? parsed->bytes : 0;
  std::uint64_t slots = 0;
  bool was_damaged = false;
  audio::Frame frame;
  while (const auto record = recordings::next_record(bytes.subspan(at), rate, slots)) {
    const bool is_damaged = record->kind == recordings::Record::Kind::damaged;
    if (record->bytes > bytes.size() - at || (is_damaged && was_damaged)) std::abort();
    if (!is_damaged && (record->bytes == 0 || record->slots == 0)) std::abort();
    recordings::decode_frame(record->caller, rate, frame);
    recordings::decode_frame(record->assistant, rate, frame);
    at += record->bytes;
    slots += record->slots;
    was_damaged = is_damaged;
  }
  return 0;
}
