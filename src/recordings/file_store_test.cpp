#include "recordings/file_store.h"

#include "async/thread.h"
#include "base/secret.h"
#include "support/temp_dir.h"

#include <gtest/gtest.h>

#include <sys/stat.h>

#include <algorithm>
#include <ctime>
#include <fstream>
#include <thread>

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
  FileStore store{{dir / "objects", dir / "known"}, workers};
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
  FileStore blocked{{dir / "blocked", dir / "known"}, workers};
  const auto refused = run(blocked.put("demo/a.ogg", source("x"), to_hex(sha256("x"))));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, Fault::unavailable);
  EXPECT_EQ(refused.error().code, "object_store_unavailable");
}

// A mount that is lost: nothing where it was, or the empty directory that it was mounted on.
TEST_F(FileStoreTest, one_whose_directory_is_gone_is_away_in_every_way_and_whole_when_it_is_back) {
  const auto there = dir / "objects", elsewhere = dir / "elsewhere";
  ASSERT_TRUE(put("demo/kept.ogg", "kept"));
  for (const bool mount_point : {false, true}) {
    std::filesystem::rename(there, elsewhere);
    if (mount_point) std::filesystem::create_directory(there);
    FileStore later{{there, dir / "known"}, workers};  // another process, or the next start
    for (FileStore* one : {&store, &later})
      for (const auto& [what, error] :
           {std::pair{"put", run(one->put("demo/new.ogg", source("x"), to_hex(sha256("x")))).error()},
            {"size", run(one->size("demo/kept.ogg")).error()},
            {"read", run(one->read("demo/kept.ogg", 0, 1)).error()},
            {"remove", run(one->remove("demo/kept.ogg")).error()},
            {"list", run(one->list("", "", 10)).error()},
            {"prepare", run(one->prepare()).error()},
            {"check", one->check().error()}}) {
        EXPECT_EQ(error.code, "object_store_unavailable") << what;
        EXPECT_EQ(error.kind, Fault::unavailable) << what;
      }
    if (mount_point) {
      EXPECT_TRUE(std::filesystem::is_empty(there));
      std::filesystem::remove(there);
    }
    EXPECT_FALSE(std::filesystem::exists(there));
    std::filesystem::rename(elsewhere, there);
  }
  EXPECT_TRUE(store.check());
  const auto all = run(store.list("", "", 10)).value();
  ASSERT_EQ(all.size(), 1u) << "nor is its marker an object";
  EXPECT_EQ(all[0].key, "demo/kept.ogg");
  EXPECT_TRUE(run(store.remove("demo/kept.ogg")));
  EXPECT_TRUE(put("demo/new.ogg", "new"));
}

TEST_F(FileStoreTest, one_that_was_never_used_is_empty_and_made_when_it_is) {
  EXPECT_EQ(run(store.size("demo/none.ogg")).error().code, "object_missing");
  EXPECT_TRUE(run(store.remove("demo/none.ogg")));
  EXPECT_TRUE(run(store.list("", "", 10)).value().empty());
  EXPECT_FALSE(std::filesystem::exists(dir / "objects")) << "to look makes nothing";
  EXPECT_TRUE(run(store.prepare()));
  EXPECT_TRUE(std::filesystem::exists(dir / "objects" / marker_name));
}

TEST_F(FileStoreTest, a_missing_source_is_told_apart_from_a_missing_store) {
  const auto refused = run(store.put("demo/a.ogg", dir / "nothing", ""));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "object_source_unreadable");
}

TEST_F(FileStoreTest, a_source_that_cannot_be_read_says_nothing_of_the_store) {
  const auto refused = run(store.put("demo/a.ogg", "/proc/self/mem", ""));  // opens, and then EIO
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "object_source_unreadable");
  EXPECT_EQ(refused.error().kind, Fault::unavailable);
  EXPECT_TRUE(std::filesystem::is_empty(dir / "objects/.incoming"));
}

