#include "recordings/file_store.h"

#include "async/thread.h"
#include "base/secret.h"
#include "support/temp_dir.h"

#include <gtest/gtest.h>

#include <fstream>

namespace voxanne::recordings {
namespace {

class FileStoreTest : public testing::Test {
 protected:
  std::filesystem::path source(const std::string& content) {
    const auto path = dir / "source";
    std::ofstream{path, std::ios::binary} << content;
    return path;
  }
  template <class T>
  T run(async::Task<T> task) {
    return async::run_on(loop.executor(), std::move(task));
  }
  Result<> put(const std::string& key, const std::string& content) {
    return run(store.put(key, source(content), to_hex(sha256(content))));
  }

  voxanne::test::TempDir dir;
  async::LoopThread loop{"test"};
  async::WorkerPool workers{"files", 1};
  FileStore store{dir / "objects", workers};
};

TEST_F(FileStoreTest, keeps_what_was_put_and_reads_any_part_of_it) {
  std::string content(600'000, 'x');
  for (std::size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>('a' + i % 23);
  ASSERT_TRUE(put("demo/call_1.ogg", content));
  EXPECT_EQ(run(store.size("demo/call_1.ogg")).value(), content.size());
  EXPECT_EQ(run(store.read("demo/call_1.ogg", 0, content.size())).value(), content);
  EXPECT_EQ(run(store.read("demo/call_1.ogg", 1'000, 10)).value(), content.substr(1'000, 10));
  EXPECT_EQ(run(store.read("demo/call_1.ogg", content.size() - 3, 10)).value(),
            content.substr(content.size() - 3));
  EXPECT_EQ(run(store.read("demo/call_1.ogg", content.size() + 5, 10)).value(), "");
}

TEST_F(FileStoreTest, putting_again_replaces_whole) {
  ASSERT_TRUE(put("demo/call_1.ogg", "first, and longer"));
  ASSERT_TRUE(put("demo/call_1.ogg", "second"));
  EXPECT_EQ(run(store.read("demo/call_1.ogg", 0, 100)).value(), "second");
  EXPECT_TRUE(std::filesystem::is_empty(dir / "objects/.incoming"));
}

TEST_F(FileStoreTest, a_wrong_checksum_changes_nothing) {
  ASSERT_TRUE(put("demo/call_1.ogg", "good"));
  const auto refused =
      run(store.put("demo/call_1.ogg", source("damaged"), to_hex(sha256("what was promised"))));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "object_checksum_mismatch");
  EXPECT_EQ(run(store.read("demo/call_1.ogg", 0, 100)).value(), "good");
  EXPECT_TRUE(std::filesystem::is_empty(dir / "objects/.incoming"));
}

TEST_F(FileStoreTest, what_is_missing_is_said_to_be) {
  EXPECT_EQ(run(store.size("demo/none.ogg")).error().code, "object_missing");
  EXPECT_EQ(run(store.read("demo/none.ogg", 0, 1)).error().kind, Fault::not_found);
  EXPECT_TRUE(run(store.remove("demo/none.ogg")));
  ASSERT_TRUE(put("demo/call_1.ogg", "x"));
  EXPECT_TRUE(run(store.remove("demo/call_1.ogg")));
  EXPECT_EQ(run(store.size("demo/call_1.ogg")).error().code, "object_missing");
  EXPECT_EQ(run(store.size("demo")).error().code, "object_missing");  // a directory is no object
}

TEST_F(FileStoreTest, keys_that_lead_elsewhere_are_refused) {
  for (const char* key : {"", "../x", "demo/../../x", "/etc/passwd", "demo//x", ".incoming/x"}) {
    EXPECT_EQ(run(store.put(key, source("x"), to_hex(sha256("x")))).error().code, "object_key_invalid")
        << key;
    EXPECT_EQ(run(store.read(key, 0, 1)).error().code, "object_key_invalid") << key;
    EXPECT_EQ(run(store.size(key)).error().code, "object_key_invalid") << key;
    EXPECT_EQ(run(store.remove(key)).error().code, "object_key_invalid") << key;
  }
  EXPECT_EQ(run(store.list("../", "", 10)).error().code, "object_key_invalid");
}

TEST_F(FileStoreTest, lists_by_prefix_in_pages) {
  EXPECT_TRUE(run(store.list("", "", 10)).value().empty());
  for (const char* key : {"demo/a.ogg", "demo/b.ogg", "demo/c.ogg", "demo2/a.ogg", "other/a.ogg"})
    ASSERT_TRUE(put(key, "1234"));
  const auto keys = [&](const std::string& prefix, const std::string& after, std::size_t limit) {
    std::vector<std::string> out;
    for (const auto& info : run(store.list(prefix, after, limit)).value()) {
      EXPECT_EQ(info.size, 4u);
      out.push_back(info.key);
    }
    return out;
  };
  using Keys = std::vector<std::string>;
  EXPECT_EQ(keys("demo/", "", 2), (Keys{"demo/a.ogg", "demo/b.ogg"}));
  EXPECT_EQ(keys("demo/", "demo/b.ogg", 2), (Keys{"demo/c.ogg"}));
  EXPECT_EQ(keys("demo", "", 10), (Keys{"demo/a.ogg", "demo/b.ogg", "demo/c.ogg", "demo2/a.ogg"}));
  EXPECT_EQ(keys("demo/b", "", 10), (Keys{"demo/b.ogg"}));
  EXPECT_EQ(keys("", "", 10).size(), 5u);
  EXPECT_TRUE(keys("none/", "", 10).empty());
}

TEST_F(FileStoreTest, a_store_that_cannot_be_written_is_away) {
  std::ofstream{dir / "blocked"} << "a file where the directory should be";
  FileStore blocked{dir / "blocked", workers};
  const auto refused = run(blocked.put("demo/a.ogg", source("x"), to_hex(sha256("x"))));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, Fault::unavailable);
  EXPECT_EQ(refused.error().code, "object_store_unavailable");
}

TEST_F(FileStoreTest, a_missing_source_is_told_apart_from_a_missing_store) {
  const auto refused = run(store.put("demo/a.ogg", dir / "nothing", ""));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "object_source_unreadable");
}

}  // namespace
}  // namespace voxanne::recordings
