#include "recordings/root.h"

#include "support/temp_dir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <thread>
#include <vector>

namespace voxanne::recordings {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using Use = Root::Use;

class RootTest : public testing::Test {
 protected:
  // As every process has one of its own.
  bool holds(Use use) { return !error(use); }
  std::optional<Error> error(Use use) {
    Root root{place};
    const auto held = root.hold(use);
    if (held) return std::nullopt;
    EXPECT_EQ(held.error().kind, Fault::unavailable);
    EXPECT_EQ(held.error().code, "object_store_unavailable");
    EXPECT_THAT(held.error().message, HasSubstr(directory.string()));
    return held.error();
  }
  void expect_away(const std::string& why) {
    for (const Use use : {Use::look, Use::keep}) {
      const auto told = error(use);
      ASSERT_TRUE(told) << why;
      EXPECT_THAT(told->message, HasSubstr(why));
    }
  }
  static std::string content(const fs::path& file) {
    std::ostringstream out;
    out << std::ifstream{file}.rdbuf();
    return out.str();
  }
  void file(const fs::path& path, const std::string& text = "") {
    fs::create_directories(path.parent_path());
    std::ofstream{path} << text;
  }

  voxanne::test::TempDir dir;
  fs::path directory = dir / "mnt/objects", marker = directory / marker_name, elsewhere = dir / "elsewhere";
  int asked = 0;
  bool in_use = false;
  Place place{directory, dir / "known", [this] {
                ++asked;
                return in_use;
              }};
};

TEST_F(RootTest, is_made_and_marked_by_the_first_who_keeps_something) {
  EXPECT_TRUE(holds(Use::look));
  EXPECT_TRUE(fs::is_empty(dir.path())) << "who only looks makes nothing";
  ASSERT_TRUE(holds(Use::keep));
  EXPECT_EQ(content(dir / "known"), content(marker).substr(0, 26) + " " + directory.string() + "\n");
  EXPECT_EQ(fs::status(marker).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  EXPECT_EQ(fs::status(directory).permissions(), fs::perms::owner_all);
  const auto before = content(marker);
  asked = 0;
  EXPECT_TRUE(holds(Use::look) && holds(Use::keep));
  EXPECT_EQ(content(marker), before);
  EXPECT_EQ(asked, 0);
}

TEST_F(RootTest, that_is_gone_is_away_until_it_is_there_again_and_nothing_is_put_in_its_place) {
  Root running{place};
  ASSERT_TRUE(running.hold(Use::keep));
  fs::rename(directory, elsewhere);
  expect_away("is not there");
  for (const Use use : {Use::look, Use::keep}) EXPECT_FALSE(running.hold(use));
  EXPECT_FALSE(fs::exists(directory));
  fs::rename(elsewhere, directory);
  EXPECT_TRUE(holds(Use::look) && holds(Use::keep));
  for (const Use use : {Use::look, Use::keep}) EXPECT_TRUE(running.hold(use));
}

TEST_F(RootTest, in_whose_place_is_something_else_is_away) {
  ASSERT_TRUE(holds(Use::keep));
  fs::rename(directory, elsewhere);
  fs::create_directory(directory);  // a mount point
  expect_away("its .voxanne-recordings is missing");
  EXPECT_TRUE(fs::is_empty(directory));
  file(marker, "01JANOTHERSHARE\n");
  expect_away("its .voxanne-recordings is another's");
  EXPECT_EQ(content(marker), "01JANOTHERSHARE\n");
  fs::remove_all(directory);
  file(directory, "a file");
  expect_away("cannot be opened");
  fs::remove(directory);
  fs::rename(elsewhere, directory);
  EXPECT_TRUE(holds(Use::keep));
}

TEST_F(RootTest, is_taken_as_it_is_at_the_operator_s_word) {
  Root running{place};
  ASSERT_TRUE(running.hold(Use::keep));
  const auto known = content(dir / "known"), id = content(marker);
  fs::remove_all(directory);
  const auto told = error(Use::look);
  ASSERT_TRUE(told);
  const auto command = told->message.substr(told->message.find("mkdir -p "));
  ASSERT_EQ(std::system(command.c_str()), 0) << command;
  EXPECT_TRUE(holds(Use::look));
  EXPECT_EQ(content(marker), "") << "who only looks changes nothing";
  EXPECT_TRUE(running.hold(Use::keep));
  EXPECT_EQ(content(marker), id);
  EXPECT_EQ(content(dir / "known"), known);
  // Also said of one that is another's.
  std::ofstream{marker} << "01JANOTHERSHARE\n";
  EXPECT_FALSE(holds(Use::keep));
  ASSERT_EQ(std::system(command.c_str()), 0);
  EXPECT_TRUE(holds(Use::keep));
  EXPECT_EQ(content(marker), id);
}

// A crash between marker and line, a DATA_DIR that was moved, another node's share.
TEST_F(RootTest, that_has_a_marker_which_nobody_knows_is_taken_over) {
  in_use = true;
  file(marker, "01JMADEBEFORE\n");
  EXPECT_TRUE(holds(Use::look));
  EXPECT_FALSE(fs::exists(dir / "known"));
  ASSERT_TRUE(holds(Use::keep));
  EXPECT_EQ(content(marker), "01JMADEBEFORE\n");
  EXPECT_EQ(content(dir / "known"), "01JMADEBEFORE " + directory.string() + "\n");
  fs::rename(directory, elsewhere);
  expect_away("is not there");
}

TEST_F(RootTest, what_a_crash_left_of_marker_and_line_is_no_hindrance) {
  file(marker);
  file(dir / "known", "01JTHISLINEWASN");
  ASSERT_TRUE(holds(Use::keep));
  const auto id = content(marker).substr(0, 26);
  EXPECT_EQ(content(dir / "known"), "01JTHISLINEWASN\n" + id + " " + directory.string() + "\n");
  fs::rename(directory, elsewhere);
  expect_away("is not there");
  fs::rename(elsewhere, directory);
  std::ofstream{marker} << std::string(27, '\0');  // after a power cut
  EXPECT_TRUE(holds(Use::keep));
  EXPECT_EQ(content(marker).substr(0, 26), id);
}

TEST_F(RootTest, of_a_time_before_markers_gets_one_where_it_holds_recordings) {
  in_use = true;
  file(directory / "demo/call_1.ogg", "audio");
  EXPECT_TRUE(holds(Use::look));
  EXPECT_FALSE(fs::exists(marker));
  EXPECT_TRUE(holds(Use::keep));
  EXPECT_TRUE(fs::exists(marker));
}

TEST_F(RootTest, of_which_the_database_knows_recordings_and_that_has_none_is_away) {
  in_use = true;
  expect_away("the database knows of recordings");
  EXPECT_TRUE(fs::is_empty(dir.path()));
  fs::create_directories(directory / ".incoming");  // a mount point on which an earlier version has written
  expect_away("the database knows of recordings");
  EXPECT_FALSE(fs::exists(marker));
  EXPECT_GT(asked, 0);
  file(directory / "demo/call_1.ogg", "audio");
  EXPECT_TRUE(holds(Use::keep));
}

TEST_F(RootTest, another_directory_has_a_marker_of_its_own) {
  ASSERT_TRUE(holds(Use::keep));
  const auto first = directory;
  const auto second = dir / "other disk/objects";
  in_use = true;
  place.directory = second / "";  // as somebody may write it
  EXPECT_TRUE(holds(Use::keep)) << "moved, and what is there is what there is";
  EXPECT_NE(content(second / marker_name), content(marker));
  fs::rename(second, elsewhere);
  directory = second;
  expect_away("is not there");
  place.directory = directory = first;
  EXPECT_TRUE(holds(Use::keep));
}

TEST_F(RootTest, what_is_done_in_it_is_done_where_the_marker_was_seen) {
  Root root{place};
  const auto held = root.hold(Use::keep);
  ASSERT_TRUE(held);
  fs::rename(directory, elsewhere);
  fs::create_directory(directory);
  std::ofstream{held->path() / "call.ogg"} << "audio";
  EXPECT_TRUE(fs::is_empty(directory));
  EXPECT_EQ(content(elsewhere / "call.ogg"), "audio");
}

TEST_F(RootTest, many_who_are_the_first_at_once_make_one_marker) {
  std::vector<std::thread> processes;
  std::atomic<int> held{0};
  for (int i = 0; i < 16; ++i)
    processes.emplace_back([&] {
      Root root{{directory, dir / "known"}};
      held += root.hold(Use::keep).has_value();
    });
  for (auto& process : processes) process.join();
  EXPECT_EQ(held, 16);
  EXPECT_EQ(content(dir / "known"), content(marker).substr(0, 26) + " " + directory.string() + "\n");
}

TEST_F(RootTest, whose_line_cannot_be_written_is_not_used) {
  place.known = dir / "nowhere/known";
  EXPECT_TRUE(holds(Use::look));
  Root root{place};
  EXPECT_EQ(root.hold(Use::keep).error().code, "object_store_unavailable");
  EXPECT_FALSE(fs::exists(directory));
}

}  // namespace
}  // namespace voxanne::recordings
