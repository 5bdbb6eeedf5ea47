#include "api/routes/test_world.h"
#include "base/secret.h"
#include "recordings/key.h"
#include "store/uploads.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

namespace voxanne::api {
namespace {

using domain::RecordingStatus;
using testing::HasSubstr;
namespace json = boost::json;

class Recordings : public testing::Test {
 protected:
  static constexpr std::string_view sound =
      "OggS, then bytes as long as an alphabet: abcdefghijklmnopqrstuvwxyz";

  store::CallKey call(RecordingStatus status) {
    domain::Call call;
    call.id = CallId::make();
    call.org = OrgId{"demo"};
    call.created_at = world.clock().utc();
    const store::CallKey key{call.org, call.id};
    store::Batch batch;
    store::insert_call(batch, call, {"node", "boot"});
    if (status != RecordingStatus::none) store::set_recording_status(batch, key, RecordingStatus::recording);
    world.write(std::move(batch));
    return key;
  }

  // A call whose recording is in the object store, or is said to be there.
  CallId stored(bool there = true) {
    const auto key = call(RecordingStatus::recording);
    const auto file = world.directory() / "sound";
    std::ofstream{file} << sound;
    store::Upload upload;
    upload.id = UploadId::make();
    upload.org = key.org;
    upload.call = key.id;
    upload.node = "node";
    upload.source = "sound";
    upload.object_key = recordings::recording_key(key.org, key.id);
    upload.content_type = "audio/ogg";
    upload.bytes = std::int64_t(sound.size());
    upload.sha256 = to_hex(sha256(sound));
    upload.duration_ms = 12'340;
    upload.created_at = world.clock().utc();
    if (there) world.run(world.objects().put(upload.object_key, file, upload.sha256)).value();
    store::Batch enqueue, claim, finish;
    store::enqueue_upload(enqueue, upload);
    world.write(std::move(enqueue));
    store::claim_upload(claim, upload, "boot", world.clock().utc() + 1min);
    world.write(std::move(claim));
    store::finish_upload(finish, upload);
    world.write(std::move(finish));
    return key.id;
  }

  test::HttpAnswer recording_of(const CallId& id, const std::string& query = "") {
    return world.get("/api/calls/" + id.str() + "/recording" + query);
  }
  // The path of a signed link, which names the public address.
  std::string link_of(const CallId& id) {
    std::string link{recording_of(id).json().at("recordingUrl").as_string()};
    EXPECT_TRUE(link.starts_with("https://voxanne.example/storage/")) << link;
    return link.substr(std::string_view{"https://voxanne.example"}.size());
  }
  test::HttpAnswer fetch(const std::string& link, std::vector<std::string> fields = {}) {
    return world.send({.url = link, .headers = std::move(fields), .body = {}});
  }

