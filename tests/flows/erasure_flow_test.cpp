// Erasure on request, from outside: DELETE of a call or of a caller leaves no trace in the API, the live
// events, the files, the object store or the bytes of the database, whatever is killed meanwhile, and leaves
// a receipt.
#include "support/eventually.h"
#include "support/http.h"
#include "support/live.h"
#include "support/raw_client.h"
#include "support/s3_imposter.h"
#include "support/server.h"
#include "support/store/bulk_calls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <csignal>
#include <fstream>
#include <future>
#include <sstream>

namespace voxanne::test {
namespace {
namespace fs = std::filesystem;
namespace json = boost::json;
using testing::HasSubstr;

constexpr seconds patience{60};
constexpr const char* name = "Zaphod Beeblebrox";
constexpr const char* number = "+447700900042";

class Erasure : public testing::Test {
 protected:
  json::object call(const std::string& id) {
    return http_get(server_.url("/api/calls/" + id)).json().as_object();
  }
  HttpAnswer erase(const std::string& path) {
    return http({.method = "DELETE", .url = server_.url(path), .headers = {}, .body = {}, .limit = patience});
  }
  std::string placed(const std::string& to, const std::string& who) {
    const json::object body{{"assistantId", "test-assistant-123"},
                            {"phoneNumberId", "test-phone-123"},
                            {"customer", {{"number", to}, {"name", who}}}};
    const auto answer =
        http_post_json(server_.url("/api/calls"), body, {"Idempotency-Key: of-" + to.substr(1)});
    if (answer.status != 200) throw std::runtime_error(answer.body);
    return std::string{answer.json().at("id").as_string()};
  }
  // What a listener is told who comes again: `subscribed`, then all that it missed, or `resync`.
  std::vector<json::object> resumed(const json::value& epoch, std::int64_t since) {
    RawClient client{std::uint16_t(server_.port())};
    EXPECT_EQ(client.open_websocket("/ws/live-calls").status, 101);
    client.send_frame(
        1, json::serialize(json::object{{"type", "subscribe"}, {"epoch", epoch}, {"since", since}}));
    const auto read = [&] { return json::parse(client.read_frame().payload).as_object(); };
    std::vector<json::object> told{read()};
    const auto head = told.front().at("seq").as_int64();
    while (since < head && told.back().at("type") != "resync") {
      told.push_back(read());
      since = told.back().at("seq").as_int64();
    }
    return told;
  }
  // In any file below the data directory.
  std::string who_holds(const std::string& trace) {
    for (const auto& entry : fs::recursive_directory_iterator{server_.data()}) {
      if (!entry.is_regular_file()) continue;
      std::ifstream in{entry.path(), std::ios::binary};
      std::ostringstream all;
      all << in.rdbuf();
      if (all.str().find(trace) != std::string::npos) return entry.path().string();
    }
    return "";
  }
  // Its database ends as one file.
  void stop() {
    server_.process().signal(SIGTERM);
    ASSERT_EQ(server_.process().wait(patience), 0) << server_.process().output();
  }
  void kill() {
    server_.process().signal(SIGKILL);
    ASSERT_TRUE(server_.process().wait(patience));
  }

