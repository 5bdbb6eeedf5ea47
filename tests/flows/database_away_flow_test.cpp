// The database goes away in the middle of a call, in every way it can: the call goes on, the caller's
// message is taken, health says so, and when the database is back everything is in it, once. The same
// when the process is killed meanwhile and started again.
#include "support/browser_caller.h"
#include "support/http.h"
#include "support/live.h"
#include "support/server.h"
#include "support/spoken.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <map>
#include <set>
#include <thread>

namespace voxanne::test {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr seconds patience{60};  // of a test with a busy machine

// One way for a database to go away, and its way back.
class Away {
 public:
  explicit Away(Server& server) : server_(server) {}
  virtual ~Away() = default;
  virtual void begin() = 0;
  virtual void end() = 0;
  virtual bool recordings_go_on() const { return true; }

 protected:
  fs::path database() const { return server_.data() / "voxanne.db"; }
  fs::path kept() const { return server_.data() / "kept.db"; }
  Server& server_;
};

// Another process writes for long.
class Locked final : public Away {
 public:
  using Away::Away;
  ~Locked() override { sqlite3_close(other_); }
  void begin() override {
    if (sqlite3_open(database().c_str(), &other_) != SQLITE_OK ||
        sqlite3_busy_timeout(other_, 5'000) != SQLITE_OK ||
        sqlite3_exec(other_, "BEGIN EXCLUSIVE", nullptr, nullptr, nullptr) != SQLITE_OK)
      throw std::runtime_error(sqlite3_errmsg(other_));
  }
  void end() override { sqlite3_exec(other_, "ROLLBACK", nullptr, nullptr, nullptr); }

 private:
  sqlite3* other_ = nullptr;
};

class Deleted final : public Away {
 public:
  using Away::Away;
  void begin() override {
    fs::create_hard_link(database(), kept());
    fs::remove(database());
  }
  void end() override {
    EXPECT_FALSE(fs::exists(database())) << "it is never made again behind anybody's back";
    fs::rename(kept(), database());
  }
};

class Replaced final : public Away {
 public:
  using Away::Away;
  void begin() override {
    fs::create_hard_link(database(), kept());
    fs::copy_file(database(), server_.data() / "other.db");
    fs::rename(server_.data() / "other.db", database());
  }
  void end() override { fs::rename(kept(), database()); }
};

// No file may grow over a size that the database has long passed, and a call's journal has not.
class DiskFull final : public Away {
 public:
  using Away::Away;
  void begin() override { limit(48 << 10); }
  void end() override { limit(RLIM_INFINITY); }
  bool recordings_go_on() const override { return false; }

 private:
  void limit(rlim_t bytes) {
    if (server_.process().pid() <= 0) return;
    const rlimit set{bytes, RLIM_INFINITY};
    prlimit(server_.process().pid(), RLIMIT_FSIZE, &set, nullptr);  // a killed process needs none
  }
};

class DatabaseAway : public testing::Test {
 protected:
  bool health_becomes(int status, bool database, seconds limit = seconds{5}) {
    const auto until = steady_clock::now() + limit;
    do {
      const auto health = http_get(server_.url("/health"));
      if (health.status == status && health.json().at("services").at("database").as_bool() == database) {
        EXPECT_EQ(health.json().at("status").as_string(), database ? "ok" : "degraded");
        return true;
      }
      std::this_thread::sleep_for(milliseconds{50});
    } while (steady_clock::now() < until);
    return false;
  }

  void leave_a_message(BrowserCaller& caller) {
    ASSERT_EQ(caller.leave_a_message(voice_, "07700900123", patience), "");
    ASSERT_TRUE(live_->wait_for_type("message.taken", patience)) << "kept, though the database is away";
    ASSERT_TRUE(caller.wait_for_beginning("Your message has been taken", patience));
  }

  json::object wait_for_end(const std::string& id) {
    const auto until = steady_clock::now() + seconds{10};
    for (;;) {
      const auto answer = http_get(server_.url("/api/calls/" + id));
      if (answer.status == 200) {
        const auto call = answer.json().as_object();
        if (call.at("endedAt").is_string()) return call;
      }
      if (steady_clock::now() > until)
        throw std::runtime_error("the call has no end: " + answer.body + "\n" + server_.process().output());
      std::this_thread::sleep_for(milliseconds{50});
    }
  }

  std::set<std::string> published_turns() const {
    std::set<std::string> turns;
    for (const auto& event : live_->all())
      if (event.at("type").as_string() == "transcript.final")
        turns.emplace(event.at("data").as_object().at("text").as_string());
    return turns;
  }

