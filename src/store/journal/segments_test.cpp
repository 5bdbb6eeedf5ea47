// Segments on a real disk: order, removal, torn ends, damage, a full disk.
#include "store/journal/segments.h"

#include "support/temp_dir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <fstream>

namespace voxanne::store {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
namespace fs = std::filesystem;
using Payloads = std::vector<std::string>;

class SegmentsTest : public testing::Test {
 protected:
  Segments open(std::string database = "db", std::size_t segment_bytes = 8u << 20) {
    auto opened = Segments::open(
        {.directory = directory(), .database = std::move(database), .segment_bytes = segment_bytes});
    if (!opened) throw std::runtime_error(opened.error().code);
    return std::move(*opened);
  }
  fs::path directory() const { return here_ / "journal"; }
  std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator{directory()})
      names.push_back(entry.path().filename().string());
    std::ranges::sort(names);
    return names;
  }
  std::string content(const std::string& name) const {
    std::ifstream file{directory() / name, std::ios::binary};
    return {std::istreambuf_iterator<char>{file}, {}};
  }
  void overwrite(const std::string& name, const std::string& bytes) const {
    std::ofstream{directory() / name, std::ios::binary | std::ios::trunc} << bytes;
  }

  test::TempDir here_;
};

TEST_F(SegmentsTest, what_was_appended_is_read_once_and_removed_when_done) {
  Segments segments = open();
  ASSERT_TRUE(segments.append(Payloads{"a", "b"}));
  EXPECT_THAT(*segments.read(), ElementsAre("a", "b"));
  ASSERT_TRUE(segments.append(Payloads{"c"}));
  EXPECT_THAT(*segments.read(), ElementsAre("c"));
  EXPECT_THAT(*segments.read(), IsEmpty());
  segments.done(1);
  EXPECT_EQ(segments.pending(), 2u);
  EXPECT_THAT(files(), ElementsAre("000001.journal"));
  segments.done(2);
  EXPECT_THAT(files(), IsEmpty());
  ASSERT_TRUE(segments.append(Payloads{"d"}));
  EXPECT_THAT(*segments.read(), ElementsAre("d"));
}

TEST_F(SegmentsTest, what_is_not_done_is_there_after_a_restart) {
  {
    Segments segments = open();
    ASSERT_TRUE(segments.append(Payloads{"a", "b"}));
    EXPECT_THAT(*segments.read(), ElementsAre("a", "b"));
    segments.done(1);
  }
  EXPECT_TRUE(holds_segments(directory()));
  Segments segments = open();
  EXPECT_EQ(segments.pending(), 2u) << "the file goes as a whole";
  EXPECT_THAT(*segments.read(), ElementsAre("a", "b"));
  segments.done(2);
  EXPECT_FALSE(holds_segments(directory()));
}

