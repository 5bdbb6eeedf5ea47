// Guarantee 3, nothing piles up: the daily cleanup from outside. What it deletes and what it leaves, by its
// time table and by hand, once in all processes, and never more than it may.
#include "support/http.h"
#include "support/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <csignal>
#include <fstream>
#include <thread>

namespace voxanne::test {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;
using testing::HasSubstr;

const std::string operators = "the-operators-own-token";

class Cleanup : public testing::Test {
 protected:
  static std::map<std::string, std::string> settings() {
    return {{"OPERATOR_TOKEN", operators}, {"SIP_LISTEN", "off"}, {"RECORDING_RETENTION_DAYS", "30"}};
  }

  void sql(const std::string& text) {
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open((server_.data() / "voxanne.db").c_str(), &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 10'000);
    char* error = nullptr;
    EXPECT_EQ(sqlite3_exec(db, text.c_str(), nullptr, nullptr, &error), SQLITE_OK) << text << ": " << error;
    sqlite3_free(error);
    sqlite3_close(db);
  }

  fs::path file(const fs::path& path, hours age) {
    fs::create_directories(path.parent_path());
    std::ofstream{path} << "audio";
    fs::last_write_time(path, fs::file_time_type::clock::now() - age);
    return path;
  }
  fs::path object(const std::string& name) const { return server_.data() / "recordings/demo" / name; }
  fs::path spool(const std::string& name) const { return server_.data() / "spool/demo" / name; }

  // A real call to the built-in callee, until its recording is stored.
  std::string recorded_call() {
    const auto placed = http_post_json(
        server_.url("/api/calls"),
        json::parse(
            R"({"assistantId":"test-assistant-123","phoneNumberId":"test-phone-123","customer":{"number":"+447700900000"}})"),
        {"Idempotency-Key: once"});
    if (placed.status != 200) throw std::runtime_error(placed.body);
    const std::string id{placed.json().at("id").as_string()};
    const auto until = steady_clock::now() + seconds{60};
    while (call(id).at("recordingStatus").as_string() != "stored") {
      if (steady_clock::now() > until) throw std::runtime_error("not stored: " + server_.process().output());
      std::this_thread::sleep_for(milliseconds{50});
    }
    return id;
  }
  json::object call(const std::string& id) {
    return http_get(server_.url("/api/calls/" + id)).json().as_object();
  }

  json::object jobs() {
    const auto answer =
        http_get(server_.url("/api/admin/jobs?limit=100"), {"Authorization: Bearer " + operators});
    EXPECT_EQ(answer.status, 200) << answer.body;
    return answer.json().as_object();
  }
  // The newest run once it has finished, when there are so many.
  json::object finished_run(std::size_t count) {
    const auto until = steady_clock::now() + seconds{60};
    for (;;) {
      const auto all = jobs().at("runs").as_array();
      if (all.size() >= count && all[0].at("finishedAt").is_string()) {
        EXPECT_EQ(all.size(), count) << json::serialize(all);
        return all[0].as_object();
      }
      if (steady_clock::now() > until) throw std::runtime_error("no run: " + server_.process().output());
      std::this_thread::sleep_for(milliseconds{50});
    }
  }

  struct Ran {
    int code;
    std::string out, all;
    json::value report() const { return json::parse(out); }
  };
  Ran command(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {voxanne_program(), "jobs", "run"});
    auto environment = settings();
    environment["DATA_DIR"] = server_.data().string();
    environment["VOXANNE_ENV"] = "development";
    Process process{{.command = arguments, .environment = environment, .directory = {}}};
    const auto code = process.wait(seconds{60});
    return {code.value_or(-1), process.out(), process.output()};
  }
  void stop() {
    server_.process().signal(SIGTERM);
    ASSERT_EQ(server_.process().wait(seconds{30}), 0) << server_.process().output();
  }

