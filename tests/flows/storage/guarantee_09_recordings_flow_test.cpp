// Guarantee 9, recordings play or say why: through the built program, kept as files, with s3rver behind AWS's
// own signer, and with an S3 service that fails on demand.
#include "async/thread.h"
#include "recordings/key.h"
#include "recordings/s3/s3_store.h"
#include "recordings/signed_url.h"
#include "support/http.h"
#include "support/live.h"
#include "support/s3_imposter.h"
#include "support/sentry_imposter.h"
#include "support/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <signal.h>

#include <fstream>
#include <functional>
#include <random>
#include <thread>

namespace voxanne::test {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

std::string text_of(const json::value& value) { return std::string{value.as_string()}; }

// s3rver on a port of its own, which it keeps when it is started again on the same objects.
class S3Service {
 public:
  S3Service() { start(); }
  void start() {
    process_ = std::make_unique<Process>(
        Process::Options{.command = {"node", S3_SCRIPT, objects_.path().string(), std::to_string(port_)},
                         .environment = {},
                         .directory = {}});
    const auto line = process_->wait_for_line("s3 ", seconds{30});
    if (!line) throw std::runtime_error("s3rver did not start:\n" + process_->output());
    port_ = std::stoi(line->substr(3));
  }
  void kill() {
    process_->signal(SIGKILL);
    process_->wait(seconds{10});
  }
  Process& process() { return *process_; }
  std::string endpoint() const { return "http://127.0.0.1:" + std::to_string(port_); }