  void expect_everything_once(const std::string& id, bool killed, bool recorded) {
    const auto call = wait_for_end(id);
    EXPECT_EQ(call.at("status").as_string(), "ended");
    EXPECT_EQ(call.at("endedReason").as_string(), killed ? "worker-shutdown" : "customer-ended-call");

    std::multiset<std::string> kept;
    const auto transcript = http_get(server_.url("/api/calls/" + id + "/transcript")).json();
    for (const auto& turn : transcript.at("turns").as_array()) kept.emplace(turn.at("text").as_string());
    for (const auto& turn : published_turns())
      EXPECT_GE(kept.count(turn), 1u) << "was published and is lost: " << turn;

    std::map<std::string, int> log;
    const auto events = http_get(server_.url("/api/calls/" + id + "/events")).json();
    for (const auto& event : events.at("events").as_array()) ++log[std::string{event.at("type").as_string()}];
    EXPECT_EQ(log["call.started"], 1);
    EXPECT_EQ(log["message.taken"], 1);
    EXPECT_EQ(log["call.ended"], 1);
    EXPECT_EQ(log["call.recovered"], killed ? 1 : 0);

    const auto messages = http_get(server_.url("/api/messages")).json().at("messages").as_array();
    ASSERT_EQ(messages.size(), 1u);
    EXPECT_EQ(messages[0].at("caller").at("number").as_string(), "07700900123");
    EXPECT_EQ(http_get(server_.url("/api/calls-dashboard")).json().at("calls").as_array().size(), 1u);

    const auto link = http_get(server_.url("/api/calls/" + id + "/recording?format=wav"));
    if (recorded) {
      ASSERT_EQ(link.status, 200) << link.body;
      EXPECT_NEAR(link.json().at("duration").to_number<double>(), call.at("duration").to_number<double>(),
                  killed ? 1.5 : 0.5);
      EXPECT_EQ(http_get(std::string{link.json().at("recordingUrl").as_string()}).status, 200);
    }
    for (const auto& entry : fs::directory_iterator{server_.data() / "journal"})
      ADD_FAILURE() << entry.path().filename() << " is left in the journal";
  }

  void survive(Away& away, bool killed) {
    std::string id;
    seconds limit{5};
    {
      BrowserCaller caller{server_.ws_url("/ws/web-call?assistantId=test-assistant-123")};
      id = caller.call_id();
      ASSERT_TRUE(caller.wait_for_beginning("", patience)) << "the greeting";
      ASSERT_TRUE(health_becomes(200, true, seconds{30})) << http_get(server_.url("/health")).body;
      away.begin();
      EXPECT_TRUE(health_becomes(503, false)) << http_get(server_.url("/health")).body;
      const auto placed = http_post_json(
          server_.url("/api/calls"),
          json::parse(
              R"({"assistantId":"test-assistant-123","phoneNumberId":"test-phone-123","customer":{"number":"+447700900000"}})"));
      EXPECT_EQ(placed.status, 503) << placed.body;
      EXPECT_TRUE(placed.headers.contains("retry-after"));
      leave_a_message(caller);
      if (HasFatalFailure()) FAIL() << testing::PrintToString(caller.heard()) << server_.process().output();
      if (killed) {
        server_.process().signal(SIGKILL);
        server_.process().wait(seconds{5});
        away.end();
        server_.start();
        limit = seconds{30};  // recognition has to come up again, too
      } else {
        caller.hang_up();
        ASSERT_TRUE(live_->wait_for_type("call.ended", seconds{15})) << "filed in the journal";
        away.end();
      }
    }
    EXPECT_TRUE(health_becomes(200, true, limit)) << http_get(server_.url("/health")).body;
    expect_everything_once(id, killed, away.recordings_go_on());
  }

  Server server_;
  std::unique_ptr<Live> live_ = std::make_unique<Live>(server_.ws_url("/ws/live-calls"));
  const std::vector<audio::Sample> voice_ = spoken("This is a message for the dentist.", audio::wideband);
};

TEST_F(DatabaseAway, locked_in_mid_call) {
  Locked away{server_};
  survive(away, false);
}
TEST_F(DatabaseAway, locked_and_killed) {
  Locked away{server_};
  survive(away, true);
}
TEST_F(DatabaseAway, deleted_in_mid_call) {
  Deleted away{server_};
  survive(away, false);
}
TEST_F(DatabaseAway, deleted_and_killed) {
  Deleted away{server_};
  survive(away, true);
}
TEST_F(DatabaseAway, replaced_in_mid_call) {
  Replaced away{server_};
  survive(away, false);
}
TEST_F(DatabaseAway, replaced_and_killed) {
  Replaced away{server_};
  survive(away, true);
}
TEST_F(DatabaseAway, disk_full_in_mid_call) {
  DiskFull away{server_};
  survive(away, false);
}
TEST_F(DatabaseAway, disk_full_and_killed) {
  DiskFull away{server_};
  survive(away, true);
}

}  // namespace
}  // namespace voxanne::test
