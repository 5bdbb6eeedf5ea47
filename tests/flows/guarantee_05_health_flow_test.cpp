// Guarantee 5, health tells the truth: each dependency is taken away from the built program for real,
// shows within 5 s, is given back, and shows again.
#include "support/http.h"
#include "support/live.h"
#include "support/patience.h"
#include "support/raw_client.h"
#include "support/server.h"
#include "support/sip_phone.h"
#include "support/stopped_thread.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <boost/json.hpp>

#include <signal.h>
#include <sys/resource.h>

#include <fstream>
#include <functional>
#include <iostream>
#include <sstream>
#include <thread>

namespace voxanne::test {
namespace {

namespace json = boost::json;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

// What the guarantee allows, and what a loaded machine adds to asking.
constexpr milliseconds truth_within{5'000}, slack = patient(milliseconds{1'500});

struct Seen {
  int status = 0;
  std::string word;
  json::object services;
  bool up(const char* service) const {
    const auto* value = services.if_contains(service);
    return value && value->is_bool() && value->as_bool();
  }
};

Seen look(const std::string& url) {
  const auto answer = http_get(url);
  if (answer.status == 0) return {};
  const auto body = answer.json().as_object();
  return {answer.status, std::string{body.at("status").as_string()}, body.at("services").as_object()};
}

// Asks until it is so; how long that took, or nothing past the limit.
std::optional<milliseconds> until(const std::function<bool()>& so, milliseconds limit) {
  const auto begun = steady_clock::now();
  for (;;) {
    const bool yes = so();
    const auto took = std::chrono::floor<milliseconds>(steady_clock::now() - begun);
    if (yes) return took;
    if (took > limit) return std::nullopt;
    std::this_thread::sleep_for(milliseconds{20});  // between two questions
  }
}

class Health : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(becomes("ok", 200, seconds{30})) << describe(); }
  std::string url() const { return server_.url("/health"); }
  std::string describe() { return http_get(url()).body + "\n" + server_.process().output(); }
  bool becomes(const std::string& word, int status, milliseconds limit = truth_within + slack) {
    return until(
               [&] {
                 const Seen now = look(url());
                 return now.word == word && now.status == status;
               },
               limit)
        .has_value();
  }

  // `service` and nothing else is down after `take_away`, with this word; all is well after `give_back`.
  void expect_truth(const char* service, const std::string& word, const std::function<void()>& take_away,
                    const std::function<void()>& give_back, const std::vector<std::string>& also_down = {}) {
    take_away();
    EXPECT_TRUE(until([&] { return !look(url()).up(service); }, truth_within + slack))
        << service << describe();
    EXPECT_TRUE(becomes(word, 503)) << describe();
    const Seen down = look(url());
    for (const auto& [name, up] : down.services)
      if (std::string_view{name} != service &&
          std::ranges::find(also_down, std::string_view{name}) == also_down.end())
        EXPECT_TRUE(up.as_bool()) << name << " went down with " << service;
    EXPECT_EQ(http_get(server_.url("/health/ready")).status, word == "error" ? 503 : 200);
    give_back();
    EXPECT_TRUE(becomes("ok", 200)) << describe();
    EXPECT_EQ(http_get(server_.url("/health/ready")).status, 200);
  }

  Server server_;
};

TEST_F(Health, names_every_dependency) {
  const Seen now = look(url());
  for (const char* service :
       {"database", "storage", "recording", "events", "jobs", "media", "audio", "sip", "recognition"})
    EXPECT_TRUE(now.up(service)) << service;
  EXPECT_EQ(http_get(server_.url("/health/live")).status, 200);
}

TEST_F(Health, a_storage_directory_that_is_gone) {
  const auto there = server_.data() / "recordings", away = server_.data() / "elsewhere";
  expect_truth(
      "storage", "degraded", [&] { std::filesystem::rename(there, away); },
      [&] {
        EXPECT_FALSE(std::filesystem::exists(there)) << "none was made in its place";
        std::filesystem::rename(away, there);
      });
}

TEST_F(Health, a_storage_directory_in_whose_place_is_something_else) {
  Live live{server_.ws_url("/ws/live-calls")};
  const auto there = server_.data() / "recordings", away = server_.data() / "elsewhere";
  expect_truth(
      "storage", "degraded",
      [&] {
        std::filesystem::rename(there, away);
        std::ofstream{there} << "in its place";
      },
      [&] {
        std::filesystem::remove(there);
        std::filesystem::rename(away, there);
      });
  for (const bool healthy : {false, true})
    EXPECT_TRUE(live.wait_for(
        [&](const json::object& event) {
          return event.at("type").as_string() == "provider.health" &&
                 event.at("data").at("service").as_string() == "storage" &&
                 event.at("data").at("healthy").as_bool() == healthy;
        },
        seconds{5}))
        << "who watches is told";
}

