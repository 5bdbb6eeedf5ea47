#include "recordings/spool_file.h"
#include "recordings/test_bad_sector.h"
#include "recordings/test_frames.h"
#include "support/temp_dir.h"

#include <gtest/gtest.h>

#include <fstream>
#include <thread>

namespace voxanne::recordings {
namespace {

using test::frame;
using test::header;
using test::mark;
using test::silence;

std::vector<std::byte> whole_spool(int rate, int slots) {
  std::vector<std::byte> out = encode_header(header("call_1", rate));
  std::vector<std::byte> block(64 * 1024);
  BlockEncoder encoder{rate};
  encoder.begin(block);
  for (int i = 0; i < slots; ++i) {
    const auto slot = static_cast<std::uint64_t>(i);
    // Both speak, one speaks, nobody speaks: every kind of record.
    const auto caller = i % 4 < 2 ? frame(slot, 0, rate) : silence(rate);
    const auto assistant = i % 8 < 5 && i % 4 != 3 ? frame(slot, 1, rate) : silence(rate);
    EXPECT_TRUE(encoder.append(caller, assistant));
  }
  block.resize(encoder.end());
  out.insert(out.end(), block.begin(), block.end());
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
      for (const auto sample : slot.caller.samples()) ASSERT_EQ(sample, i % 4 < 2 ? mark(i, 0) : 0) << i;
      for (const auto sample : slot.assistant.samples())
        ASSERT_EQ(sample, i % 8 < 5 && i % 4 != 3 ? mark(i, 1) : 0) << i;
    }
    EXPECT_FALSE(reader->next(slot).value());
  }
}

TEST(Spool, silence_costs_seven_bytes_a_block) {
  std::vector<std::byte> block(8192);
  BlockEncoder encoder{audio::narrowband};
  encoder.begin(block);
  auto muted = frame(0, 0);
  for (auto& sample : muted.samples()) sample = 0;  // digital silence that nobody marked as such
  for (int i = 0; i < 25; ++i) ASSERT_TRUE(encoder.append(muted, silence()));
  EXPECT_EQ(encoder.end(), 7u);
  EXPECT_EQ(encoder.slots(), 25u);
}

TEST(Spool, a_block_takes_half_a_second_of_narrowband_and_says_when_it_is_full) {
  std::vector<std::byte> block(8192);
  BlockEncoder encoder{audio::narrowband};
  encoder.begin(block);
  for (int i = 0; i < 25; ++i) ASSERT_TRUE(encoder.append(frame(1, 0), frame(1, 1))) << i;
  EXPECT_FALSE(encoder.append(frame(1, 0), frame(1, 1)));
  EXPECT_EQ(encoder.end(), 25u * (1 + 320 + 4));
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

TEST(Spool, a_damaged_byte_ends_the_recording_there) {
  const voxanne::test::TempDir dir;
  const auto path = dir.path() / "bad.spool";
  auto bytes = whole_spool(audio::narrowband, 12);
  bytes[encode_header(header()).size() + 400] ^= std::byte{1};
  write_file(path, bytes);
  auto reader = SpoolReader::open(path);
  ASSERT_TRUE(reader);
  EXPECT_EQ(reader->scan().value().slots, 1u);
}

// A spool of a minute; the reader fetches 64 KiB at a time.
TEST(Spool, a_disk_that_cannot_be_read_is_not_the_end) {
  const voxanne::test::TempDir dir;
  const auto path = dir.path() / "bad.spool";
  auto bytes = encode_header(header());
  std::vector<std::byte> block(8'192);
  BlockEncoder encoder{audio::narrowband};
  for (std::uint64_t i = 0; i < 3'000;) {
    encoder.begin(block);
    for (int k = 0; k < 20; ++k, ++i) ASSERT_TRUE(encoder.append(frame(i, 0), frame(i, 1)));
    const auto used = encoder.end();
    bytes.insert(bytes.end(), block.begin(), block.begin() + static_cast<std::ptrdiff_t>(used));
  }
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
    reader.rewind();
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
  std::vector<std::byte> block(8192);
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