 private:
  TempDir objects_;
  int port_ = 0;
  std::unique_ptr<Process> process_;
};

// Places a call to the built-in callee and waits for its recording; the call's id.
std::string record(const Server& server, Live& live) {
  const auto placed = http_post_json(
      server.url("/api/calls"),
      json::parse(
          R"({"assistantId":"test-assistant-123","phoneNumberId":"test-phone-123","customer":{"number":"+447700900123"}})"));
  EXPECT_EQ(placed.status, 200) << placed.body;
  const auto id = text_of(placed.json().at("id"));
  EXPECT_TRUE(live.wait_for(
      [&](const json::object& e) {
        return e.at("type") == "recording.ready" && e.at("callId") == json::value(id);
      },
      seconds{60}))
      << server.url("");
  return id;
}

HttpAnswer recording_of(const Server& server, const std::string& id, const std::string& query = "") {
  return http_get(server.url("/api/calls/" + id + "/recording" + query));
}
std::string status_of(const Server& server, const std::string& id) {
  return text_of(http_get(server.url("/api/calls/" + id)).json().at("recordingStatus"));
}
HttpAnswer requeue(const Server& server, const std::string& id) {
  return http({.method = "POST",
               .url = server.url("/api/calls/" + id + "/recording/requeue"),
               .headers = {},
               .body = {}});
}

bool becomes(const std::function<bool()>& so, milliseconds limit) {
  const auto until = steady_clock::now() + limit;
  while (steady_clock::now() < until) {
    if (so()) return true;
    std::this_thread::sleep_for(milliseconds{50});  // between two questions
  }
  return false;
}
bool is_stored(const Server& server, const std::string& id, milliseconds limit = seconds{15}) {
  return becomes([&] { return status_of(server, id) == "stored"; }, limit);
}
bool storage_is(const Server& server, bool up, milliseconds limit) {
  return becomes(
      [&] { return http_get(server.url("/health")).json().at("services").at("storage").as_bool() == up; },
      limit);
}

// What the guarantee allows, and what a loaded machine adds to asking.
constexpr milliseconds truth_within{6'500};

// The link opens sound of that type, whole and in ranges.
void expect_plays(const HttpAnswer& link, const std::string& type, const std::string& begins) {
  ASSERT_EQ(link.status, 200) << link.body;
  EXPECT_GT(link.json().at("duration").to_number<double>(), 1.0);
  const auto url = text_of(link.json().at("recordingUrl"));
  const auto whole = http_get(url);
  ASSERT_EQ(whole.status, 200) << url << whole.body;
  EXPECT_THAT(whole.body, StartsWith(begins));
  EXPECT_EQ(whole.headers.at("content-type"), type);
  EXPECT_THAT(whole.headers.at("content-disposition"), StartsWith("inline; filename=\"call_"));
  const auto part = http_get(url, {"Range: bytes=100-299"});
  EXPECT_EQ(part.status, 206);
  EXPECT_EQ(part.body, whole.body.substr(100, 200));
}

TEST(Recordings, kept_as_files_play_by_a_link_of_ours_until_it_expires) {
  const std::string secret = "a secret of at least thirty-two bytes";
  Server server{{{"SECRET_KEY", secret}}};
  Live live{server.ws_url("/ws/live-calls")};
  const auto id = record(server, live);
  ASSERT_TRUE(is_stored(server, id)) << server.process().output();
  const auto link = recording_of(server, id);
  expect_plays(link, "audio/ogg", "OggS");
  expect_plays(recording_of(server, id, "?format=wav"), "audio/wav", "RIFF");
  auto tampered = text_of(link.json().at("recordingUrl"));
  tampered.replace(tampered.find("expires=") + 8, 1, "9");
  EXPECT_EQ(http_get(tampered).status, 403);
  EXPECT_EQ(http_get(server.url("/storage/demo/" + id + ".ogg")).status, 403);
  const auto a_second_ago =
      std::chrono::time_point_cast<milliseconds>(std::chrono::system_clock::now()) - seconds{1};
  const auto expired = http_get(server.url(recordings::UrlSigner{Secret{secret}}.sign(
      recordings::recording_key(OrgId{"demo"}, CallId{id}), a_second_ago)));
  EXPECT_EQ(expired.status, 410) << expired.body;
  EXPECT_EQ(expired.json().at("code"), "link_expired");
}

TEST(Recordings, in_s3_play_by_a_presigned_link_and_from_the_spool_before) {
  S3Service s3;
  Server server{stored_at(s3.endpoint())};
  ASSERT_TRUE(storage_is(server, true, seconds{15})) << server.process().output();
  Live live{server.ws_url("/ws/live-calls")};
  const auto id = record(server, live);
  ASSERT_TRUE(is_stored(server, id)) << server.process().output();

  const auto link = recording_of(server, id);
  const auto url = text_of(link.json().at("recordingUrl"));
  EXPECT_THAT(url, StartsWith(s3.endpoint() + "/calls/voxanne/demo/" + id + ".ogg?"));
  EXPECT_THAT(url, HasSubstr("X-Amz-Expires=3600&"));
  expect_plays(link, "audio/ogg", "OggS");
  expect_plays(recording_of(server, id, "?format=wav"), "audio/wav", "RIFF");
  EXPECT_THAT(s3.process().output(), Not(HasSubstr("refused")));
  auto tampered = url;
  tampered.replace(tampered.find("X-Amz-Expires=3600"), 18, "X-Amz-Expires=9600");
  EXPECT_EQ(http_get(tampered).status, 403);
  EXPECT_EQ(requeue(server, id).json().at("code"), "recording_stored");
  // The page may fetch it from there.
  EXPECT_THAT(http_get(server.url("/")).headers.at("content-security-policy"), HasSubstr(s3.endpoint()));
}

TEST(Recordings, wait_and_play_while_s3_is_away_and_every_fault_is_told) {
  S3Service s3;
  SentryImposter tracker;
  Server server{stored_at(s3.endpoint(), {{"SENTRY_DSN", tracker.dsn()}})};
  ASSERT_TRUE(storage_is(server, true, seconds{15})) << server.process().output();
  Live live{server.ws_url("/ws/live-calls")};
  const auto before = record(server, live);
  ASSERT_TRUE(is_stored(server, before));

  s3.kill();
  EXPECT_TRUE(storage_is(server, false, truth_within)) << "gone";
  EXPECT_EQ(http_get(server.url("/health")).json().at("status"), "degraded");
  const auto waits = record(server, live), damaged = record(server, live);
  for (const auto& id : {waits, damaged}) expect_plays(recording_of(server, id), "audio/wav", "RIFF");
  EXPECT_NE(status_of(server, waits), "stored");
  const auto again = requeue(server, waits);
  EXPECT_EQ(again.status, 200) << again.body;
  // What is stored there cannot be played, and that is no silence.
  const auto fault = recording_of(server, before);
  EXPECT_EQ(fault.status, 503) << fault.body;
  EXPECT_EQ(fault.json().at("callId"), json::value(before));
  EXPECT_EQ(fault.json().at("code"), "object_store_unavailable");
  EXPECT_TRUE(tracker.wait_for("event", seconds{10}, [&](const json::object& event) {
    const auto* call = event.at("tags").as_object().if_contains("callId");
    return call && *call == json::value(before);
  }));
  // A source that is bad fails for good, and that is told too.
  fs::resize_file(server.data() / "spool/demo" / (damaged + ".spool"), 10);

  s3.start();
  EXPECT_TRUE(storage_is(server, true, truth_within)) << "back";
  EXPECT_TRUE(is_stored(server, waits)) << server.process().output();
  expect_plays(recording_of(server, waits), "audio/ogg", "OggS");
  const auto failed = live.wait_for(
      [&](const json::object& e) {
        return e.at("type") == "recording.failed" && e.at("callId") == json::value(damaged);
      },
      seconds{15});
  ASSERT_TRUE(failed) << server.process().output();
  EXPECT_EQ(failed->at("data").at("code"), "spool_corrupt");
  EXPECT_EQ(status_of(server, damaged), "failed");
  EXPECT_EQ(recording_of(server, damaged).json().at("code"), "recording_not_found");

  s3.process().signal(SIGSTOP);
  EXPECT_TRUE(storage_is(server, false, truth_within)) << "hangs";
  s3.process().signal(SIGCONT);
  EXPECT_TRUE(storage_is(server, true, truth_within)) << "goes on";
  EXPECT_THAT(s3.process().output(), Not(HasSubstr("refused")));
}

// kill -9 while the object is on its way, and when it is there but nobody has been told.
TEST(Recordings, survive_a_kill_at_each_step_of_the_upload) {
  for (const auto how : {S3Imposter::How::hang, S3Imposter::How::lost_answer}) {
    S3Imposter s3;
    Server server{stored_at(s3.endpoint())};
    std::string id;
    {
      Live live{server.ws_url("/ws/live-calls")};
      s3.fault({.at = 1, .how = how, .for_good = true});
      id = record(server, live);
      ASSERT_TRUE(s3.wait_for_faults(1, seconds{20})) << server.process().output();
      server.process().signal(SIGKILL);
      server.process().wait(seconds{10});
    }
    s3.release();
    s3.fault({});
    server.start();
    ASSERT_TRUE(is_stored(server, id)) << server.process().output();
    EXPECT_EQ(s3.objects().count("voxanne/demo/" + id + ".ogg"), 1u);
    expect_plays(recording_of(server, id), "audio/ogg", "OggS");
    EXPECT_FALSE(fs::exists(server.data() / "spool/demo" / (id + ".spool")));
    EXPECT_THAT(s3.complaints(), testing::IsEmpty());
  }
}

// An hour's recording is over what goes up in one piece.
TEST(Recordings, that_are_long_go_up_in_parts) {
  S3Service s3;
  TempDir directory;
  async::SystemClock clock;
  async::LoopThread loop{"s3-test"};
  async::WorkerPool workers{"files", 1};
  recordings::s3::S3Store store{loop.executor(),
                                clock,
                                workers,
                                "node-1",
                                {.endpoint = s3.endpoint(),
                                 .region = "eu-west-1",
                                 .bucket = "calls",
                                 .prefix = "voxanne/",
                                 .access_key_id = Secret{"S3RVER"},
                                 .secret_access_key = Secret{"S3RVER"}}};
  const auto run = [&](auto task) { return async::run_on(loop.executor(), std::move(task)); };
  std::string bytes(20 * 1024 * 1024 + 7, '\0');
  std::mt19937 random{20261128};
  for (char& byte : bytes) byte = char(random());
  const auto file = directory / "long.ogg";
  std::ofstream{file, std::ios::binary} << bytes;
  const std::string key = "demo/call_long.ogg";

  const auto put = run(store.put(key, file, to_hex(sha256(bytes))));
  ASSERT_TRUE(put) << put.error().message << '\n' << s3.process().output();
  EXPECT_EQ(run(store.size(key)).value(), bytes.size());
  for (const std::size_t from : {std::size_t{0}, std::size_t{8 * 1024 * 1024 - 10}, bytes.size() - 10})
    EXPECT_EQ(run(store.read(key, from, 1'000)).value(), bytes.substr(from, 1'000)) << from;
  const auto link = store.link(key, seconds{60}, "");
  ASSERT_TRUE(link);
  EXPECT_EQ(http_get(*link).body, bytes);
  EXPECT_EQ(run(store.list("demo/", "", 10)).value().size(), 1u);
  EXPECT_FALSE(run(store.put(key, file, std::string(64, '0')))) << "another file than was said";
  EXPECT_EQ(run(store.read(key, 0, 1'000)).value(), bytes.substr(0, 1'000));
  EXPECT_TRUE(run(store.remove(key)));
  EXPECT_EQ(s3.process().output().find("refused"), std::string::npos) << s3.process().output();
}

TEST(Recordings, wrong_settings_are_named_at_the_start_and_by_the_doctor) {
  const auto [code, said] = run_voxanne("serve", {{"STORAGE_URL", "s3://calls"}});
  EXPECT_EQ(code, 2);
  EXPECT_THAT(said, HasSubstr("S3_ACCESS_KEY_ID"));

  S3Service s3;
  const auto [well, all_well] = run_voxanne("doctor", stored_at(s3.endpoint()));
  EXPECT_THAT(all_well, HasSubstr("ok    storage: s3://calls/voxanne/"));
  EXPECT_EQ(well, 0) << all_well;
  const auto [bad_bucket, no_bucket] =
      run_voxanne("doctor", stored_at(s3.endpoint(), {{"STORAGE_URL", "s3://other"}}));
  EXPECT_EQ(bad_bucket, 1);
  EXPECT_THAT(no_bucket, HasSubstr("no bucket other"));
  const auto [bad_key, no_key] =
      run_voxanne("doctor", stored_at(s3.endpoint(), {{"S3_SECRET_ACCESS_KEY", "wrong-one"}}));
  EXPECT_EQ(bad_key, 1);
  EXPECT_THAT(no_key, testing::AllOf(HasSubstr("S3_SECRET_ACCESS_KEY"), Not(HasSubstr("wrong-one"))));
  s3.kill();
  const auto [away, nobody] = run_voxanne("doctor", stored_at(s3.endpoint()));
  EXPECT_EQ(away, 1);
  EXPECT_THAT(nobody, HasSubstr("does not answer"));
}

}  // namespace
}  // namespace voxanne::test