TEST_F(SegmentsTest, files_and_directory_are_the_owners_alone) {
  Segments segments = open();
  ASSERT_TRUE(segments.append(Payloads{"a"}));
  struct stat found{};
  ASSERT_EQ(stat((directory() / "000001.journal").c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0600u);
  ASSERT_EQ(stat(directory().c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0700u);
}

TEST_F(SegmentsTest, a_long_outage_makes_several_segments_read_in_order) {
  Payloads all;
  {
    Segments segments = open("db", 100);
    for (int i = 0; i < 40; ++i) {
      all.push_back("batch-" + std::to_string(i));
      ASSERT_TRUE(segments.append({&all.back(), 1}));
    }
  }
  EXPECT_GT(files().size(), 5u);
  Segments segments = open("db", 100);
  ASSERT_TRUE(segments.append(Payloads{"last"}));
  all.push_back("last");
  Payloads seen;
  for (;;) {
    auto read = segments.read();
    ASSERT_TRUE(read);
    if (read->empty()) break;
    seen.insert(seen.end(), read->begin(), read->end());
    segments.done(read->size());
  }
  EXPECT_EQ(seen, all);
  EXPECT_THAT(files(), IsEmpty());
}

TEST_F(SegmentsTest, a_torn_end_is_cut_off_at_every_length) {
  {
    Segments segments = open();
    ASSERT_TRUE(segments.append(Payloads{"one"}));
    ASSERT_TRUE(segments.append(Payloads{"two"}));
  }
  const std::string whole = content("000001.journal");
  std::size_t both = 0, one = 0, none = 0;
  for (std::size_t length = 0; length <= whole.size(); ++length) {
    overwrite("000001.journal", whole.substr(0, length));
    Segments segments = open();
    auto read = segments.read();
    ASSERT_TRUE(read);
    both += read->size() == 2;
    one += *read == Payloads{"one"};
    none += read->empty();
    ASSERT_TRUE(segments.append(Payloads{"more"})) << length;
    ASSERT_THAT(*segments.read(), ElementsAre("more")) << length;
    segments.done(read->size() + 1);
    ASSERT_THAT(files(), IsEmpty()) << length;
  }
  EXPECT_EQ(both, 1u);
  EXPECT_EQ(one, 15u) << "as long as the second frame is";
  EXPECT_EQ(none + one + both, whole.size() + 1);
}

TEST_F(SegmentsTest, damage_in_the_middle_is_set_aside_and_the_rest_is_read) {
  {
    Segments segments = open();
    ASSERT_TRUE(segments.append(Payloads{"one", "two", "three"}));
  }
  std::string bytes = content("000001.journal");
  bytes[bytes.find("two")] = 'T';
  overwrite("000001.journal", bytes);
  Segments segments = open();
  EXPECT_THAT(*segments.read(), ElementsAre("one", "three"));
  ASSERT_EQ(files().size(), 2u);
  EXPECT_THAT(files()[0], testing::EndsWith(".bad"));
  EXPECT_THAT(content(files()[0]), testing::HasSubstr("Two"));
  segments.done(2);
  EXPECT_THAT(files(), ElementsAre(testing::EndsWith(".bad"))) << "what is damaged stays for a person";
}

TEST_F(SegmentsTest, a_damaged_header_does_not_cost_the_frames) {
  {
    Segments segments = open();
    ASSERT_TRUE(segments.append(Payloads{"one", "two"}));
  }
  std::string bytes = content("000001.journal");
  bytes[3] = '!';
  overwrite("000001.journal", bytes);
  Segments segments = open();
  EXPECT_THAT(*segments.read(), ElementsAre("one", "two"));
}

TEST_F(SegmentsTest, another_databases_records_are_refused) {
  {
    Segments segments = open("original");
    ASSERT_TRUE(segments.append(Payloads{"a"}));
  }
  const auto refused = Segments::open({.directory = directory(), .database = "new"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "journal_of_other_database");
  EXPECT_THAT(*open("original").read(), ElementsAre("a"));
}

TEST_F(SegmentsTest, it_is_bounded_and_says_so) {
  auto segments = Segments::open({.directory = directory(), .database = "db", .max_bytes = 200});
  ASSERT_TRUE(segments);
  Result<> full;
  int taken = 0;
  while (taken < 100 && (full = segments->append(Payloads{"0123456789"}))) ++taken;
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, "journal_full");
  const auto read = segments->read();
  EXPECT_EQ(read->size(), std::size_t(taken));
  segments->done(read->size());
  EXPECT_TRUE(segments->append(Payloads{"again"}));
}

// A limit on the size of files is how a full disk is had without one.
TEST_F(SegmentsTest, a_full_disk_takes_nothing_by_half_and_is_got_over) {
  signal(SIGXFSZ, SIG_IGN);
  Segments segments = open();
  ASSERT_TRUE(segments.append(Payloads{"before"}));
  rlimit limit{};
  getrlimit(RLIMIT_FSIZE, &limit);
  const rlimit tight{64 + 20, limit.rlim_max};
  setrlimit(RLIMIT_FSIZE, &tight);
  const auto full = segments.append(Payloads{"fits", std::string(500, 'x')});
  setrlimit(RLIMIT_FSIZE, &limit);
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, "disk_full");
  ASSERT_TRUE(segments.append(Payloads{"after"}));
  EXPECT_THAT(*segments.read(), ElementsAre("before"));
  EXPECT_THAT(*segments.read(), ElementsAre("after"));
  segments.done(2);
  EXPECT_THAT(files(), IsEmpty());
}

TEST_F(SegmentsTest, what_is_refused_is_kept_as_frames) {
  Segments segments = open();
  segments.set_aside("one");
  segments.set_aside("two");
  const std::string bytes = content("refused.bad");
  const Found first = next_frame(bytes);
  EXPECT_EQ(first.payload, "one");
  EXPECT_EQ(next_frame(std::string_view{bytes}.substr(first.bytes)).payload, "two");
}

}  // namespace
}  // namespace voxanne::store