// What a kill during a put leaves: under whatever name the store has given it.
TEST_F(FileStoreTest, what_a_killed_put_left_goes_with_its_key) {
  const auto held = dir / "objects/.incoming";
  const auto leave_behind = [&](const std::string& key) {
    const auto source = dir / "pipe";
    ASSERT_EQ(::mkfifo(source.c_str(), 0600), 0);
    std::filesystem::path name;
    std::thread writer{[&] {
      std::ofstream pipe{source};
      pipe << "half of it" << std::flush;
      while (name.empty()) {
        std::error_code none;
        for (const auto& entry : std::filesystem::directory_iterator{held, none}) name = entry.path();
      }
    }};
    EXPECT_FALSE(run(store.put(key, source, "")));
    writer.join();
    std::filesystem::remove(source);
    std::ofstream{name} << "half of it";
  };
  ASSERT_TRUE(put("demo/b.ogg", "x"));
  leave_behind("demo/a.ogg");
  ASSERT_FALSE(std::filesystem::is_empty(held));
  ASSERT_TRUE(run(store.remove("demo/b.ogg")));
  EXPECT_FALSE(std::filesystem::is_empty(held)) << "of another key";
  ASSERT_TRUE(run(store.remove("demo/a.ogg")));
  EXPECT_TRUE(std::filesystem::is_empty(held));
  leave_behind("demo/a.ogg");
  ASSERT_TRUE(put("demo/a.ogg", "whole"));
  EXPECT_TRUE(std::filesystem::is_empty(held));
}

TEST_F(FileStoreTest, pages_are_in_the_order_of_the_keys_and_cost_what_they_hold) {
  std::vector<std::string> keys{"a", "a+b/c", "a.ogg", "lone", "z/y/x/w.ogg"};  // "+-." come before "/"
  for (int org = 0; org < 100; ++org)
    for (int call = 0; call < 100; ++call)
      keys.push_back("org" + std::to_string(org) + (org % 3 == 0 ? "-x" : "") + "/call" +
                     std::to_string(call) + ".ogg");
  for (const auto& key : keys) {
    std::filesystem::create_directories((dir / "objects" / key).parent_path());
    std::ofstream{dir / "objects" / key} << "1";
  }
  std::filesystem::create_directories(dir / "objects/a-empty/deep");
  std::filesystem::create_directories(dir / "objects/.incoming");
  std::ofstream{dir / "objects/.incoming/x"} << "1";
  std::ranges::sort(keys);
  const auto started = std::clock();
  const auto all = run(store.list("", "", 50'000)).value();
  const auto of_all = std::clock() - started;
  ASSERT_EQ(all.size(), keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) ASSERT_EQ(all[i].key, keys[i]);
  std::size_t seen = 0, pages = 0;
  for (std::string after;; ++pages) {
    const auto page = run(store.list("", after, 100)).value();
    if (page.empty()) break;
    after = page.back().key;
    for (const auto& info : page) ASSERT_EQ(info.key, keys[seen++]);
  }
  EXPECT_EQ(seen, keys.size());
  EXPECT_EQ(pages, 101u);
  EXPECT_LT(std::clock() - started, 30 * of_all) << "not the whole of it for each page";
}

// More in one directory than are looked at together.
TEST_F(FileStoreTest, a_directory_larger_than_a_look_is_listed_whole) {
  std::vector<std::string> keys;
  for (int i = 0; i < 2'500; ++i) {
    keys.push_back("org/" + std::to_string(i) + (i < 1'500 ? "" : "/x"));
    std::filesystem::create_directories((dir / "objects" / keys.back()).parent_path());
    if (i >= 1'500 && i < 2'490)
      keys.pop_back();  // a directory with nothing in it
    else
      std::ofstream{dir / "objects" / keys.back()} << "1";
  }
  std::ranges::sort(keys);
  std::vector<std::string> seen;
  for (std::string after;;) {
    const auto page = run(store.list("org/", after, 400)).value();
    if (page.empty()) break;
    after = page.back().key;
    for (const auto& info : page) seen.push_back(info.key);
  }
  EXPECT_EQ(seen, keys);
}

}  // namespace
}  // namespace voxanne::recordings
