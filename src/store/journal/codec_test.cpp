// Bytes and values: batches, frames.
#include "store/calls.h"
#include "store/journal/batch_codec.h"
#include "store/journal/frame.h"
#include "store/statements.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace voxanne::store {
namespace {

constexpr Statement insert{"test.insert", "INSERT"}, update{"test.update", "UPDATE"};
const Statement* const both[] = {&insert, &update};

Batch a_batch() {
  Batch batch;
  batch.once = Batch::Once{"01J00000000000000000000000", 7};
  batch.add(insert, {std::monostate{}, std::int64_t{-5}, 0.25, std::string{"caf\xc3\xa9\0!", 7}}, 1);
  batch.add(update, {});
  batch.add(update, {std::numeric_limits<std::int64_t>::min(), HUGE_VAL, std::string{}}, 0);
  return batch;
}

TEST(BatchCodec, a_batch_comes_back_as_it_was) {
  const Catalogue catalogue = catalogue_of(both);
  const Batch written = a_batch();
  const auto read = decode_batch(encode_batch(written), catalogue);
  ASSERT_TRUE(read) << read.error().message;
  ASSERT_TRUE(read->once);
  EXPECT_EQ(read->once->stream, written.once->stream);
  EXPECT_EQ(read->once->number, 7);
  ASSERT_EQ(read->steps.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(read->steps[i].statement, written.steps[i].statement);
    EXPECT_EQ(read->steps[i].values, written.steps[i].values);
    EXPECT_EQ(read->steps[i].expect_rows, written.steps[i].expect_rows);
  }
}

TEST(BatchCodec, whatever_is_cut_or_added_is_malformed) {
  const Catalogue catalogue = catalogue_of(both);
  const std::string bytes = encode_batch(a_batch());
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    const auto cut = decode_batch(bytes.substr(0, length), catalogue);
    ASSERT_FALSE(cut) << length;
    EXPECT_EQ(cut.error().kind, Fault::malformed) << length;
  }
  EXPECT_EQ(decode_batch(bytes + "x", catalogue).error().code, "journal_batch_malformed");
  EXPECT_EQ(decode_batch("\2" + bytes.substr(1), catalogue).error().code, "journal_batch_malformed");
}

TEST(BatchCodec, a_statement_of_another_version_is_named_as_such) {
  const Statement* const fewer[] = {&update};
  EXPECT_EQ(decode_batch(encode_batch(a_batch()), catalogue_of(fewer)).error().code,
            "journal_statement_unknown");
}

TEST(BatchCodec, every_statement_has_a_name_of_its_own) {
  EXPECT_EQ(catalogue_of(all_statements()).size(), all_statements().size());
  const Statement* const twice[] = {&insert, &insert};
  EXPECT_THROW(catalogue_of(twice), std::logic_error);
}

std::string frames(std::initializer_list<std::string_view> payloads) {
  std::string out;
  for (const auto payload : payloads) append_frame(out, payload);
  return out;
}

// One letter for each step of reading: the payload, # damaged, ~ torn.
std::string read_all(std::string_view rest) {
  std::string out;
  for (;;) {
    const Found found = next_frame(rest);
    switch (found.kind) {
      case Found::Kind::end:
        return out;
      case Found::Kind::frame:
        out += found.payload;
        break;
      case Found::Kind::damaged:
        out += '#';
        break;
      case Found::Kind::torn:
        out += '~';
        break;
    }
    rest.remove_prefix(found.bytes);
  }
}

TEST(Frame, what_was_written_is_read_in_order) {
  EXPECT_EQ(read_all(frames({"a", "", "bcd"})), "abcd");
  EXPECT_EQ(read_all(""), "");
}

TEST(Frame, a_torn_end_is_told_from_what_is_whole_at_every_length) {
  const std::string whole = frames({"a", "bb"});
  const std::size_t first = frames({"a"}).size();
  for (std::size_t length = 0; length <= whole.size(); ++length) {
    const std::string expected = length == 0              ? ""
                                 : length < first         ? "~"
                                 : length == first        ? "a"
                                 : length == whole.size() ? "abb"
                                                          : "a~";
    EXPECT_EQ(read_all(std::string_view{whole}.substr(0, length)), expected) << length;
  }
}

TEST(Frame, damage_costs_its_own_frame_and_is_never_read_as_one) {
  const std::string whole = frames({"first", "second", "third"});
  const std::size_t from = frames({"first"}).size(), to = frames({"first", "second"}).size();
  for (std::size_t at = from; at < to; ++at)
    for (const char flip : {'\x01', '\x80'}) {
      std::string damaged = whole;
      damaged[at] = char(damaged[at] ^ flip);
      EXPECT_EQ(read_all(damaged), "first#third") << at;
    }
  std::string last = frames({"first", "second"});
  last.back() = char(last.back() ^ 1);
  EXPECT_EQ(read_all(last), "first#") << "whole by its length: not torn";
}

TEST(Frame, a_segment_says_whose_it_is) {
  const std::string header = segment_header("database-1");
  const auto parsed = parse_segment_header(header + "rest");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->database, "database-1");
  EXPECT_EQ(parsed->bytes, header.size());
  for (std::size_t i = 0; i < header.size(); ++i) {
    EXPECT_FALSE(parse_segment_header(std::string_view{header}.substr(0, i))) << i;
    std::string damaged = header;
    damaged[i] = char(damaged[i] ^ 4);
    EXPECT_FALSE(parse_segment_header(damaged)) << i;
  }
}

}  // namespace
}  // namespace voxanne::store
