// `voxanne backup` while calls run, `voxanne restore` into an empty data directory, and a server on that:
// every call is there and every recording plays.
#include "base/secret.h"
#include "support/browser_caller.h"
#include "support/eventually.h"
#include "support/http.h"
#include "support/kill_sweep.h"
#include "support/server.h"
#include "support/spoken.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sqlite3.h>
#include <sys/stat.h>

#include <csignal>
#include <cstdio>
#include <fstream>
#include <iterator>

namespace voxanne::test {
namespace {
namespace fs = std::filesystem;
namespace json = boost::json;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;

constexpr seconds patience{60};

// Every table's rows, as text.
std::string rows_of(const fs::path& database) {
  std::string out;
  sqlite3* db = nullptr;
  EXPECT_EQ(sqlite3_open_v2(database.c_str(), &db, SQLITE_OPEN_READONLY, nullptr), SQLITE_OK);
  const auto append = [](void* to, int columns, char** values, char**) {
    for (int i = 0; i < columns; ++i)
      static_cast<std::string*>(to)->append(values[i] ? values[i] : "-").append("|");
    return 0;
  };
  std::vector<std::string> tables;
  const auto name = [](void* to, int, char** values, char**) {
    static_cast<std::vector<std::string>*>(to)->emplace_back(values[0]);
    return 0;
  };
  sqlite3_exec(db, "PRAGMA integrity_check", append, &out, nullptr);
  sqlite3_exec(db, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '%fts%'", name,
               &tables, nullptr);
  for (const auto& table : tables) {
    out += "\n" + table + ":";
    sqlite3_exec(db, ("SELECT * FROM \"" + table + "\"").c_str(), append, &out, nullptr);
  }
  sqlite3_close(db);
  return out;
}

class BackupFlow : public testing::Test {
 protected:
  struct Ran {
    int code;
    std::string out, all;
  };
  static Ran command(std::vector<std::string> arguments, const fs::path& data_dir) {
    arguments.insert(arguments.begin(), voxanne_program());
    Process process{{.command = arguments,
                     .environment = {{"DATA_DIR", data_dir.string()}, {"VOXANNE_ENV", "development"}},
                     .directory = {}}};
    const auto code = process.wait(patience);
    return {code.value_or(-1), process.out(), process.output()};
  }