  Server server_{settings()};
};

TEST_F(Cleanup, missed_runs_are_caught_up_with_by_one_and_delete_what_they_should_and_nothing_else) {
  const auto id = recorded_call();
  ASSERT_TRUE(fs::exists(object(id + ".ogg")));
  ASSERT_EQ(jobs().at("jobs").at(0).at("cron"), "0 2 * * *");
  EXPECT_THAT(std::string{jobs().at("jobs").at(0).at("nextAt").as_string()}, HasSubstr("T02:00:00.000Z"));
  EXPECT_TRUE(jobs().at("runs").as_array().empty());
  stop();

  const auto orphan = file(object("call_orphan.ogg"), hours{25});
  const auto fresh = file(object("call_fresh.ogg"), hours{23});
  const auto foreign = file(object("notes.txt"), hours{1'000});
  const auto bad = file(spool("call_bad.spool"), hours{24 * 8});
  const auto waiting = file(spool("call_waiting.spool"), hours{24 * 80});
  // Two more calls, one whose upload failed and one whose upload waits.
  for (const char* call : {"bad", "waiting"})
    sql("INSERT INTO calls (id, org_id, assistant_id, phone_number_id, direction, channel, status, "
        "ended_reason, customer_number, customer_name, created_at, ended_at, recording_status, node_id, "
        "boot_id) SELECT 'call_" +
        std::string{call} +
        "', org_id, assistant_id, phone_number_id, direction, channel, status, ended_reason, '', '', "
        "created_at - 691200000, ended_at - 691200000, '" +
        (std::string_view{call} == "bad" ? "failed" : "queued") + "', node_id, boot_id FROM calls LIMIT 1");
  const auto queue = [&](const std::string& call, const std::string& status) {
    sql("INSERT INTO recording_upload_queue (id, org_id, call_id, node_id, status, source, object_key, "
        "content_type, bytes, sha256, duration_ms, next_attempt_at, created_at, failed_at) SELECT 'upl_" +
        call + "', org_id, id, node_id, '" + status + "', 'x', 'demo/call_" + call +
        ".ogg', 'audio/ogg', 1, '', 1, 9000000000000, created_at, ended_at FROM calls WHERE id = 'call_" +
        call + "'");
  };
  queue("bad", "failed");
  queue("waiting", "queued");
  // The recovery at the next start makes what waits due at once only where it was being uploaded.
  sql("UPDATE idempotency_keys SET started_at = started_at - 90000000");
  sql("UPDATE job_schedules SET done_until = done_until - 3 * 86400000");

  server_.start();
  const auto run = finished_run(1);
  EXPECT_EQ(run.at("outcome"), "done") << json::serialize(run);
  EXPECT_THAT(std::string{run.at("dueAt").as_string()}, HasSubstr("T02:00:00.000Z"));
  const auto& report = run.at("report").as_object();
  EXPECT_EQ(report.at("failedUploads"), 1);
  EXPECT_EQ(report.at("idempotencyKeys"), 1);
  EXPECT_EQ(report.at("orphans").at("objects"), 1);
  EXPECT_FALSE(fs::exists(orphan));
  EXPECT_FALSE(fs::exists(bad));
  for (const auto& kept : {fresh, foreign, waiting, object(id + ".ogg")})
    EXPECT_TRUE(fs::exists(kept)) << kept;
  const auto link = http_get(server_.url("/api/calls/" + id + "/recording"));
  ASSERT_EQ(link.status, 200) << link.body;
  EXPECT_EQ(http_get(std::string{link.json().at("recordingUrl").as_string()}).status, 200);
  EXPECT_EQ(call("call_waiting").at("recordingStatus"), "queued");
}

TEST_F(Cleanup, of_two_processes_on_one_database_one_runs_it) {
  stop();
  sql("UPDATE job_schedules SET done_until = done_until - 86400000");
  auto environment = settings();
  environment["DATABASE_URL"] = "sqlite:" + (server_.data() / "voxanne.db").string();
  server_.start();
  Server other{environment};
  finished_run(1);
  // Another due time for whichever looks first, and by hand at once.
  sql("UPDATE job_schedules SET done_until = done_until - 86400000");
  const auto by_hand = command({"cleanup"});
  EXPECT_TRUE(by_hand.code == 0 || by_hand.all.find("running already") != std::string::npos) << by_hand.all;
  const auto run = finished_run(by_hand.code == 0 ? 3 : 2);
  EXPECT_EQ(run.at("outcome"), "done");
  EXPECT_EQ(other.process().wait(milliseconds{0}), std::nullopt);
}

TEST_F(Cleanup, by_hand_dry_then_stopped_then_forced) {
  const auto id = recorded_call();
  std::vector<fs::path> orphans;
  for (const char* name : {"call_a.ogg", "call_b.ogg", "call_c.ogg"})
    orphans.push_back(file(object(name), hours{48}));
  const auto all_there = [&] {
    return std::ranges::all_of(orphans, [](const auto& p) { return fs::exists(p); });
  };

  const auto dry = command({"cleanup", "--dry-run"});
  EXPECT_EQ(dry.code, 1) << dry.all;
  EXPECT_EQ(dry.report().at("orphans").at("objects"), 3);
  EXPECT_TRUE(all_there());

  const auto stopped = command({"cleanup"});
  EXPECT_EQ(stopped.code, 1) << stopped.all;
  EXPECT_THAT(stopped.all, HasSubstr("--force"));
  EXPECT_EQ(stopped.report().at("stopped").at(0).at("orgId"), "demo");
  EXPECT_EQ(stopped.report().at("stopped").at(0).at("wouldDelete"), 3);
  EXPECT_EQ(stopped.report().at("stopped").at(0).at("recordings"), 4);
  EXPECT_TRUE(all_there());

  const auto forced = command({"cleanup", "--force"});
  EXPECT_EQ(forced.code, 0) << forced.all;
  EXPECT_FALSE(fs::exists(orphans[0]) || fs::exists(orphans[1]) || fs::exists(orphans[2]));
  EXPECT_TRUE(fs::exists(object(id + ".ogg")));

  // The recording has its time, which the organization shortens; the call stays.
  sql("UPDATE calls SET created_at = created_at - 8 * 86400000 WHERE id = '" + id + "'");
  EXPECT_EQ(command({"cleanup"}).code, 0);
  EXPECT_TRUE(call(id).at("hasRecording").as_bool());
  const auto changed = http({.method = "PATCH",
                             .url = server_.url("/api/organization"),
                             .headers = {"Content-Type: application/json"},
                             .body = R"({"recordingRetentionDays":7})"});
  ASSERT_EQ(changed.status, 200) << changed.body;
  EXPECT_EQ(changed.json().at("recordingRetentionDays"), 7);
  EXPECT_EQ(command({"cleanup"}).report().at("expired").at("recordings"), 1);
  EXPECT_FALSE(fs::exists(object(id + ".ogg")));
  EXPECT_FALSE(call(id).at("hasRecording").as_bool());
  const auto gone = http_get(server_.url("/api/calls/" + id + "/recording"));
  EXPECT_EQ(gone.status, 404);
  EXPECT_EQ(gone.json().at("error"), "Recording not found");
  EXPECT_THAT(http_get(server_.url("/api/calls/" + id + "/events")).body, HasSubstr("recording.expired"));

  const auto history = jobs().at("runs").as_array();
  ASSERT_EQ(history.size(), 5u);
  EXPECT_TRUE(history[4].at("dryRun").as_bool());
  EXPECT_EQ(history[3].at("outcome"), "stopped");
  EXPECT_TRUE(history[2].at("force").as_bool());
  EXPECT_TRUE(history[2].at("dueAt").is_null());
}

TEST_F(Cleanup, what_is_wrong_is_said) {
  const auto unknown = command({"cleenup"});
  EXPECT_EQ(unknown.code, 2);
  EXPECT_THAT(unknown.all, HasSubstr("there is cleanup"));
  EXPECT_EQ(http_get(server_.url("/api/admin/jobs")).status, 401);
  EXPECT_EQ(http_get(server_.url("/api/admin/jobs"), {"Authorization: Bearer nobodys"}).status, 401);
  Process bad{{.command = {voxanne_program(), "serve"},
               .environment = {{"CLEANUP_CRON", "0 25 * * *"}, {"DATA_DIR", server_.data().string()}},
               .directory = {}}};
  EXPECT_EQ(bad.wait(seconds{20}), 2);
  EXPECT_THAT(bad.output(), HasSubstr("CLEANUP_CRON"));
  EXPECT_THAT(bad.output(), HasSubstr("hour \"25\""));
}

}  // namespace
}  // namespace voxanne::test
