#include "ops/probes.h"

#include "support/temp_dir.h"

#include <gtest/gtest.h>

#include <fstream>

namespace voxanne::ops {
namespace {

TEST(DirectoryProbe, leaves_nothing_behind_where_it_may_write) {
  test::TempDir directory;
  EXPECT_TRUE(probe_directory(directory.path()));
  EXPECT_TRUE(std::filesystem::is_empty(directory.path()));
}

TEST(DirectoryProbe, makes_no_directory_in_the_place_of_one_that_is_gone) {
  test::TempDir directory;
  EXPECT_EQ(probe_directory(directory.path() / "gone").error().code, "directory_missing");
  EXPECT_TRUE(std::filesystem::is_empty(directory.path()));
}

TEST(DirectoryProbe, says_what_is_wrong) {
  test::TempDir directory;
  std::ofstream{directory.path() / "file"} << "x";
  EXPECT_EQ(probe_directory(directory.path() / "file").error().code, "not_a_directory");
  EXPECT_EQ(probe_directory(directory.path() / "file" / "below").error().code, "not_a_directory");
}

}  // namespace
}  // namespace voxanne::ops
