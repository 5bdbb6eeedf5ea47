#include "store/uploads.h"

#include "support/store/temp_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace voxanne::store {
namespace {

using namespace test;
using domain::RecordingStatus;

class Uploads : public testing::Test {
 protected:
  Uploads() {
    call = a_call();
    call.recording_status = RecordingStatus::recording;
    EXPECT_TRUE(store.write([&](Batch& b) { insert_call(b, call, this_boot); }));
    upload = {.id = UploadId::make(),
              .org = harbour,
              .call = call.id,
              .node = "node-1",
              .source = "spool/a.ogg",
              .object_key = "harbour/a.ogg",
              .content_type = "audio/ogg",
              .bytes = 12'345,
              .sha256 = "abcd",
              .duration_ms = 61'000,
              .created_at = noon,
              .next_attempt_at = noon,
              .last_error = {}};
  }
  Result<> enqueue() {
    return store.write([&](Batch& b) { enqueue_upload(b, upload); });
  }
  std::vector<Upload> due(UtcTime now, std::string node = "node-1") {
    return store.run(due_uploads(*store, std::move(node), now, 10)).value();
  }
  Result<> claim(Upload& row, UtcTime until) {
    return store.write([&](Batch& b) { claim_upload(b, row, "boot-1", until); });
  }
  domain::Call found() { return store.run(find_call(*store, {harbour, call.id})).value().value(); }
  std::optional<RecordingPlace> place() {
    return store.run(find_recording(*store, {harbour, call.id})).value();
  }

