// The recordings' directory goes away under the built program, as a lost mount does: nothing is where it was,
// or the empty directory that it was mounted on. Everything waits for it, nothing is put in its place, and
// nothing that comes back with it was taken for gone.
#include "support/browser_caller.h"
#include "support/eventually.h"
#include "support/http.h"
#include "support/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>

namespace voxanne::test {
namespace {
namespace fs = std::filesystem;
namespace json = boost::json;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::Not;

constexpr seconds patience{60};
// What the guarantee allows, and what a loaded machine adds to asking.
constexpr milliseconds truth_within{6'500};
constexpr const char* marker = ".voxanne-recordings";

class StorageAway : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(storage_is(true)) << server_.process().output(); }

  // Once health has been looked into at all.
  bool storage_is(bool up) {
    return eventually(
        [&] {
          const auto services = http_get(server_.url("/health")).json().at("services");
          return services.at("database").as_bool() && services.at("storage").as_bool() == up;
        },
        truth_within);
  }
  json::object call(const std::string& id) {
    return http_get(server_.url("/api/calls/" + id)).json().as_object();
  }
  bool is_stored(const std::string& id) {
    return eventually([&] { return call(id).at("recordingStatus").as_string() == "stored"; });
  }
  // A call in which somebody spoke, ended.
  std::string talk() {
    BrowserCaller caller{server_.ws_url("/ws/web-call?assistantId=test-assistant-123")};
    caller.say(std::vector<audio::Sample>(2 * audio::wideband));
    caller.hang_up();
    const std::string id = caller.call_id();
    EXPECT_TRUE(eventually([&] { return call(id).at("endedAt").is_string(); }));
    return id;
  }
  std::string stored_call() {
    const auto id = talk();
    EXPECT_TRUE(is_stored(id)) << server_.process().output();
    return id;
  }
  HttpAnswer recording_of(const std::string& id) {
    return http_get(server_.url("/api/calls/" + id + "/recording"));
  }
  bool plays(const std::string& id) {
    const auto link = recording_of(id);
    if (link.status != 200) return false;
    const auto sound = http_get(std::string{link.json().at("recordingUrl").as_string()});
    return sound.status == 200 && sound.body.size() > 1'000;
  }
  HttpAnswer erase(const std::string& id) {
    return http({.method = "DELETE",
                 .url = server_.url("/api/calls/" + id),
                 .headers = {},
                 .body = {},
                 .limit = patience});
  }

  struct Ran {
    int code;
    std::string all;
  };
  Ran command(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), voxanne_program());
    Process process{{.command = arguments,
                     .environment = {{"DATA_DIR", server_.data().string()}, {"VOXANNE_ENV", "development"}},
                     .directory = {}}};
    const auto code = process.wait(patience);
    return {code.value_or(-1), process.output()};
  }
  void stop() {
    server_.process().signal(SIGTERM);
    ASSERT_EQ(server_.process().wait(patience), 0) << server_.process().output();
  }

  Server server_{{{"SIP_LISTEN", "off"}}};
  TempDir aside_;
  const fs::path there_ = server_.data() / "recordings", elsewhere_ = server_.data() / "elsewhere",
                 backup_ = aside_ / "voxanne.tar";
};