  std::string database() const { return (server_.data() / "voxanne.db").string(); }
  // The first column of each row.
  std::vector<std::string> select(const std::string& sql) {
    sqlite3* db = nullptr;
    EXPECT_EQ(sqlite3_open(database().c_str(), &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 5'000);
    std::vector<std::string> rows;
    const auto take = [](void* out, int, char** values, char**) {
      static_cast<std::vector<std::string>*>(out)->emplace_back(values[0] ? values[0] : "");
      return 0;
    };
    EXPECT_EQ(sqlite3_exec(db, sql.c_str(), take, &rows, nullptr), SQLITE_OK) << sqlite3_errmsg(db);
    sqlite3_close(db);
    return rows;
  }

  Server server_{{{"SIP_LISTEN", "off"}}};
};

TEST_F(Erasure, of_a_call_leaves_no_trace_but_a_receipt) {
  Live live{server_.ws_url("/ws/live-calls")};
  const auto subscribed = live.all().front();
  const auto before = subscribed.at("seq").as_int64();
  const auto gone = placed(number, name);
  const auto kept = placed("+447700900043", "Ford Prefect");
  const auto running = erase("/api/calls/" + gone);
  EXPECT_EQ(running.status, 409) << running.body;
  EXPECT_EQ(running.json().at("code"), "call_in_progress");
  for (const auto& id : {gone, kept})
    ASSERT_TRUE(eventually([&] { return call(id).at("endedAt").is_string(); }));

  const auto receipt = erase("/api/calls/" + gone);  // its recording may be queued, being stored, or stored
  ASSERT_EQ(receipt.status, 200) << receipt.body;
  const auto body = receipt.json().as_object();
  EXPECT_EQ(body.at("removed").at("calls"), 1);
  EXPECT_EQ(body.at("removed").at("recordings"), 1);
  EXPECT_GT(body.at("removed").at("turns").as_int64(), 0);
  EXPECT_TRUE(body.at("finishedAt").is_string());
  EXPECT_TRUE(body.at("pending").as_array().empty());

  for (const char* part : {"", "/recording", "/transcript", "/events"})
    EXPECT_EQ(http_get(server_.url("/api/calls/" + gone + part)).status, 404) << part;
  EXPECT_EQ(erase("/api/calls/" + gone).status, 404);
  const auto page = http_get(server_.url("/api/calls-dashboard")).json();
  EXPECT_EQ(page.at("pagination").at("total"), 1);
  EXPECT_TRUE(
      http_get(server_.url("/api/calls-dashboard?search=Zaphod")).json().at("calls").as_array().empty());
  EXPECT_EQ(http_get(server_.url("/api/calls-dashboard?search=Prefect")).json().at("calls").as_array().size(),
            1u);
  ASSERT_TRUE(eventually([&] { return call(kept).at("recordingStatus").as_string() == "stored"; }));
  EXPECT_FALSE(fs::exists(server_.data() / "recordings/demo" / (gone + ".ogg")));
  EXPECT_FALSE(fs::exists(server_.data() / "spool/demo" / (gone + ".spool")));

  // Who left off before it was erased begins anew; who left off after its last event misses nothing.
  EXPECT_EQ(resumed(subscribed.at("epoch"), before).back().at("type"), "resync");
  std::int64_t last_of_it = 0;
  for (const auto& event : live.all())
    if (const auto* about = event.if_contains("callId"); about && *about == json::value(gone))
      last_of_it = event.at("seq").as_int64();
  ASSERT_GT(last_of_it, before);
  const auto after = resumed(subscribed.at("epoch"), last_of_it);
  EXPECT_EQ(after.front().at("type"), "subscribed");
  for (const auto& event : after) {
    EXPECT_NE(event.at("type"), "resync");
    EXPECT_EQ(json::serialize(event).find(gone), std::string::npos) << event;
  }

  stop();
  for (const char* trace : {"Zaphod", "Beeblebrox", "447700900042"}) EXPECT_EQ(who_holds(trace), "") << trace;
  EXPECT_NE(who_holds("Ford Prefect"), "");
}

// Rows go fifty calls at a time, then files one by one: killed once among the ones and once among the others.
TEST_F(Erasure, of_a_caller_in_a_bucket_survives_a_kill_among_its_calls_and_one_among_its_files) {
  stop();
  add_calls(database(), {.org = "demo",
                         .count = 121,
                         .newest = std::chrono::floor<milliseconds>(std::chrono::system_clock::now()) -
                                   std::chrono::hours{24},
                         .with_transcript = 2});
  const std::string of_the_caller = " customer_number = '" + std::string{number} + "'";
  select(
      "PRAGMA secure_delete = ON; UPDATE calls SET recording_status = 'stored', has_recording = 1; "
      "UPDATE calls SET customer_name = '" +
      std::string{name} + "'," + of_the_caller + " WHERE id <> (SELECT min(id) FROM calls)");
  S3Imposter s3;
  const auto object_of = [](const std::string& id) { return "voxanne/demo/" + id + ".ogg"; };
  for (const auto& id : select("SELECT id FROM calls")) s3.put(object_of(id), "OggS");
  const auto kept = object_of(select("SELECT min(id) FROM calls").at(0));
  const auto recordings = [&] {
    std::vector<std::string> names;
    for (const auto& [object, bytes] : s3.objects())
      if (object.starts_with("voxanne/demo/")) names.push_back(object);
    return names;
  };
  const auto calls_left = [&] { return select("SELECT count(*) FROM calls WHERE" + of_the_caller).at(0); };
  server_.set_environment(stored_at(s3.endpoint()));
  server_.start();

  // The newest call's recording is being stored and does not get there: the erasure waits for it when the
  // rows of a hundred others are gone.
  s3.fault({.at = 1, .how = S3Imposter::How::hang, .for_good = true});
  placed(number, name);
  ASSERT_TRUE(s3.wait_for_faults(1, patience)) << server_.process().output();
  const auto made = http_post_json(server_.url("/api/contacts"), {{"name", name}, {"number", number}});
  ASSERT_EQ(made.status, 200) << made.body;
  const auto caller = "/api/contacts/" + std::string{made.json().at("id").as_string()} + "?erase=true";
  {
    const auto unanswered = std::async(std::launch::async, [&] { return erase(caller); });
    EXPECT_TRUE(eventually([&] { return calls_left() == "21"; })) << calls_left();
    kill();
  }

  // The next start goes on with the rest of the calls and the files, by itself, and is killed at that.
  s3.release();
  s3.fault({.at = 40, .how = S3Imposter::How::hang, .for_good = true});
  server_.start();
  ASSERT_TRUE(s3.wait_for_faults(1, patience)) << server_.process().output();
  kill();
  s3.release();
  s3.fault({});
  EXPECT_GT(recordings().size(), 22u);
  EXPECT_LT(recordings().size(), 121u);
  server_.start();
  const std::string finished = "SELECT count(*) FROM erasures WHERE finished_at IS NOT NULL";
  EXPECT_TRUE(eventually([&] { return select(finished).at(0) == "1"; })) << server_.process().output();
  EXPECT_EQ(calls_left(), "0") << "nobody has to ask again";
  EXPECT_EQ(erase(caller).status, 404);
  EXPECT_TRUE(http_get(server_.url("/api/calls-dashboard?search=Zaphod&includeTest=true"))
                  .json()
                  .at("calls")
                  .as_array()
                  .empty());
  EXPECT_THAT(recordings(), testing::ElementsAre(kept));
  EXPECT_EQ(s3.open_uploads(), 0u);
  EXPECT_THAT(s3.complaints(), testing::IsEmpty());

  stop();
  EXPECT_THAT(
      select("SELECT json_extract(removed, '$.calls') || ' ' || json_extract(removed, '$.contacts') FROM "
             "erasures"),
      testing::ElementsAre("121 1"));
  EXPECT_EQ(select("SELECT count(*) FROM erasure_files").at(0), "0");
  EXPECT_EQ(select("SELECT count(*) FROM calls").at(0), "1");
  for (const char* trace : {"Zaphod", "Beeblebrox", "447700900042"}) EXPECT_EQ(who_holds(trace), "") << trace;
}

TEST_F(Erasure, of_what_is_unknown_is_404) {
  const auto answer = erase("/api/calls/call_unknown");
  EXPECT_EQ(answer.status, 404);
  EXPECT_THAT(answer.body, HasSubstr("call_not_found"));
}

}  // namespace
}  // namespace voxanne::test
