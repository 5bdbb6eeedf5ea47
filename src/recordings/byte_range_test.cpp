#include "recordings/byte_range.h"

#include <gtest/gtest.h>

namespace voxanne::recordings {
namespace {

using Kind = RangeAnswer::Kind;

struct Case {
  const char* header;
  std::uint64_t size;
  Kind kind;
  std::uint64_t first, length;
};

class ByteRange : public testing::TestWithParam<Case> {};

TEST_P(ByteRange, answers_as_rfc_9110_says) {
  const Case& c = GetParam();
  const auto answer = parse_range(c.header, c.size);
  EXPECT_EQ(answer.kind, c.kind);
  if (c.kind != Kind::unsatisfiable) {
    EXPECT_EQ(answer.first, c.first);
    EXPECT_EQ(answer.length, c.length);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Table, ByteRange,
    testing::Values(
        Case{"", 100, Kind::whole, 0, 100}, Case{"bytes=0-0", 100, Kind::partial, 0, 1},
        Case{"bytes=0-99", 100, Kind::partial, 0, 100}, Case{"bytes=0-100", 100, Kind::partial, 0, 100},
        Case{"bytes=10-19", 100, Kind::partial, 10, 10}, Case{"bytes=99-", 100, Kind::partial, 99, 1},
        Case{"bytes=0-", 100, Kind::partial, 0, 100}, Case{"bytes=-1", 100, Kind::partial, 99, 1},
        Case{"bytes=-100", 100, Kind::partial, 0, 100}, Case{"bytes=-1000", 100, Kind::partial, 0, 100},
        Case{"BYTES=5-6", 100, Kind::partial, 5, 2}, Case{" bytes= 5-6 ", 100, Kind::partial, 5, 2},
        Case{"bytes=,5-6,", 100, Kind::partial, 5, 2}, Case{"bytes=, ,\t5-6", 100, Kind::partial, 5, 2},
        Case{"bytes=0-18446744073709551615", 100, Kind::partial, 0, 100},
        Case{"bytes=0-99999999999999999999999", 100, Kind::partial, 0, 100},
        // cannot be satisfied
        Case{"bytes=100-", 100, Kind::unsatisfiable, 0, 0},
        Case{"bytes=100-200", 100, Kind::unsatisfiable, 0, 0},
        Case{"bytes=99999999999999999999999-", 100, Kind::unsatisfiable, 0, 0},
        Case{"bytes=-0", 100, Kind::unsatisfiable, 0, 0}, Case{"bytes=0-", 0, Kind::unsatisfiable, 0, 0},
        // ignored: not valid, not bytes, or several
        Case{"bytes=-5", 0, Kind::whole, 0, 0}, Case{"bytes", 100, Kind::whole, 0, 100},
        Case{"bytes=", 100, Kind::whole, 0, 100}, Case{"bytes=,", 100, Kind::whole, 0, 100},
        Case{"bytes=-", 100, Kind::whole, 0, 100}, Case{"bytes=5", 100, Kind::whole, 0, 100},
        Case{"bytes=9-5", 100, Kind::whole, 0, 100}, Case{"bytes=a-5", 100, Kind::whole, 0, 100},
        Case{"bytes=5-a", 100, Kind::whole, 0, 100}, Case{"bytes=5-6-7", 100, Kind::whole, 0, 100},
        Case{"bytes=+5-6", 100, Kind::whole, 0, 100}, Case{"bytes=5 -6", 100, Kind::whole, 0, 100},
        Case{"bytes=--6", 100, Kind::whole, 0, 100}, Case{"seconds=0-5", 100, Kind::whole, 0, 100},
        Case{"bytes=0-1,2-3", 100, Kind::whole, 0, 100}, Case{"=0-1", 100, Kind::whole, 0, 100}));

TEST(ContentRange, names_the_bytes_or_only_the_size) {
  EXPECT_EQ(content_range(parse_range("bytes=10-19", 100), 100), "bytes 10-19/100");
  EXPECT_EQ(content_range(parse_range("bytes=200-", 100), 100), "bytes */100");
}

}  // namespace
}  // namespace voxanne::recordings