TEST_F(StorageAway, everything_waits_for_the_directory_and_none_is_made_in_its_place) {
  std::vector<std::string> erased;
  for (const bool mount_point : {false, true}) {
    SCOPED_TRACE(mount_point ? "an empty directory is left" : "nothing is left");
    const auto kept = stored_call();
    erased.push_back(stored_call());
    fs::rename(there_, elsewhere_);
    if (mount_point) fs::create_directory(there_);
    EXPECT_TRUE(storage_is(false)) << server_.process().output();
    EXPECT_EQ(http_get(server_.url("/health")).json().at("status"), "degraded");
    EXPECT_TRUE(server_.process().wait_for_line(
        mount_point ? "is missing: mount it" : "is not there: mount it", seconds{5}))
        << "why, and how to mend it";

    const auto waits = talk();
    EXPECT_TRUE(eventually([&] { return plays(waits); })) << "from the spool";
    const auto away = recording_of(kept);
    EXPECT_EQ(away.status, 503) << away.body;
    EXPECT_EQ(away.json().at("code"), "object_store_unavailable");
    EXPECT_EQ(away.json().at("callId"), json::value(kept));
    EXPECT_THAT(away.body, Not(HasSubstr(server_.data().string()))) << "that is the operator's business";
    const auto receipt = erase(erased.back());
    EXPECT_EQ(receipt.status, 202) << receipt.body;
    EXPECT_EQ(json::serialize(receipt.json().at("pending")), R"(["recordings"])");
    EXPECT_TRUE(receipt.json().at("finishedAt").is_null());

    const auto backup = command({"backup", backup_});
    EXPECT_EQ(backup.code, 1) << backup.all;
    EXPECT_THAT(backup.all, HasSubstr("mkdir -p '" + there_.string() + "'"));
    EXPECT_FALSE(fs::exists(backup_));
    EXPECT_THAT(command({"doctor"}).all, HasSubstr("FAIL  storage: "));
    EXPECT_EQ(command({"jobs", "run", "cleanup", "--force"}).code, 1);
    EXPECT_NE(call(waits).at("recordingStatus"), "stored");
    if (mount_point) {
      EXPECT_TRUE(fs::is_empty(there_));
      fs::remove(there_);
    }
    EXPECT_FALSE(fs::exists(there_));

    fs::rename(elsewhere_, there_);
    EXPECT_TRUE(storage_is(true)) << server_.process().output();
    EXPECT_TRUE(is_stored(waits)) << server_.process().output();
    EXPECT_TRUE(fs::exists(there_ / "demo" / (waits + ".ogg")));
    EXPECT_TRUE(plays(waits) && plays(kept));
  }
  EXPECT_EQ(command({"backup", backup_}).code, 0);
  // What is owed is done within a minute, and by the next start at once.
  stop();
  server_.start();
  for (const auto& id : erased)
    EXPECT_TRUE(eventually([&] { return !fs::exists(there_ / "demo" / (id + ".ogg")); })) << id;
}

TEST_F(StorageAway, lasts_over_a_restart_until_the_operator_says_to_go_on_without) {
  const auto lost = stored_call();
  stop();
  fs::rename(there_, elsewhere_);
  server_.start();
  EXPECT_TRUE(server_.process().wait_for_line("is not there: mount it", patience));
  EXPECT_TRUE(storage_is(false));
  const auto waits = talk();
  EXPECT_TRUE(eventually([&] { return plays(waits); }));
  EXPECT_FALSE(fs::exists(there_));
  const auto told = command({"backup", backup_}).all;
  const auto at = told.find("mkdir -p ");
  ASSERT_NE(at, told.npos) << told;
  const auto mend = told.substr(at, told.find('\n', at) - at);
  ASSERT_EQ(std::system(mend.c_str()), 0) << mend;
  EXPECT_TRUE(storage_is(true)) << server_.process().output();
  EXPECT_TRUE(is_stored(waits));
  EXPECT_TRUE(plays(waits));
  EXPECT_FALSE(fs::is_empty(there_ / marker));
  EXPECT_EQ(recording_of(lost).json().at("code"), "recording_missing_in_store");
  // What is lost is no reason to have no backup of the rest, and none to be silent about it.
  const auto backed_up = command({"backup", backup_});
  EXPECT_EQ(backed_up.code, 1);
  EXPECT_THAT(backed_up.all, HasSubstr("is made, without 1 of the recordings"));
  EXPECT_TRUE(fs::exists(backup_));
}

TEST_F(StorageAway, shows_at_the_first_start_after_a_version_without_markers_and_moving_is_no_outage) {
  const auto kept = stored_call();
  stop();
  ASSERT_TRUE(fs::remove(there_ / marker) && fs::remove(server_.data() / "storage.known"));
  fs::rename(there_, elsewhere_);
  server_.start();
  EXPECT_TRUE(server_.process().wait_for_line("the database knows of recordings", patience))
      << server_.process().output();
  EXPECT_TRUE(storage_is(false));
  EXPECT_EQ(command({"backup", backup_}).code, 1);
  EXPECT_FALSE(fs::exists(there_));
  fs::rename(elsewhere_, there_);
  EXPECT_TRUE(storage_is(true)) << server_.process().output();
  EXPECT_TRUE(plays(kept));
  EXPECT_TRUE(fs::exists(there_ / marker));
  EXPECT_TRUE(fs::exists(server_.data() / "storage.known"));

  stop();
  const fs::path moved = aside_ / "disk/recordings";
  server_.set_environment({{"STORAGE_URL", "file:" + moved.string()}});
  server_.start();
  EXPECT_TRUE(storage_is(true)) << server_.process().output();
  EXPECT_TRUE(fs::exists(moved / marker));
  EXPECT_TRUE(fs::exists(moved / "demo" / (stored_call() + ".ogg")));
}

}  // namespace
}  // namespace voxanne::test