  World world;
};

TEST_F(Recordings, a_stored_one_has_a_link_for_an_hour) {
  const auto id = stored();
  const auto before = world.clock().utc();
  const auto answer = recording_of(id);
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(answer.json().at("duration"), 12.34);
  const auto expires = parse_rfc3339(std::string{answer.json().at("expiresAt").as_string()});
  ASSERT_TRUE(expires);
  EXPECT_GE(*expires, before + 1h);
  EXPECT_LE(*expires, before + 1h + 10s);
  EXPECT_EQ(answer.json().as_object().size(), 3u);

  const auto whole = fetch(link_of(id));  // without a token: the link is one
  EXPECT_EQ(whole.status, 200);
  EXPECT_EQ(whole.body, sound);
  EXPECT_EQ(whole.headers.at("content-type"), "audio/ogg");
  EXPECT_EQ(whole.headers.at("accept-ranges"), "bytes");
  EXPECT_EQ(whole.headers.at("content-disposition"), "inline; filename=\"" + id.str() + ".ogg\"");
}

TEST_F(Recordings, ranges_and_conditions_are_answered_as_http_says) {
  const auto link = link_of(stored());
  const auto part = fetch(link, {"Range: bytes=4-9"});
  EXPECT_EQ(part.status, 206);
  EXPECT_EQ(part.body, sound.substr(4, 6));
  EXPECT_EQ(part.headers.at("content-range"), "bytes 4-9/" + std::to_string(sound.size()));
  EXPECT_EQ(fetch(link, {"Range: bytes=-3"}).body, "xyz");
  const auto outside = fetch(link, {"Range: bytes=999-"});
  EXPECT_EQ(outside.status, 416);
  EXPECT_EQ(outside.headers.at("content-range"), "bytes */" + std::to_string(sound.size()));
  EXPECT_EQ(fetch(link, {"Range: bytes=4-9", "If-Range: \"another\""}).status, 200);
  EXPECT_EQ(fetch(link, {"Range: bytes=4-9", "If-Range: " + part.headers.at("etag")}).status, 206);
  EXPECT_EQ(fetch(link, {"If-None-Match: " + part.headers.at("etag")}).status, 304);
  const auto head = world.send({.method = "HEAD", .url = link, .headers = {}, .body = {}});
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.headers.at("content-length"), std::to_string(sound.size()));
  EXPECT_TRUE(head.body.empty());
}

TEST_F(Recordings, a_tampered_link_is_403_and_an_expired_one_410) {
  const auto mine = stored(), other = stored();
  const auto link = link_of(mine);
  auto swapped = link;
  swapped.replace(swapped.find(mine.str()), mine.str().size(), other.str());
  auto prolonged = link;
  prolonged.replace(prolonged.find("expires=") + 8, 1, "9");
  for (const auto& bad : {swapped, prolonged, link + "x", link + "&format=wav",
                          link.substr(0, link.find('?')), std::string{"/storage/x?expires=1&signature=y"}}) {
    const auto answer = fetch(bad);
    EXPECT_EQ(answer.status, 403) << bad;
    EXPECT_EQ(answer.json().at("code"), "link_invalid") << bad;
  }
  const auto expired =
      fetch(world.signer().sign(recordings::recording_key(OrgId{"demo"}, mine), world.clock().utc() - 1s));
  EXPECT_EQ(expired.status, 410);
  EXPECT_EQ(expired.json().at("code"), "link_expired");
  // Signed, but of nothing that is kept here.
  EXPECT_EQ(fetch(world.signer().sign("not-a-recording", world.clock().utc() + 1h)).status, 403);
}

TEST_F(Recordings, what_cannot_be_played_says_why) {
  const auto none = recording_of(call(RecordingStatus::none).id);
  EXPECT_EQ(none.status, 404);
  EXPECT_EQ(none.json().at("error"), "Recording not found");
  EXPECT_EQ(none.json().at("code"), "recording_not_found");
  const auto running = recording_of(call(RecordingStatus::recording).id);
  EXPECT_EQ(running.status, 404);
  EXPECT_EQ(running.json().at("code"), "recording_not_ready");
  EXPECT_EQ(recording_of(CallId{"call_unknown"}).status, 404);
  EXPECT_EQ(recording_of(stored(), "?format=mp3").status, 400);
}

TEST_F(Recordings, a_fault_of_the_store_is_5xx_and_names_the_call) {
  const auto id = stored(false);
  const auto key = recordings::recording_key(OrgId{"demo"}, id);
  for (const auto& answer : {recording_of(id), recording_of(id, "?format=wav"),
                             fetch(world.signer().sign(key, world.clock().utc() + 1h))}) {
    EXPECT_EQ(answer.status, 500);
    EXPECT_EQ(answer.json().at("code"), "recording_missing_in_store");
    EXPECT_EQ(answer.json().at("callId"), json::string{id.str()});
    EXPECT_TRUE(answer.json().as_object().contains("requestId"));
  }
}

TEST_F(Recordings, an_object_of_another_size_is_a_fault_and_not_a_dead_link) {
  const auto id = stored();
  std::ofstream{world.directory() / "recordings" / recordings::recording_key(OrgId{"demo"}, id)} << "cut";
  const auto answer = recording_of(id);
  EXPECT_EQ(answer.status, 500);
  EXPECT_EQ(answer.json().at("code"), "recording_damaged");
}

TEST_F(Recordings, one_that_failed_or_waits_is_put_first_in_line_by_hand) {
  const auto requeue = [&](const CallId& id, const std::string& org = "demo", Role role = Role::manager) {
    return world.ask("POST", "/api/calls/" + id.str() + "/recording/requeue", org, "", role);
  };
  const auto key = call(RecordingStatus::recording);
  EXPECT_EQ(requeue(key.id).json().at("code"), "recording_not_ready");
  store::Upload upload;
  upload.id = UploadId::make();
  upload.org = key.org;
  upload.call = key.id;
  upload.node = "node";
  upload.object_key = recordings::recording_key(key.org, key.id);
  upload.created_at = upload.next_attempt_at = world.clock().utc();
  const auto change = [&](auto&& fill) {
    store::Batch batch;
    fill(batch);
    world.write(std::move(batch));
  };
  change([&](auto& batch) { store::enqueue_upload(batch, upload); });
  change([&](auto& batch) { store::claim_upload(batch, upload, "boot", world.clock().utc() + 1h); });
  EXPECT_EQ(requeue(key.id).json().at("recordingStatus"), "uploading");
  change([&](auto& batch) {
    store::retry_upload(batch, upload, "object_store_unavailable", world.clock().utc() + 5min);
  });
  const auto waiting = requeue(key.id);
  ASSERT_EQ(waiting.status, 200) << waiting.body;
  EXPECT_EQ(waiting.json().at("recordingStatus"), "queued");
  EXPECT_EQ(waiting.json().at("lastError"), "object_store_unavailable");
  EXPECT_EQ(waiting.json().at("attempts"), 1);
  EXPECT_EQ(world.uploads_woken, 1);
  ASSERT_EQ(world.run(store::due_uploads(world.store(), "node", world.clock().utc(), 10)).value().size(), 1u);

  change([&](auto& batch) { store::claim_upload(batch, upload, "boot", world.clock().utc() + 1h); });
  change([&](auto& batch) { store::fail_upload(batch, upload, "spool_corrupt", world.clock().utc()); });
  EXPECT_EQ(requeue(key.id, "other").status, 404);
  EXPECT_EQ(requeue(key.id, "demo", Role::viewer).status, 403);
  EXPECT_EQ(recording_of(key.id).status, 404);
  EXPECT_EQ(requeue(key.id).json().at("lastError"), "spool_corrupt");
  EXPECT_EQ(world.get("/api/calls/" + key.id.str()).json().at("recordingStatus"), "queued");
  EXPECT_EQ(world.run(store::due_uploads(world.store(), "node", world.clock().utc(), 10)).value().size(), 1u);

  EXPECT_EQ(requeue(call(RecordingStatus::none).id).json().at("code"), "recording_not_found");
  EXPECT_EQ(requeue(stored()).json().at("code"), "recording_stored");
  EXPECT_EQ(requeue(CallId{"call_unknown"}).json().at("code"), "call_not_found");
}

}  // namespace
}  // namespace voxanne::api
