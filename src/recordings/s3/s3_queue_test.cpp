// The whole way of a recording into an S3 service that fails at the n-th request, for every n and in every
// way: it stays queued and playable from the spool, and the next attempt stores it whole, once.
#include "recordings/key.h"
#include "recordings/playback.h"
#include "recordings/recorder.h"
#include "recordings/s3/s3_store.h"
#include "recordings/test_frames.h"
#include "recordings/upload_queue.h"
#include "support/s3_imposter.h"
#include "support/store/temp_store.h"

#include <gtest/gtest.h>

namespace voxanne::recordings::s3 {
namespace {

using domain::RecordingStatus;
using voxanne::test::S3Imposter;
using How = S3Imposter::How;
namespace fs = std::filesystem;

constexpr std::uint64_t slots = 200;

class S3QueueTest : public testing::Test {
 protected:
  ~S3QueueTest() override { EXPECT_TRUE(service.complaints().empty()); }

  domain::Call recorded_call() {
    domain::Call call = voxanne::test::a_call();
    call.id = CallId::make();
    SpoolWriter writer{{.spool = spool, .threads = 1, .gather = 0ms, .min_free_bytes = 0}};
    Recorder recorder{writer, {.call = call.id, .org = call.org, .started_at = voxanne::test::noon}};
    for (std::uint64_t i = 0; i < slots; ++i)
      recorder.on_frames(recordings::test::frame(i, 0), recordings::test::frame(i, 1));
    EXPECT_EQ(store.run(recorder.finish()).slots, slots);
    EXPECT_TRUE(store.write([&](store::Batch& batch) {
      store::insert_call(batch, call, voxanne::test::this_boot);
      store::enqueue_upload(
          batch, upload_of(call.org, call.id, voxanne::test::this_boot.node, slots, voxanne::test::noon));
    }));
    return call;
  }
  // Works what is due once, and makes it due again.
  jobs::Outcome::Kind work() {
    auto claimed = store.run(queue.claim(10, clock.utc() + 1h)).value();
    EXPECT_EQ(claimed.size(), 1u);
    if (claimed.empty()) return jobs::Outcome::Kind::retry;
    const auto outcome = store.run(queue.handle(claimed[0]));
    EXPECT_TRUE(store.run(queue.complete(claimed[0], outcome, voxanne::test::noon)));
    return outcome.kind;
  }

  voxanne::test::TempDir dir;
  fs::path spool = dir / "spool";
  voxanne::test::TempStore store;
  S3Imposter service;
  async::SystemClock clock;
  async::WorkerPool workers{"files", 1};
  S3Store objects{store.executor(),
                  clock,
                  workers,
                  "node-1",
                  {.endpoint = service.endpoint(),
                   .region = "eu-west-1",
                   .bucket = S3Imposter::bucket,
                   .prefix = "voxanne/",
                   .access_key_id = Secret{"AKID"},
                   .secret_access_key = Secret{"secret"},
                   .part_bytes = 4'000,
                   .quick = 1s,
                   .idle = 200ms,
                   .transfer = 2s}};
  Playback playback{*store, objects, workers, spool};
  UploadQueue queue{*store,
                    objects,
                    workers,
                    clock,
                    {.spool = spool,
                     .node = voxanne::test::this_boot.node,
                     .boot = voxanne::test::this_boot.boot,
                     .breaker = {.threshold = 1'000'000}}};
};

TEST_F(S3QueueTest, a_fault_at_any_request_loses_nothing) {
  for (const How how : {How::error_500, How::slow_down, How::forbidden, How::bad_signature, How::no_bucket,
                        How::hang, How::reset, How::reset_in_body, How::lost_answer, How::wrong_etag,
                        How::error_in_200, How::truncated}) {
    for (int n = 1;; ++n) {
      const auto call = recorded_call();
      const store::CallKey key{call.org, call.id};
      service.fault({.at = n, .how = how});
      const auto first = work();
      service.release();
      const bool reached = service.faults() > 0;
      service.fault({});
      if (first == jobs::Outcome::Kind::retry) {
        const auto place = store.run(store::find_recording(*store, key)).value().value();
        EXPECT_EQ(place.status, RecordingStatus::queued);
        EXPECT_TRUE(store.run(playback.open(call.org, call.id, ""))) << int(how) << " at " << n;
        static_cast<void>(queue.storage_is_back());  // SlowDown asked for a pause
        EXPECT_EQ(work(), jobs::Outcome::Kind::done) << int(how) << " at " << n;
      } else {
        EXPECT_EQ(first, jobs::Outcome::Kind::done) << int(how) << " at " << n;
      }
      const auto place = store.run(store::find_recording(*store, key)).value().value();
      EXPECT_EQ(place.status, RecordingStatus::stored);
      const auto stored = service.objects().at("voxanne/" + recording_key(call.org, call.id));
      EXPECT_EQ(to_hex(sha256(stored)), place.sha256) << int(how) << " at " << n;
      EXPECT_EQ(service.open_uploads(), 0u) << int(how) << " at " << n << " first " << int(first);
      const auto about = store.run(playback.find(call.org, call.id)).value();
      EXPECT_EQ(about.object_key, recording_key(call.org, call.id));
      EXPECT_DOUBLE_EQ(about.seconds, slots * 0.020);
      if (!reached) {
        EXPECT_GT(n, 5) << "it went up in parts";
        break;
      }
    }
  }
}

TEST_F(S3QueueTest, what_is_stored_and_cannot_be_had_is_a_fault_and_never_not_found) {
  const auto call = recorded_call();
  ASSERT_EQ(work(), jobs::Outcome::Kind::done);
  service.set_away(true);
  EXPECT_EQ(store.run(playback.find(call.org, call.id)).error().kind, Fault::unavailable);
  EXPECT_EQ(store.run(playback.open(call.org, call.id, "wav")).error().kind, Fault::unavailable);
  service.set_away(false);
  EXPECT_TRUE(store.run(playback.open(call.org, call.id, "wav")));
  service.remove("voxanne/" + recording_key(call.org, call.id));
  EXPECT_EQ(store.run(playback.find(call.org, call.id)).error().code, "recording_missing_in_store");
}

}  // namespace
}  // namespace voxanne::recordings::s3