TEST_F(Health, a_database_file_that_is_deleted) {
  const auto there = server_.data() / "voxanne.db", away = server_.data() / "elsewhere.db";
  expect_truth(
      "database", "degraded", [&] { std::filesystem::rename(there, away); },
      [&] { std::filesystem::rename(away, there); }, {"jobs"});
}

TEST_F(Health, a_database_that_somebody_else_replaced) {
  const auto there = server_.data() / "voxanne.db", away = server_.data() / "elsewhere.db";
  expect_truth(
      "database", "degraded",
      [&] {
        std::filesystem::create_hard_link(there, away);
        std::filesystem::copy_file(there, server_.data() / "other.db");
        std::filesystem::rename(server_.data() / "other.db", there);
      },
      [&] { std::filesystem::rename(away, there); }, {"jobs"});
}

TEST_F(Health, a_database_that_another_process_holds_locked) {
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open((server_.data() / "voxanne.db").c_str(), &other), SQLITE_OK);
  ASSERT_EQ(sqlite3_busy_timeout(other, 5'000), SQLITE_OK);
  expect_truth(
      "database", "degraded",
      [&] { EXPECT_EQ(sqlite3_exec(other, "BEGIN EXCLUSIVE", nullptr, nullptr, nullptr), SQLITE_OK); },
      [&] { sqlite3_exec(other, "ROLLBACK", nullptr, nullptr, nullptr); }, {"jobs"});
  sqlite3_close(other);
}

// No file may grow over a size that the database has long passed.
TEST_F(Health, a_database_that_cannot_grow) {
  const auto limit = [&](rlim_t bytes) {
    const rlimit set{bytes, RLIM_INFINITY};
    EXPECT_EQ(prlimit(server_.process().pid(), RLIMIT_FSIZE, &set, nullptr), 0);
  };
  expect_truth("database", "degraded", [&] { limit(48 << 10); }, [&] { limit(RLIM_INFINITY); }, {"jobs"});
}

TEST_F(Health, a_media_shard_that_stands_still) {
  std::optional<StoppedThread> still;
  expect_truth(
      "media", "error", [&] { still.emplace(server_.process().pid(), "media0"); }, [&] { still.reset(); },
      {"audio"});
}

// Stopped for 60 ms again and again: calls would be heard, but not well.
TEST_F(Health, a_media_shard_that_stutters) {
  std::atomic<bool> stuttering{true};
  std::thread stutter;
  expect_truth(
      "audio", "degraded",
      [&] {
        stutter = std::thread{[&] {
          while (stuttering) {
            const StoppedThread still{server_.process().pid(), "media0"};
            std::this_thread::sleep_for(milliseconds{60});
          }
        }};
      },
      [&] {
        stuttering = false;
        stutter.join();
      });
}

// Health is asked as fast as two connections can, for as long as it was not asked before: the database
// carries out no more meanwhile than what it does by itself, and its heartbeat, a write, is one a second.
TEST_F(Health, however_often_it_is_asked_the_database_is_asked_once_a_second) {
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open((server_.data() / "voxanne.db").c_str(), &other), SQLITE_OK);
  const auto version = [other] {
    sqlite3_stmt* statement = nullptr;
    sqlite3_prepare_v2(other, "PRAGMA data_version", -1, &statement, nullptr);
    const auto value = sqlite3_step(statement) == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : -1;
    sqlite3_finalize(statement);
    return value;
  };
  const auto statements = [&] {
    const auto text = http_get(server_.url("/metrics")).body;
    const std::string name = "\nvoxanne_store_statements_total ";
    const auto at = text.find(name);
    return at == text.npos ? -1 : std::stoi(text.substr(at + name.size()));
  };
  struct Work {
    int statements = 0, changes = 0;
  };
  const auto work_of = [&](seconds time) {
    Work work;
    const int before = statements();
    EXPECT_GT(before, 0);
    const auto begun = steady_clock::now();
    for (auto last = version(); steady_clock::now() - begun < time;) {
      std::this_thread::sleep_for(milliseconds{5});  // between two looks
      if (const auto now = version(); std::exchange(last, now) != now) ++work.changes;
    }
    work.statements = statements() - before;
    return work;
  };
  constexpr seconds time{5};
  const auto quiet = work_of(time);
  std::atomic<bool> asking{true};
  std::atomic<int> well{0}, ill{0};
  std::vector<std::thread> askers;
  for (int i = 0; i < 2; ++i)
    askers.emplace_back([&] {
      RawClient client{std::uint16_t(server_.port())};
      while (asking) {
        client.send("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n");
        ++(client.read_response().status == 200 ? well : ill);
      }
    });
  const auto loaded = work_of(time);
  asking = false;
  for (auto& asker : askers) asker.join();
  sqlite3_close(other);
  std::cout << well << " answers in " << time.count()
            << " s; statements of the database: " << quiet.statements << " without them, "
            << loaded.statements << " with them\n";
  EXPECT_EQ(ill, 0);
  EXPECT_GE(well, 2'000) << "that is no load";
  EXPECT_GE(loaded.changes, 1) << "its heartbeat is a write";
  EXPECT_LE(loaded.changes, time.count() + 2);
  // What is done now and then (a job's turn) may fall into either.
  EXPECT_LE(loaded.statements, quiet.statements + 50);
}

TEST_F(Health, a_sip_thread_that_stands_still) {
  std::optional<StoppedThread> still;
  expect_truth(
      "sip", "error", [&] { still.emplace(server_.process().pid(), "sip"); }, [&] { still.reset(); });
}

TEST_F(Health, health_s_own_loop_that_stands_still_is_no_good_news) {
  std::optional<StoppedThread> still{std::in_place, server_.process().pid(), "house"};
  EXPECT_TRUE(becomes("error", 503)) << describe();
  EXPECT_EQ(http_get(server_.url("/health/live")).status, 503);
  EXPECT_EQ(http_get(server_.url("/health/ready")).status, 503);
  still.reset();
  EXPECT_TRUE(becomes("ok", 200)) << describe();
}

// The server's children of that kind.
std::vector<pid_t> speech_workers(pid_t server) {
  std::vector<pid_t> out;
  for (const auto& entry : std::filesystem::directory_iterator{"/proc"}) {
    const auto name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    std::ifstream stat{entry.path() / "stat"};
    std::string text{std::istreambuf_iterator<char>{stat}, {}};
    const auto end = text.rfind(')');
    if (end == std::string::npos) continue;
    std::istringstream rest{text.substr(end + 1)};
    std::string state;
    pid_t parent = 0;
    if (rest >> state >> parent; parent == server) out.push_back(std::stoi(name));
  }
  return out;
}

TEST_F(Health, speech_workers_that_are_killed_again_and_again) {
  // Until nobody has to be killed any more: each one is started anew.
  std::atomic<bool> killing{true};
  std::thread killer;
  expect_truth(
      "recognition", "degraded",
      [&] {
        killer = std::thread{[&] {
          while (killing) {
            for (const pid_t worker : speech_workers(server_.process().pid())) kill(worker, SIGKILL);
            std::this_thread::sleep_for(milliseconds{5});  // so as not to be the machine's only work
          }
        }};
      },
      [&] {
        killing = false;
        killer.join();
        // Restarted with backoff, which the killing has raised.
        EXPECT_TRUE(until([&] { return !speech_workers(server_.process().pid()).empty(); }, seconds{60}));
      });
}

// A trunk that is registered at and answers OPTIONS, or says nothing for a while.
class Trunk {
 public:
  std::string uri() const { return "sip:127.0.0.1:" + std::to_string(phone_.port()); }
  void serve(const Server& server) {
    phone_.connect(std::uint16_t(server.sip_udp_port()));
    thread_ = std::thread{[this] {
      while (!stopping_)
        if (const auto request = phone_.next_request(); answering && !request.method.empty())
          phone_.send(phone_.reply(request, 200, "OK"));
    }};
  }
  ~Trunk() { stop(); }
  // While it is still being asked, for it stops at the next question.
  void stop() {
    stopping_ = true;
    if (thread_.joinable()) thread_.join();
  }

  std::atomic<bool> answering{true};

 private:
  std::atomic<bool> stopping_{false};
  SipPhone phone_;
  std::thread thread_;
};

TEST(HealthOfLines, a_trunk_that_falls_silent_shows_and_so_does_one_that_answers_again) {
  Trunk trunk;
  Server server{{{"SIP_TRUNK_URI", trunk.uri()}, {"SIP_USERNAME", "anna"}, {"SIP_PASSWORD", "secret"}}};
  trunk.serve(server);
  const auto is = [&](const char* word, bool sip, milliseconds limit) {
    return until(
               [&] {
                 const Seen now = look(server.url("/health"));
                 return now.word == word && now.up("sip") == sip;
               },
               limit)
        .has_value();
  };
  ASSERT_TRUE(is("ok", true, seconds{30})) << server.process().output();
  EXPECT_TRUE(server.process().wait_for_line("sip.registered", seconds{5}));
  EXPECT_FALSE(until([&] { return !look(server.url("/health")).up("sip"); }, seconds{3}))
      << "it has answered at least one question by now";
  trunk.answering = false;
  EXPECT_TRUE(is("error", false, truth_within + slack)) << http_get(server.url("/health")).body;
  EXPECT_EQ(http_get(server.url("/health/ready")).status, 503);
  trunk.answering = true;
  EXPECT_TRUE(is("ok", true, truth_within + slack)) << http_get(server.url("/health")).body;
  trunk.stop();
}

// In a mount namespace of its own, whose disk is a tmpfs that can be filled and covered.
class HealthOnASmallDisk : public testing::Test {
 protected:
  void SetUp() override {
    if (Process probe{{.command = {"unshare", "-Urm", "true"}, .environment = {}, .directory = {}}};
        probe.wait(seconds{10}) != 0)
      GTEST_SKIP()
          << "this machine lets nobody make a mount namespace: a full and a read-only disk are NOT tested";
    process_.emplace(Process::Options{
        .command = {"unshare", "-Urm", "sh", "-c",
                    R"(mount -t tmpfs -o size=400m tmpfs "$DATA_DIR" && cd "$DATA_DIR" && exec "$0" serve)",
                    voxanne_program()},
        .environment = {{"VOXANNE_ENV", "development"},
                        {"DATA_DIR", data_.path().string()},
                        {"PORT", "0"},
                        {"SIP_LISTEN", "off"},
                        {"LOG_FORMAT", "json"}},
        .directory = data_.path().string()});
    const auto line = process_->wait_for_line("server.ready", seconds{60});
    ASSERT_TRUE(line) << process_->output();
    const auto port = json::parse(line->substr(line->find('{'))).at("port").as_int64();
    url_ = "http://127.0.0.1:" + std::to_string(port) + "/health";
    ASSERT_TRUE(is("ok", seconds{30})) << http_get(url_).body;
  }
  bool is(const std::string& word, milliseconds limit = truth_within + slack) {
    return until([&] { return look(url_).word == word; }, limit).has_value();
  }
  // A path as the server sees it.
  std::filesystem::path inside(const std::string& name) const {
    return "/proc/" + std::to_string(process_->pid()) + "/root" + (data_.path() / name).string();
  }
  int in_its_namespace(std::vector<std::string> command) {
    command.insert(command.begin(),
                   {"nsenter", "-t", std::to_string(process_->pid()), "-U", "-m", "--preserve-credentials"});
    Process run{{.command = std::move(command), .environment = {}, .directory = {}}};
    return run.wait(seconds{10}).value_or(-1);
  }

  TempDir data_;
  std::optional<Process> process_;
  std::string url_;
};

TEST_F(HealthOnASmallDisk, a_full_one_shows_and_so_does_room_again) {
  {
    std::ofstream filler{inside("filler"), std::ios::binary};
    const std::string block(1 << 20, 'x');
    for (int i = 0; i < 400 && filler; ++i) filler << block << std::flush;
  }
  EXPECT_TRUE(until([&] { return !look(url_).up("recording"); }, truth_within + slack))
      << http_get(url_).body;
  EXPECT_TRUE(until([&] { return !look(url_).up("storage"); }, truth_within + slack))
      << "nothing can be written";
  EXPECT_TRUE(is("degraded"));
  std::filesystem::remove(inside("filler"));
  EXPECT_TRUE(is("ok")) << http_get(url_).body;
}

TEST_F(HealthOnASmallDisk, a_read_only_one_shows_and_so_does_one_that_can_be_written_again) {
  const auto recordings = (data_.path() / "recordings").string();
  ASSERT_EQ(in_its_namespace({"mount", "-t", "tmpfs", "-o", "ro", "tmpfs", recordings}), 0);
  EXPECT_TRUE(until([&] { return !look(url_).up("storage"); }, truth_within + slack)) << http_get(url_).body;
  EXPECT_TRUE(is("degraded"));
  EXPECT_TRUE(look(url_).up("recording"));
  ASSERT_EQ(in_its_namespace({"umount", recordings}), 0);
  EXPECT_TRUE(is("ok")) << http_get(url_).body;
}

}  // namespace
}  // namespace voxanne::test
