// Erasure on request, from outside: DELETE of a call leaves no trace of it in the API, the files or the
// bytes of the database, and answers with a receipt.
#include "support/eventually.h"
#include "support/http.h"
#include "support/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <fstream>
#include <sstream>
#include <thread>

namespace voxanne::test {
namespace {
namespace fs = std::filesystem;
namespace json = boost::json;
using std::chrono::seconds;
using testing::HasSubstr;

constexpr seconds patience{60};

class Erasure : public testing::Test {
 protected:
  json::object call(const std::string& id) {
    return http_get(server_.url("/api/calls/" + id)).json().as_object();
  }
  HttpAnswer erase(const std::string& id) {
    return http({.method = "DELETE",
                 .url = server_.url("/api/calls/" + id),
                 .headers = {},
                 .body = {},
                 .limit = patience});
  }
  std::string placed(const std::string& number, const std::string& name) {
    const json::object body{{"assistantId", "test-assistant-123"},
                            {"phoneNumberId", "test-phone-123"},
                            {"customer", {{"number", number}, {"name", name}}}};
    const auto answer =
        http_post_json(server_.url("/api/calls"), body, {"Idempotency-Key: of-" + number.substr(1)});
    if (answer.status != 200) throw std::runtime_error(answer.body);
    return std::string{answer.json().at("id").as_string()};
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

  Server server_{{{"SIP_LISTEN", "off"}}};
};

TEST_F(Erasure, of_a_call_leaves_no_trace_but_a_receipt) {
  const auto gone = placed("+447700900042", "Zaphod Beeblebrox");
  const auto kept = placed("+447700900043", "Ford Prefect");
  const auto running = erase(gone);
  EXPECT_EQ(running.status, 409) << running.body;
  EXPECT_EQ(running.json().at("code"), "call_in_progress");
  for (const auto& id : {gone, kept})
    ASSERT_TRUE(eventually([&] { return call(id).at("endedAt").is_string(); }));

  const auto receipt = erase(gone);  // its recording may be queued, being stored, or stored
  ASSERT_EQ(receipt.status, 200) << receipt.body;
  const auto body = receipt.json().as_object();
  EXPECT_EQ(body.at("removed").at("calls"), 1);
  EXPECT_EQ(body.at("removed").at("recordings"), 1);
  EXPECT_GT(body.at("removed").at("turns").as_int64(), 0);
  EXPECT_TRUE(body.at("finishedAt").is_string());
  EXPECT_TRUE(body.at("pending").as_array().empty());

  for (const char* part : {"", "/recording", "/transcript", "/events"})
    EXPECT_EQ(http_get(server_.url("/api/calls/" + gone + part)).status, 404) << part;
  EXPECT_EQ(erase(gone).status, 404);
  const auto page = http_get(server_.url("/api/calls-dashboard")).json();
  EXPECT_EQ(page.at("pagination").at("total"), 1);
  EXPECT_TRUE(
      http_get(server_.url("/api/calls-dashboard?search=Zaphod")).json().at("calls").as_array().empty());
  EXPECT_EQ(http_get(server_.url("/api/calls-dashboard?search=Prefect")).json().at("calls").as_array().size(),
            1u);
  ASSERT_TRUE(eventually([&] { return call(kept).at("recordingStatus").as_string() == "stored"; }));
  EXPECT_FALSE(fs::exists(server_.data() / "recordings/demo" / (gone + ".ogg")));
  EXPECT_FALSE(fs::exists(server_.data() / "spool/demo" / (gone + ".spool")));

  server_.process().signal(SIGTERM);  // its database ends as one file
  ASSERT_EQ(server_.process().wait(patience), 0);
  for (const char* trace : {"Zaphod", "Beeblebrox", "447700900042"}) EXPECT_EQ(who_holds(trace), "") << trace;
  EXPECT_NE(who_holds("Ford Prefect"), "");
}

TEST_F(Erasure, of_what_is_unknown_is_404) {
  const auto answer = erase("call_unknown");
  EXPECT_EQ(answer.status, 404);
  EXPECT_THAT(answer.body, HasSubstr("call_not_found"));
}

}  // namespace
}  // namespace voxanne::test