  static json::object call(Server& server, const std::string& id) {
    return http_get(server.url("/api/calls/" + id)).json().as_object();
  }
  static double plays(Server& server, const std::string& id) {
    const auto link = http_get(server.url("/api/calls/" + id + "/recording"));
    if (link.status != 200) return -1;
    const auto sound = http_get(std::string{link.json().at("recordingUrl").as_string()});
    if (sound.status != 200 || sound.body.size() < 1'000) return -2;
    return link.json().at("duration").to_number<double>();
  }
  // A call in which somebody spoke for so long, ended.
  std::string talk(Server& server) {
    BrowserCaller caller{server.ws_url("/ws/web-call?assistantId=test-assistant-123")};
    caller.say(std::vector<audio::Sample>(3 * audio::wideband));
    caller.hang_up();
    const std::string id = caller.call_id();
    EXPECT_TRUE(eventually([&] { return call(server, id).at("endedAt").is_string(); }));
    return id;
  }

  Server server_{{{"SIP_LISTEN", "off"}}};
  TempDir elsewhere_;
};

TEST_F(BackupFlow, everything_plays_on_a_server_that_was_restored_from_a_backup_made_while_calls_ran) {
  const auto stored = talk(server_);
  ASSERT_TRUE(
      eventually([&] { return call(server_, stored).at("recordingStatus").as_string() == "stored"; }));
  BrowserCaller running{server_.ws_url("/ws/web-call?assistantId=test-assistant-123")};
  running.say(std::vector<audio::Sample>(3 * audio::wideband));
  // Its recording is on its way while the backup is made.
  const auto fresh = talk(server_);

  const auto file = elsewhere_ / "voxanne.tar";
  const auto backup = command({"backup", file}, server_.data());
  ASSERT_EQ(backup.code, 0) << backup.all;
  EXPECT_THAT(backup.out, HasSubstr("backed up: database"));
  EXPECT_EQ(fs::status(file).permissions() & fs::perms::all, fs::perms::owner_read | fs::perms::owner_write);
  running.hang_up();
  const auto later = talk(server_);

  // A tar like any other.
  Process tar{{.command = {"tar", "-tf", file}, .environment = {}, .directory = {}}};
  ASSERT_EQ(tar.wait(patience), 0) << tar.output();
  EXPECT_THAT(tar.out(), HasSubstr("voxanne.db"));
  EXPECT_THAT(tar.out(), HasSubstr("recordings/demo/" + stored + ".ogg"));
  EXPECT_THAT(tar.out(), testing::Not(HasSubstr("recordings/.")));

  const auto again = command({"backup", file}, server_.data());
  EXPECT_EQ(again.code, 1);
  EXPECT_THAT(again.all, HasSubstr("exists already"));
  const auto busy = command({"restore", file}, server_.data());
  EXPECT_EQ(busy.code, 1) << "a server runs on it";
  server_.process().signal(SIGTERM);
  ASSERT_EQ(server_.process().wait(patience), 0);
  const auto over = command({"restore", file}, server_.data());
  EXPECT_EQ(over.code, 1);
  EXPECT_THAT(over.all, HasSubstr("overwrites nothing"));

  const auto fresh_home = elsewhere_ / "restored";
  const auto restored = command({"restore", file}, fresh_home);
  ASSERT_EQ(restored.code, 0) << restored.all;
  Server second{{{"SIP_LISTEN", "off"}, {"DATA_DIR", fresh_home.string()}}};
  EXPECT_TRUE(eventually([&] {
    return http_get(second.url("/health")).json().at("services").at("storage").as_bool();
  })) << second.process().output();
  EXPECT_GE(plays(second, stored), 2.9);
  EXPECT_GE(plays(second, fresh), 2.9);
  EXPECT_GE(plays(second, running.call_id()), 1.9) << "up to the backup, but for less than a second";
  EXPECT_EQ(call(second, running.call_id()).at("endedReason"), "worker-shutdown");
  EXPECT_EQ(http_get(second.url("/api/calls/" + later)).status, 404);
  for (const auto& id : {stored, fresh, running.call_id()})
    EXPECT_TRUE(eventually([&] { return call(second, id).at("recordingStatus").as_string() == "stored"; }))
        << id;
  EXPECT_GE(plays(second, running.call_id()), 1.9);
  EXPECT_EQ(http_get(second.url("/api/knowledge-base")).json().at("documents").as_array().size(), 1u);
}

TEST_F(BackupFlow, a_backup_that_is_not_whole_is_refused_and_leaves_nothing) {
  const auto file = elsewhere_ / "voxanne.tar";
  ASSERT_EQ(command({"backup", file}, server_.data()).code, 0);
  const auto size = fs::file_size(file);
  const auto home = elsewhere_ / "home";
  // Torn at every tenth, and with one bit of its database turned.
  for (int tenth = 0; tenth <= 10; ++tenth) {
    const auto bad = elsewhere_ / ("bad" + std::to_string(tenth) + ".tar");
    fs::copy_file(file, bad);
    if (tenth < 10) {
      fs::resize_file(bad, size * std::uintmax_t(tenth) / 10);
    } else {
      std::fstream bytes{bad, std::ios::in | std::ios::out | std::ios::binary};
      bytes.seekp(std::streamoff(size / 2));
      const char was = static_cast<char>(bytes.peek());
      bytes.seekp(std::streamoff(size / 2));
      bytes.put(static_cast<char>(was ^ 1));
    }
    const auto refused = command({"restore", bad}, home);
    EXPECT_NE(refused.code, 0) << tenth;
    EXPECT_THAT(refused.all, HasSubstr("backup")) << tenth;
    EXPECT_FALSE(fs::exists(fs::path{home} / "voxanne.db"));
    EXPECT_FALSE(fs::exists(fs::path{home} / ".restoring"));
    fs::remove(bad);
  }
  EXPECT_EQ(command({"restore", elsewhere_ / "none.tar"}, home).code, 1);
  EXPECT_EQ(command({"restore"}, home).code, 2);
  EXPECT_EQ(command({"restore", file}, home).code, 0);
}

TEST_F(BackupFlow, a_recording_that_is_lost_is_told_and_the_rest_is_backed_up) {
  const auto lost = talk(server_), kept = talk(server_);
  for (const auto& id : {lost, kept})
    ASSERT_TRUE(eventually([&] { return call(server_, id).at("recordingStatus").as_string() == "stored"; }));
  ASSERT_TRUE(fs::remove(server_.data() / "recordings/demo" / (lost + ".ogg")));
  const auto file = elsewhere_ / "voxanne.tar";
  const auto backup = command({"backup", file}, server_.data());
  EXPECT_EQ(backup.code, 1) << backup.all;
  EXPECT_THAT(backup.all, HasSubstr("without 1 of the recordings"));
  EXPECT_THAT(backup.all, HasSubstr("demo/" + lost + ".ogg"));
  const auto home = fs::path{elsewhere_ / "home"};
  const auto restored = command({"restore", file}, home);
  ASSERT_EQ(restored.code, 0) << restored.all;
  EXPECT_TRUE(fs::exists(home / "recordings/demo" / (kept + ".ogg")));
}

// Every file under a directory by the digest of what it holds; a database by that of its rows, since its
// pages may differ. What was on its way to the recordings is nobody's, and is removed by the server; how
// their directory is known again is another for each.
std::map<std::string, std::string> contents_of(const fs::path& home) {
  std::map<std::string, std::string> out;
  for (const auto& entry : fs::recursive_directory_iterator{home}) {
    const auto name = entry.path().lexically_relative(home).string();
    if (!entry.is_regular_file() || name.starts_with("recordings/.") || name == "storage.known") continue;
    std::ifstream file{entry.path(), std::ios::binary};
    std::string bytes{std::istreambuf_iterator<char>{file}, {}};
    out[name] = to_hex(sha256(name == "voxanne.db" ? rows_of(entry.path()) : bytes));
  }
  return out;
}

// Whether nobody else can read a file under `directory`: by its own mode, or by that of a directory above it.
bool for_the_owner_alone(const fs::path& directory) {
  constexpr auto others = fs::perms::group_all | fs::perms::others_all;
  for (auto at = fs::recursive_directory_iterator{directory}; at != fs::recursive_directory_iterator{};
       ++at) {
    const bool open = (at->status().permissions() & others) != fs::perms::none;
    if (at->is_directory() && !open) at.disable_recursion_pending();
    if (at->is_regular_file() && open) return false;
  }
  return true;
}

// Killed at every change that it makes to the disk: no server takes the half for the whole, and the next
// restore makes the whole of it.
TEST_F(BackupFlow, a_restore_killed_at_any_point_is_begun_again) {
  ::umask(022);
  const auto id = talk(server_);
  ASSERT_TRUE(eventually([&] { return call(server_, id).at("recordingStatus").as_string() == "stored"; }));
  BrowserCaller running{server_.ws_url("/ws/web-call?assistantId=test-assistant-123")};
  running.say(std::vector<audio::Sample>(audio::wideband));
  const auto file = elsewhere_ / "voxanne.tar";
  ASSERT_EQ(command({"backup", file}, server_.data()).code, 0);
  running.hang_up();

  const auto reference = fs::path{elsewhere_ / "reference"};
  ASSERT_EQ(command({"restore", file}, reference).code, 0);
  const auto whole = contents_of(reference);
  ASSERT_TRUE(whole.contains("voxanne.db") && whole.contains("recordings/demo/" + id + ".ogg"));

  const auto home = fs::path{elsewhere_ / "home"};
  int killed = 0, half = 0;
  for (;; ++killed) {
    fs::remove_all(home);
    const auto run =
        run_until_change({voxanne_program(), "restore", file},
                         {{"DATA_DIR", home.string()}, {"VOXANNE_ENV", "development"}}, killed + 1);
    if (!run.killed) {
      EXPECT_EQ(run.exit_code, 0);
      EXPECT_EQ(contents_of(home), whole);
      break;
    }
    const auto where = std::to_string(killed + 1) + ", before " + run.before;
    if (fs::exists(home)) EXPECT_TRUE(for_the_owner_alone(home)) << where;
    const bool unfinished = fs::exists(home / ".restoring");
    if (unfinished && half++ == 0) {
      const auto refused = command({"serve"}, home);
      EXPECT_EQ(refused.code, 1);
      EXPECT_THAT(refused.all, HasSubstr("restore again"));
    }
    // What the server refuses to serve is known by this mark; without it all is there, or nothing is.
    if (!unfinished && fs::exists(home / "voxanne.db")) {
      EXPECT_EQ(contents_of(home), whole) << where;
      continue;
    }
    if (!unfinished)
      for (const char* part : {"journal", "spool", "recordings", "secret.key"})
        EXPECT_FALSE(fs::exists(home / part)) << where;
    const auto again = command({"restore", file}, home);
    ASSERT_EQ(again.code, 0) << where << ": " << again.all;
    ASSERT_EQ(contents_of(home), whole) << where;
  }
  std::printf("restore: killed at %d points, %d of them half way\n", killed, half);
  EXPECT_GT(half, 20);
  Server second{{{"SIP_LISTEN", "off"}, {"DATA_DIR", home.string()}}};
  EXPECT_GE(plays(second, id), 2.9);
}

// A backup appears under its name once it is whole; what a killed one left is nobody else's to read, and goes
// with the next one.
TEST_F(BackupFlow, a_backup_killed_at_any_point_leaves_a_whole_one_or_none) {
  ::umask(022);
  const auto id = talk(server_);
  ASSERT_TRUE(eventually([&] { return call(server_, id).at("recordingStatus").as_string() == "stored"; }));
  server_.process().signal(SIGTERM);
  ASSERT_EQ(server_.process().wait(patience), 0);
  const auto file = fs::path{elsewhere_ / "voxanne.tar"};
  int killed = 0, left = 0;
  for (;; ++killed) {
    fs::remove(file);
    const auto run =
        run_until_change({voxanne_program(), "backup", file},
                         {{"DATA_DIR", server_.data().string()}, {"VOXANNE_ENV", "development"}}, killed + 1);
    if (!run.killed) {
      EXPECT_EQ(run.exit_code, 0);
      break;
    }
    EXPECT_TRUE(for_the_owner_alone(elsewhere_.path())) << killed + 1 << ", before " << run.before;
    left += fs::exists(file.string() + ".partial/voxanne.db");
    if (!fs::exists(file)) continue;
    const auto home = fs::path{elsewhere_ / "home"};
    fs::remove_all(home);
    const auto restored = command({"restore", file}, home);
    ASSERT_EQ(restored.code, 0) << killed + 1 << ", before " << run.before << ": " << restored.all;
  }
  std::printf("backup: killed at %d points, %d of them with a copy of the database\n", killed, left);
  EXPECT_GT(killed, 20);
  EXPECT_GT(left, 0);
  fs::remove_all(elsewhere_ / "home");
  EXPECT_EQ(std::distance(fs::directory_iterator{elsewhere_.path()}, {}), 1) << "nothing but the backup";
}

}  // namespace
}  // namespace voxanne::test
