#include "recordings/block_pool.h"
#include "recordings/spool_file.h"
#include "recordings/test_bad_sector.h"
#include "recordings/test_frames.h"
#include "support/temp_dir.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <thread>

namespace voxanne::recordings {
namespace {

using test::frame;
using test::header;
using test::mark;
using test::silence;

// In whole_spool() both speak, one speaks, nobody speaks: every kind of record.
bool caller_speaks(std::uint64_t slot) { return slot % 4 < 2; }
bool assistant_speaks(std::uint64_t slot) { return slot % 8 < 5 && slot % 4 != 3; }

std::vector<std::byte> whole_spool(int rate, std::uint64_t slots) {
  std::vector<std::byte> out = encode_header(header("call_1", rate));
  std::vector<std::byte> block(64 * 1024);
  BlockEncoder encoder{rate};
  encoder.begin(block);
  for (std::uint64_t i = 0; i < slots; ++i)
    EXPECT_TRUE(encoder.append(caller_speaks(i) ? frame(i, 0, rate) : silence(rate),
                               assistant_speaks(i) ? frame(i, 1, rate) : silence(rate)));
  block.resize(encoder.end());
  out.insert(out.end(), block.begin(), block.end());
  return out;
}

// Both speak all the time, and the blocks are those of a recorder.
constexpr std::size_t talk_record = 1 + 4 + 320 + 4;
std::vector<std::byte> talk(std::uint64_t slots) {
  auto out = encode_header(header());
  std::vector<std::byte> block(Block::capacity);
  BlockEncoder encoder{audio::narrowband};
  for (std::uint64_t i = 0; i < slots;) {
    encoder.begin(block);
    for (int k = 0; k < 25 && i < slots; ++k, ++i) EXPECT_TRUE(encoder.append(frame(i, 0), frame(i, 1)));
    const auto used = encoder.end();
    out.insert(out.end(), block.begin(), block.begin() + static_cast<std::ptrdiff_t>(used));
  }
  return out;
}

struct Placed {
  std::size_t from, to;       // in the file
  std::uint64_t slot, slots;  // in the recording
};

std::vector<Placed> records_of(Bytes bytes, int rate) {
  std::vector<Placed> out;
  std::uint64_t slot = 0;
  for (std::size_t at = encode_header(header("call_1", rate)).size(); at < bytes.size();) {
    const auto record = parse_record(bytes.subspan(at), rate).value();
    out.push_back({at, at + record.bytes, slot, record.slots});
    at += record.bytes;
    slot += record.slots;
  }
  return out;
}

void write_file(const std::filesystem::path& path, Bytes bytes) {
  std::ofstream file{path, std::ios::binary | std::ios::trunc};
  file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

TEST(Spool, header_comes_back_and_damage_of_any_byte_is_seen) {
  const auto bytes = encode_header(header("call_01J", audio::wideband));
  const auto parsed = parse_header(bytes);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->bytes, bytes.size());
  EXPECT_EQ(parsed->header.call, CallId{"call_01J"});
  EXPECT_EQ(parsed->header.org, OrgId{"demo"});
  EXPECT_EQ(parsed->header.rate, audio::wideband);
  EXPECT_EQ(parsed->header.started_at, header().started_at);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    EXPECT_FALSE(parse_header(Bytes{bytes}.first(i))) << "cut at " << i;
    auto damaged = bytes;
    damaged[i] ^= std::byte{0x20};
    EXPECT_FALSE(parse_header(damaged)) << "damaged at " << i;
  }
}

// Whoever reads `damaged`, which was `whole`, a whole_spool(), finds every record that is as it was, in its
// place, and is told what is missing.
void expect_only_the_touched_is_lost(const std::filesystem::path& path, const std::vector<std::byte>& whole,
                                     const std::vector<std::byte>& damaged, int rate) {
  std::vector<bool> lost;
  std::size_t valid_bytes = encode_header(header("call_1", rate)).size();
  std::uint64_t slots = 0, missing = 0, missing_bytes = 0, touched = 0, touched_bytes = 0;
  for (const auto& record : records_of(whole, rate)) {
    const bool is_whole =
        std::memcmp(whole.data() + record.from, damaged.data() + record.from, record.to - record.from) == 0;
    lost.resize(record.slot + record.slots, !is_whole);
    if (!is_whole) {
      touched += record.slots;
      touched_bytes += record.to - record.from;
      continue;
    }
    valid_bytes = record.to;
    slots = record.slot + record.slots;
    missing = touched;
    missing_bytes = touched_bytes;
  }
  write_file(path, damaged);
  auto reader = SpoolReader::open(path).value();
  const auto summary = reader.scan().value();
  ASSERT_EQ(summary.slots, slots);
  EXPECT_EQ(summary.lost, missing);
  EXPECT_EQ(summary.damaged, missing);
  EXPECT_EQ(summary.damaged_bytes, missing_bytes);
  EXPECT_EQ(summary.valid_bytes, valid_bytes);
  EXPECT_EQ(summary.file_bytes, damaged.size());
  SpoolReader::Slot slot;
  for (std::uint64_t i = 0; i < slots; ++i) {
    ASSERT_TRUE(reader.next(slot).value()) << i;
    ASSERT_EQ(slot.lost, lost[i]) << i;
    ASSERT_EQ(slot.caller.samples()[0], caller_speaks(i) && !lost[i] ? mark(i, 0) : 0) << i;
    ASSERT_EQ(slot.assistant.samples()[159], assistant_speaks(i) && !lost[i] ? mark(i, 1) : 0) << i;
  }
  EXPECT_FALSE(reader.next(slot).value());
}

TEST(Spool, slots_come_back_aligned_at_both_rates) {
  const voxanne::test::TempDir dir;
  for (const int rate : {audio::narrowband, audio::wideband}) {
    const auto path = dir.path() / "a.spool";
    write_file(path, whole_spool(rate, 24));
    auto reader = SpoolReader::open(path);
    ASSERT_TRUE(reader);
    SpoolReader::Slot slot;
    for (std::uint64_t i = 0; i < 24; ++i) {
      ASSERT_TRUE(reader->next(slot).value()) << i;
      EXPECT_EQ(slot.caller.rate, rate);
      for (const auto sample : slot.caller.samples())
        ASSERT_EQ(sample, caller_speaks(i) ? mark(i, 0) : 0) << i;
      for (const auto sample : slot.assistant.samples())
        ASSERT_EQ(sample, assistant_speaks(i) ? mark(i, 1) : 0) << i;
    }
    EXPECT_FALSE(reader->next(slot).value());
  }
}

TEST(Spool, silence_costs_eleven_bytes_a_block) {
  std::vector<std::byte> block(Block::capacity);
  BlockEncoder encoder{audio::narrowband};
  encoder.begin(block);
  auto muted = frame(0, 0);
  for (auto& sample : muted.samples()) sample = 0;  // digital silence that nobody marked as such
  for (int i = 0; i < 25; ++i) ASSERT_TRUE(encoder.append(muted, silence()));
  EXPECT_EQ(encoder.end(), 11u);
  EXPECT_EQ(encoder.slots(), 25u);
}

TEST(Spool, a_block_takes_half_a_second_of_narrowband_and_says_when_it_is_full) {
  std::vector<std::byte> block(Block::capacity);
  BlockEncoder encoder{audio::narrowband};
  encoder.begin(block);
  for (int i = 0; i < 25; ++i) ASSERT_TRUE(encoder.append(frame(1, 0), frame(1, 1))) << i;
  EXPECT_FALSE(encoder.append(frame(1, 0), frame(1, 1)));
  EXPECT_EQ(encoder.end(), 25u * talk_record);
}

TEST(Spool, a_tail_torn_at_any_byte_loses_only_the_record_it_tears) {
  const voxanne::test::TempDir dir;
  const auto path = dir.path() / "torn.spool";
  const auto bytes = whole_spool(audio::narrowband, 12);
  const std::size_t start = encode_header(header()).size();
  std::vector<std::size_t> ends;  // of records, and how many slots are whole by then
  std::vector<std::uint64_t> slots{0};
  for (std::size_t at = start; at < bytes.size();) {
    const auto record = parse_record(Bytes{bytes}.subspan(at), audio::narrowband);
    ASSERT_TRUE(record);
    at += record->bytes;
    ends.push_back(at);
    slots.push_back(slots.back() + record->slots);
  }
  ASSERT_EQ(slots.back(), 12u);
  const auto whole_at = [&](std::size_t cut) {
    return static_cast<std::size_t>(std::upper_bound(ends.begin(), ends.end(), cut) - ends.begin());
  };
  for (std::size_t cut = start; cut <= bytes.size(); ++cut) {
    // What follows the tear may also be zeros: a file that had grown before its data arrived.
    for (const bool zeros : {false, true}) {
      auto torn = bytes;
      torn.resize(cut);
      if (zeros) torn.resize(cut + 4096);
      std::uint64_t count = 0;
      std::size_t at = start;
      while (const auto record = parse_record(Bytes{torn}.subspan(at), audio::narrowband)) {
        at += record->bytes;
        count += record->slots;
      }
      ASSERT_EQ(count, slots[whole_at(cut)]) << cut;
      // The same through a file, around the ends of records.
      const bool is_near_an_end = std::any_of(
          ends.begin(), ends.end(), [&](std::size_t end) { return cut + 1 >= end && cut <= end + 1; });
      if (!is_near_an_end) continue;
      write_file(path, torn);
      const auto summary = repair_spool(path);
      ASSERT_TRUE(summary) << cut;
      EXPECT_EQ(summary->slots, count) << cut;
      EXPECT_EQ(std::filesystem::file_size(path), at) << cut;
    }
  }
}

// Tag, number, count, sound and checksum of every kind of record.
TEST(Spool, a_damaged_byte_costs_the_record_it_is_in_and_nothing_else) {
  const voxanne::test::TempDir dir;
  for (const int rate : {audio::narrowband, audio::wideband}) {
    const auto whole = whole_spool(rate, 12);
    const std::size_t step = rate == audio::narrowband ? 1 : 13;
    for (std::size_t i = encode_header(header("call_1", rate)).size(); i < whole.size(); i += step) {
      SCOPED_TRACE("damaged at " + std::to_string(i));
      auto damaged = whole;
      damaged[i] ^= std::byte{1} << (i % 8);
      expect_only_the_touched_is_lost(dir.path() / "a.spool", whole, damaged, rate);
      if (HasFatalFailure()) return;
    }
  }
}

TEST(Spool, a_damaged_stretch_costs_the_records_it_touches_and_nothing_else) {
  const voxanne::test::TempDir dir;
  const auto whole = whole_spool(audio::narrowband, 24);
  const std::size_t start = encode_header(header()).size();
  for (std::size_t from = start; from < whole.size(); from += 61)
    for (const std::size_t length : {2u, 12u, 40u, 333u, 700u, 1'500u}) {
      SCOPED_TRACE(std::to_string(length) + " damaged at " + std::to_string(from));
      const std::size_t count = std::min(length, whole.size() - from);
      const auto at = [&](std::vector<std::byte>& bytes) {
        return bytes.begin() + static_cast<std::ptrdiff_t>(from);
      };
      for (const auto fill : {std::byte{0}, std::byte{0xff}, std::byte{0x23}}) {
        auto damaged = whole;
        std::fill_n(at(damaged), count, fill);
        expect_only_the_touched_is_lost(dir.path() / "a.spool", whole, damaged, audio::narrowband);
      }
      // What a disk may also give back: another part of the file, whose records are whole, but not of here.
      if (start + count <= from) {
        auto damaged = whole;
        std::copy_n(whole.begin() + static_cast<std::ptrdiff_t>(start), count, at(damaged));
        expect_only_the_touched_is_lost(dir.path() / "a.spool", whole, damaged, audio::narrowband);
      }
      if (HasFatalFailure()) return;
    }
}

// The reader fetches 64 KiB at a time.
TEST(Spool, damage_may_be_longer_than_what_is_read_at_a_time) {
  const voxanne::test::TempDir dir;
  const auto path = dir.path() / "bad.spool";
  const auto whole = talk(3'000);
  const std::size_t start = encode_header(header()).size(), from = 100'003;
  std::vector<std::size_t> lengths{131'072, 300'001};
  for (std::size_t around = 64 * 1024 - 700; around < 64 * 1024 + 700; around += 97)
    lengths.push_back(around);
  for (const auto length : lengths) {
    SCOPED_TRACE(std::to_string(length) + " damaged");
    auto bytes = whole;
    std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(from), length, std::byte{0x23});
    write_file(path, bytes);
    const std::uint64_t first = (from - start) / talk_record,
                        last = (from + length - 1 - start) / talk_record;
    auto reader = SpoolReader::open(path).value();
    SpoolReader::Slot slot;
    const auto expect_slot = [&](std::uint64_t at) {
      ASSERT_TRUE(reader.next(slot).value()) << at;
      const bool lost = at >= first && at <= last;
      ASSERT_EQ(slot.lost, lost) << at;
      ASSERT_EQ(slot.caller.samples()[0], lost ? 0 : mark(at, 0)) << at;
    };
    for (std::uint64_t i = 0; i < 3'000; ++i) expect_slot(i);
    EXPECT_FALSE(reader.next(slot).value());
    const auto summary = reader.scan().value();
    EXPECT_EQ(summary.slots, 3'000u);
    EXPECT_EQ(summary.damaged, last - first + 1);
    EXPECT_EQ(summary.damaged_bytes, summary.damaged * talk_record);
    for (const auto at : std::vector<std::uint64_t>{0, first - 1, first, first + 1, (first + last) / 2, last,
                                                    last + 1, last + 2, 2'999}) {
      ASSERT_TRUE(reader.seek(at));
      expect_slot(at);
      if (at < 2'999) expect_slot(at + 1);
    }
    if (HasFatalFailure()) return;
  }
}

// A megabyte in which every byte could begin a record, and then one: each byte is looked at once, or this
// takes for ever.
TEST(Spool, what_is_damaged_is_looked_through_once) {
  const voxanne::test::TempDir dir;
  const auto path = dir.path() / "bad.spool";
  const auto whole = talk(3);
  const auto last = whole.end() - static_cast<std::ptrdiff_t>(talk_record);
  std::vector<std::byte> bytes{whole.begin(), last};
  bytes.resize(bytes.size() + (1 << 20), std::byte{0x23});
  write_file(path, bytes);
  EXPECT_EQ(SpoolReader::open(path).value().scan().value().slots, 2u) << "torn";
  bytes.insert(bytes.end(), last, whole.end());
  write_file(path, bytes);
  const auto summary = SpoolReader::open(path).value().scan().value();
  EXPECT_EQ(summary.slots, 3u);
  EXPECT_EQ(summary.damaged, 0u) << "what is in between is nothing's place";
  EXPECT_EQ(summary.damaged_bytes, 1u << 20);
}

TEST(Spool, repair_cuts_off_a_torn_end_and_no_whole_record) {
  const voxanne::test::TempDir dir;
  const auto path = dir.path() / "bad.spool";
  auto bytes = talk(100);
  bytes[encode_header(header()).size() + 20 * talk_record + 7] ^= std::byte{1};
  write_file(path, bytes);
  auto summary = repair_spool(path).value();
  EXPECT_EQ(summary.slots, 100u);
  EXPECT_EQ(summary.damaged, 1u);
  EXPECT_EQ(std::filesystem::file_size(path), bytes.size());
  bytes.resize(bytes.size() - 100);
  write_file(path, bytes);
  summary = repair_spool(path).value();
  EXPECT_EQ(summary.slots, 99u);
  EXPECT_EQ(summary.damaged, 1u);
  EXPECT_EQ(std::filesystem::file_size(path), bytes.size() + 100 - talk_record);
}

TEST(Spool, records_without_a_number_are_read_too) {
  const voxanne::test::TempDir dir;
  const auto path = dir.path() / "a.spool";
  const auto numbered = whole_spool(audio::narrowband, 12);
  auto bytes = encode_header(header());
  std::size_t second = 0;
  for (const auto& record : records_of(numbered, audio::narrowband)) {
    if (record.slot == 1) second = bytes.size();
    std::vector<std::byte> bare{numbered[record.from] & ~std::byte{0x20}};
    bare.insert(bare.end(), numbered.begin() + static_cast<std::ptrdiff_t>(record.from) + 5,
                numbered.begin() + static_cast<std::ptrdiff_t>(record.to) - 4);
    const auto crc = static_cast<std::uint32_t>(
        crc32(0, reinterpret_cast<const Bytef*>(bare.data()), static_cast<uInt>(bare.size())));
    bytes.insert(bytes.end(), bare.begin(), bare.end());
    const auto* from = reinterpret_cast<const std::byte*>(&crc);
    bytes.insert(bytes.end(), from, from + sizeof crc);
  }
  for (const bool is_damaged : {false, true}) {
    // Nothing says how much is missing: it is one slot at least.
    if (is_damaged) bytes[second + 100] ^= std::byte{1};
    write_file(path, bytes);
    auto reader = SpoolReader::open(path).value();
    const auto summary = reader.scan().value();
    EXPECT_EQ(summary.slots, 12u);
    EXPECT_EQ(summary.damaged, is_damaged ? 1u : 0u);
    SpoolReader::Slot slot;
    for (std::uint64_t i = 0; i < 12; ++i) {
      ASSERT_TRUE(reader.next(slot).value()) << i;
      const bool lost = is_damaged && i == 1;
      ASSERT_EQ(slot.lost, lost) << i;
      ASSERT_EQ(slot.caller.samples()[0], caller_speaks(i) && !lost ? mark(i, 0) : 0) << i;
      ASSERT_EQ(slot.assistant.samples()[159], assistant_speaks(i) && !lost ? mark(i, 1) : 0) << i;
    }
  }
}

// A spool of a minute; the reader fetches 64 KiB at a time.
TEST(Spool, a_disk_that_cannot_be_read_is_not_the_end) {
  const voxanne::test::TempDir dir;
  const auto path = dir.path() / "bad.spool";
  const auto bytes = talk(3'000);
  write_file(path, bytes);
  const auto expect_unreadable = [](const auto& result) {
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, Fault::unavailable);
    EXPECT_EQ(result.error().code, "spool_read_failed");
  };
  std::thread{[&] {
    auto sought = SpoolReader::open(path).value();
    ASSERT_EQ(sought.scan().value().slots, 3'000u);
    test::cannot_read_from(500'000);
    auto reader = SpoolReader::open(path).value();
    expect_unreadable(reader.scan());
    reader = SpoolReader::open(path).value();
    SpoolReader::Slot slot;
    std::uint64_t read = 0;
    auto next = reader.next(slot);
    for (; next && *next; next = reader.next(slot)) ASSERT_EQ(slot.caller.samples()[0], mark(read++, 0));
    expect_unreadable(next);
    EXPECT_GT(read, 1'000u) << "what can be read is read";
    ASSERT_TRUE(sought.seek(10));
    EXPECT_TRUE(sought.next(slot).value());
    // The mark of its second lies on the bad part.
    expect_unreadable(sought.seek(2'901));
    expect_unreadable(repair_spool(path));
    EXPECT_EQ(std::filesystem::file_size(path), bytes.size()) << "nothing was cut";
    test::cannot_read_from(0);
    expect_unreadable(SpoolReader::open(path));
  }}.join();
  EXPECT_EQ(repair_spool(path).value().slots, 3'000u) << "all of it is there when the disk can be read again";
}

TEST(Spool, seek_finds_every_slot) {
  const voxanne::test::TempDir dir;
  const auto path = dir.path() / "long.spool";
  auto bytes = encode_header(header());
  std::vector<std::byte> block(Block::capacity);
  BlockEncoder encoder{audio::narrowband};
  const std::uint64_t total = 1'000;
  for (std::uint64_t i = 0; i < total;) {
    encoder.begin(block);
    for (int k = 0; k < 20; ++k, ++i)
      ASSERT_TRUE(encoder.append(i % 200 < 120 ? frame(i, 0) : silence(), silence()));
    const auto used = encoder.end();
    bytes.insert(bytes.end(), block.begin(), block.begin() + static_cast<std::ptrdiff_t>(used));
  }
  write_file(path, bytes);
  auto reader = SpoolReader::open(path);
  ASSERT_TRUE(reader);
  ASSERT_EQ(reader->scan().value().slots, total);
  SpoolReader::Slot slot;
  for (const std::uint64_t at : {0u, 1u, 119u, 120u, 121u, 199u, 200u, 555u, 999u}) {
    ASSERT_TRUE(reader->seek(at));
    std::uint64_t left = 0;
    while (reader->next(slot).value()) {
      const auto index = at + left++;
      ASSERT_EQ(slot.caller.samples()[0], index % 200 < 120 ? mark(index, 0) : 0) << at << " " << index;
    }
    EXPECT_EQ(left, total - at) << at;
  }
}

TEST(Spool, paths_stay_inside_the_spool) {
  EXPECT_EQ(spool_path("/s", OrgId{"demo"}, CallId{"call_1"}), "/s/demo/call_1.spool");
  for (const char* bad : {"", ".", "..", "a/b", "../x"}) {
    EXPECT_THROW(spool_path("/s", OrgId{bad}, CallId{"call_1"}), std::invalid_argument) << bad;
    EXPECT_THROW(spool_path("/s", OrgId{"demo"}, CallId{bad}), std::invalid_argument) << bad;
  }
}

TEST(Spool, a_missing_file_and_a_foreign_one_are_told_apart) {
  const voxanne::test::TempDir dir;
  const auto missing = SpoolReader::open(dir.path() / "none.spool");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, "spool_missing");
  write_file(dir.path() / "foreign.spool", Bytes{});
  const auto foreign = SpoolReader::open(dir.path() / "foreign.spool");
  ASSERT_FALSE(foreign);
  EXPECT_EQ(foreign.error().code, "spool_corrupt");
}

TEST(Spool, one_writer_holds_a_file_and_a_second_recording_of_a_call_is_refused) {
  const voxanne::test::TempDir dir;
  const auto path = spool_path(dir.path(), OrgId{"demo"}, CallId{"call_1"});
  {
    auto file = create_spool(path, header());
    ASSERT_TRUE(file) << file.error().message;
    const auto locked = lock_spool(path);
    ASSERT_TRUE(locked);
    EXPECT_FALSE(locked->has_value());
    const auto second = create_spool(path, header());
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, "spool_exists");
  }
  const auto locked = lock_spool(path);
  ASSERT_TRUE(locked);
  EXPECT_TRUE(locked->has_value());
}

}  // namespace
}  // namespace voxanne::recordings