  TempStore store;
  domain::Call call;
  Upload upload;
};

TEST_F(Uploads, a_recording_plays_from_the_spool_until_it_is_stored) {
  EXPECT_FALSE(place());
  ASSERT_TRUE(enqueue());
  EXPECT_EQ(found().recording_status, RecordingStatus::queued);
  EXPECT_TRUE(found().has_recording);
  ASSERT_TRUE(place());
  EXPECT_EQ(place()->source, "spool/a.ogg");
  EXPECT_EQ(place()->bytes, 12'345);
  EXPECT_EQ(place()->duration_ms, 61'000);
  EXPECT_EQ(place()->sha256, "abcd");
  EXPECT_EQ(place()->content_type, "audio/ogg");

  auto rows = due(noon);
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].object_key, "harbour/a.ogg");
  ASSERT_TRUE(claim(rows[0], noon + 60s));
  EXPECT_EQ(rows[0].attempts, 1);
  EXPECT_EQ(found().recording_status, RecordingStatus::uploading);
  ASSERT_TRUE(store.write([&](Batch& b) { finish_upload(b, rows[0]); }));
  EXPECT_EQ(found().recording_status, RecordingStatus::stored);
  EXPECT_EQ(place()->source, "");
  EXPECT_EQ(place()->object_key, "harbour/a.ogg");
  EXPECT_TRUE(due(noon + 1h).empty());
  EXPECT_FALSE(store.run(next_upload_due(*store, "node-1")).value());
}

TEST_F(Uploads, a_call_has_one_upload) {
  ASSERT_TRUE(enqueue());
  upload.id = UploadId::make();
  EXPECT_EQ(enqueue().error().kind, Fault::conflict);
  upload.call = CallId{"nobody"};
  EXPECT_EQ(enqueue().error().kind, Fault::conflict);
}

TEST_F(Uploads, only_one_of_two_claims_wins_and_a_lost_lease_cannot_finish) {
  ASSERT_TRUE(enqueue());
  auto mine = due(noon)[0], theirs = due(noon)[0];
  EXPECT_TRUE(claim(mine, noon + 60s));
  EXPECT_EQ(claim(theirs, noon + 60s).error().kind, Fault::conflict);
  EXPECT_TRUE(due(noon + 59s).empty());
  auto again = due(noon + 60s);
  ASSERT_EQ(again.size(), 1u) << "a lease that ran out is due";
  EXPECT_TRUE(claim(again[0], noon + 120s));
  EXPECT_EQ(store.write([&](Batch& b) { finish_upload(b, mine); }).error().kind, Fault::conflict);
  EXPECT_EQ(store.write([&](Batch& b) { fail_upload(b, mine, "x", noon); }).error().kind, Fault::conflict);
  EXPECT_EQ(found().recording_status, RecordingStatus::uploading);
  EXPECT_TRUE(store.write([&](Batch& b) { finish_upload(b, again[0]); }));
}

TEST_F(Uploads, a_store_that_is_away_keeps_the_row_queued) {
  ASSERT_TRUE(enqueue());
  for (int week = 0; week < 4; ++week) {
    const UtcTime now = noon + std::chrono::days{7 * week};
    auto rows = due(now);
    ASSERT_EQ(rows.size(), 1u);
    EXPECT_EQ(rows[0].attempts, week);
    ASSERT_TRUE(claim(rows[0], now + 60s));
    ASSERT_TRUE(store.write([&](Batch& b) { retry_upload(b, rows[0], "store_away", now + 1h); }));
    EXPECT_TRUE(due(now + 59min).empty());
    EXPECT_EQ(store.run(next_upload_due(*store, "node-1")).value(), now + 1h);
    EXPECT_EQ(found().recording_status, RecordingStatus::queued);
    EXPECT_TRUE(found().has_recording);
  }
  EXPECT_EQ(due(noon + std::chrono::days{30})[0].last_error, "store_away");
}

TEST_F(Uploads, failed_is_terminal_and_nothing_plays) {
  ASSERT_TRUE(enqueue());
  auto row = due(noon)[0];
  ASSERT_TRUE(claim(row, noon + 60s));
  ASSERT_TRUE(store.write([&](Batch& b) { fail_upload(b, row, "source_missing", noon); }));
  EXPECT_TRUE(due(noon + 24h).empty());
  EXPECT_EQ(found().recording_status, RecordingStatus::failed);
  EXPECT_FALSE(found().has_recording);
  EXPECT_EQ(place()->status, RecordingStatus::failed);
  const auto counts = store.run(count_uploads(*store, "node-1")).value();
  EXPECT_EQ(counts.failed, 1);
  EXPECT_EQ(counts.waiting, 0);
}

TEST_F(Uploads, after_a_restart_claims_are_released_at_once_and_nodes_keep_to_their_own) {
  ASSERT_TRUE(enqueue());
  auto row = due(noon)[0];
  ASSERT_TRUE(claim(row, noon + 1h));
  EXPECT_TRUE(due(noon + 1s).empty());
  ASSERT_TRUE(store.write([&](Batch& b) { release_uploads(b, {"node-2", "boot-2"}, noon); }));
  EXPECT_TRUE(due(noon + 1s).empty());
  ASSERT_TRUE(store.write([&](Batch& b) { release_uploads(b, {"node-1", "boot-1"}, noon); }));
  EXPECT_TRUE(due(noon + 1s).empty()) << "its own boot is at it";
  ASSERT_TRUE(store.write([&](Batch& b) { release_uploads(b, {"node-1", "boot-2"}, noon); }));
  EXPECT_EQ(due(noon + 1s).size(), 1u);
  EXPECT_TRUE(due(noon + 1s, "node-2").empty());
  EXPECT_EQ(store.run(count_uploads(*store, "node-1")).value().waiting, 1);
}

TEST_F(Uploads, by_hand_or_when_the_store_is_back_what_waits_is_due_at_once) {
  EXPECT_FALSE(store.run(find_upload(*store, {harbour, call.id})).value());
  ASSERT_TRUE(enqueue());
  const auto found_upload = [&] {
    return store.run(find_upload(*store, {harbour, call.id})).value().value();
  };
  const auto put_off = [&](const std::string& why) {
    auto row = due(noon + 9h)[0];
    ASSERT_TRUE(claim(row, noon + 24h));
    ASSERT_TRUE(store.write([&](Batch& b) { retry_upload(b, row, why, noon + 8h); }));
    EXPECT_TRUE(due(noon + 1h).empty());
  };
  put_off("object_store_unavailable");
  ASSERT_TRUE(store.write([&](Batch& b) { hasten_uploads(b, "node-2", noon + 1h); }));
  EXPECT_TRUE(due(noon + 1h).empty()) << "another node's";
  ASSERT_TRUE(store.write([&](Batch& b) { hasten_uploads(b, "node-1", noon + 1h); }));
  EXPECT_EQ(due(noon + 1h).size(), 1u);
  put_off("encode_write_failed");
  ASSERT_TRUE(store.write([&](Batch& b) { hasten_uploads(b, "node-1", noon + 1h); }));
  EXPECT_TRUE(due(noon + 1h).empty()) << "it waits for the disk";
  ASSERT_TRUE(store.write([&](Batch& b) { requeue_upload(b, found_upload().upload, noon + 1h); }));
  auto row = due(noon + 1h)[0];

  ASSERT_TRUE(claim(row, noon + 24h));
  EXPECT_EQ(found_upload().status, RecordingStatus::uploading);
  EXPECT_FALSE(store.write([&](Batch& b) { requeue_upload(b, row, noon); })) << "somebody is at it";
  ASSERT_TRUE(store.write([&](Batch& b) { fail_upload(b, row, "spool_corrupt", noon); }));
  EXPECT_EQ(found_upload().status, RecordingStatus::failed);
  EXPECT_EQ(found_upload().upload.last_error, "spool_corrupt");
  ASSERT_TRUE(store.write([&](Batch& b) { requeue_upload(b, found_upload().upload, noon + 2h); }));
  EXPECT_EQ(found().recording_status, RecordingStatus::queued);
  EXPECT_TRUE(found().has_recording);
  EXPECT_EQ(due(noon + 2h).size(), 1u);
  EXPECT_EQ(store.run(count_uploads(*store, "node-1")).value().failed, 0);
}

TEST_F(Uploads, erased_with_its_call) {
  ASSERT_TRUE(enqueue());
  ASSERT_TRUE(store.write([&](Batch& b) { log_event(b, {harbour, call.id}, noon, "x"); }));
  const auto erase = [&](OrgId org) {
    return store.write([&](Batch& b) { erase_call(b, {std::move(org), call.id}); });
  };
  EXPECT_EQ(erase(harbour).error().kind, Fault::conflict) << "it still runs";
  ASSERT_TRUE(store.write([&](Batch& b) {
    end_call(b, {harbour, call.id}, {domain::CallStatus::ended, "x", domain::FaultParty::nobody, ""}, noon);
  }));
  EXPECT_EQ(erase(rival).error().kind, Fault::conflict);
  EXPECT_TRUE(erase(harbour));
  EXPECT_TRUE(due(noon + 1h).empty());
  int rows = 0;
  const auto count = [&](const Row&) { ++rows; };
  EXPECT_TRUE(store.run(visit_log(*store, {harbour, call.id}, count)));
  EXPECT_EQ(store.run(page_of_calls(*store, harbour, {}, {}, count)).value().total, 0);
  EXPECT_TRUE(store.run(page_of_calls(*store, harbour, {.search = "Lovelace"}, {}, count)));
  EXPECT_EQ(rows, 0);
}

}  // namespace
}  // namespace voxanne::store
