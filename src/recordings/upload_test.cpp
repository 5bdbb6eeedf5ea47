#include "recordings/upload_queue.h"

#include "audio/ogg_opus.h"
#include "recordings/file_store.h"
#include "recordings/key.h"
#include "recordings/recorder.h"
#include "recordings/recovery.h"
#include "recordings/test_bad_sector.h"
#include "recordings/test_frames.h"
#include "support/logged_lines.h"
#include "support/store/temp_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <future>
#include <thread>

namespace voxanne::recordings {
namespace {

using domain::RecordingStatus;
using voxanne::test::a_call;
using voxanne::test::noon;
using voxanne::test::TempDir;
using voxanne::test::TempStore;
using voxanne::test::this_boot;
namespace fs = std::filesystem;

// Of a slot in which both speak.
const std::size_t talk_record = max_record_bytes(audio::narrowband);

// Fails as told, else keeps objects in files.
class MoodyObjects final : public ObjectStore {
 public:
  explicit MoodyObjects(ObjectStore& inner) : inner_(inner) {}
  std::atomic<bool> away = false;
  std::atomic<int> refused = 0;

  async::Task<Result<>> put(std::string key, fs::path file, std::string checksum) override {
    if (away) {
      ++refused;
      co_return unavailable("object_store_unavailable", "the test says so");
    }
    co_return co_await inner_.put(std::move(key), std::move(file), std::move(checksum));
  }
  async::Task<Result<std::uint64_t>> size(std::string key) override {
    if (away) co_return unavailable("object_store_unavailable", "the test says so");
    co_return co_await inner_.size(std::move(key));
  }
  async::Task<Result<std::string>> read(std::string key, std::uint64_t offset, std::size_t length) override {
    return inner_.read(std::move(key), offset, length);
  }
  async::Task<Result<>> remove(std::string key) override { return inner_.remove(std::move(key)); }
  async::Task<Result<std::vector<ObjectInfo>>> list(std::string prefix, std::string after,
                                                    std::size_t limit) override {
    return inner_.list(std::move(prefix), std::move(after), limit);
  }

 private:
  ObjectStore& inner_;
};

// Stands until the test moves it; begins an hour after noon.
class HandClock final : public async::Clock {
 public:
  milliseconds passed{1h};
  SteadyTime now() const override { return SteadyTime{} + passed; }
  UtcTime utc() const override { return noon + passed; }
  async::Task<> sleep_until(SteadyTime) override { co_return; }
};

class UploadTest : public testing::Test {
 protected:
  // An ended call with so many recorded slots, queued.
  domain::Call recorded_call(std::uint64_t slots, int rate = audio::narrowband) {
    domain::Call call = a_call();
    call.id = CallId::make();
    EXPECT_TRUE(store.write([&](store::Batch& batch) { store::insert_call(batch, call, this_boot); }));
    if (slots > 0) {
      SpoolWriter writer{{.spool = spool, .threads = 1, .gather = 0ms, .min_free_bytes = 0}};
      Recorder recorder{writer, {.call = call.id, .org = call.org, .rate = rate, .started_at = noon}};
      for (std::uint64_t i = 0; i < slots; ++i)
        recorder.on_frames(test::frame(i, 0, rate), test::frame(i, 1, rate));
      EXPECT_EQ(store.run(recorder.finish()).slots, slots);
    }
    EXPECT_TRUE(store.write([&](store::Batch& batch) {
      store::enqueue_upload(batch, upload_of(call.org, call.id, this_boot.node, slots, noon));
    }));
    return call;
  }

  // Works everything that is due once; the outcomes.
  std::vector<jobs::Outcome> work(UtcTime retry_at = noon + 1h) {
    std::vector<jobs::Outcome> outcomes;
    auto claimed = store.run(queue.claim(10, clock.utc() + 15min)).value();
    for (auto& upload : claimed) {
      outcomes.push_back(store.run(queue.handle(upload)));
      EXPECT_TRUE(store.run(queue.complete(upload, outcomes.back(), retry_at)));
    }
    return outcomes;
  }

  RecordingStatus status(const domain::Call& call) {
    return store.run(store::find_call(*store, {call.org, call.id})).value()->recording_status;
  }
  store::RecordingPlace place(const domain::Call& call) {
    return store.run(store::find_recording(*store, {call.org, call.id})).value().value();
  }
  fs::path spool_of(const domain::Call& call) { return spool_path(spool, call.org, call.id); }
  // What the call's own log says of damage.
  std::vector<std::string> damage_told(const domain::Call& call) {
    std::vector<std::string> out;
    EXPECT_TRUE(store.run(store::visit_log(*store, {call.org, call.id}, [&](const store::Row& row) {
      if (row.str(store::log_column::type) == "recording.damaged")
        out.push_back(row.str(store::log_column::data));
    })));
    return out;
  }
  std::uint64_t stored_samples(const domain::Call& call, int rate) {
    auto decoder = audio::OggOpusDecoder::open_file(dir / "objects" / recording_key(call.org, call.id), rate);
    return decoder ? decoder->total_samples().value() : 0;
  }

  voxanne::test::LoggedLines logged;
  TempDir dir;
  fs::path spool = dir / "spool";
  TempStore store;
  async::SystemClock clock;
  async::WorkerPool workers{"files", 1};
  FileStore files{{dir / "objects", dir / "known"}, workers};
  MoodyObjects objects{files};
  std::vector<std::string> told;
  UploadQueue queue{*store,
                    objects,
                    workers,
                    clock,
                    {.spool = spool,
                     .node = this_boot.node,
                     .on_stored = [this](const store::Upload&) { told.push_back("stored"); },
                     .on_failed = [this](const store::Upload&, const Error& e) { told.push_back(e.code); }}};
};

TEST_F(UploadTest, a_recording_is_stored_as_long_as_its_call) {
  for (const int rate : {audio::narrowband, audio::wideband}) {
    const auto call = recorded_call(333, rate);
    EXPECT_EQ(status(call), RecordingStatus::queued);
    const auto outcomes = work();
    ASSERT_EQ(outcomes.size(), 1u);
    EXPECT_EQ(outcomes[0].kind, jobs::Outcome::Kind::done);
    EXPECT_EQ(status(call), RecordingStatus::stored);
    const auto samples = stored_samples(call, rate);
    EXPECT_NEAR(static_cast<double>(samples) / rate, 333 * 0.020, 0.020);
    const auto kept = place(call);
    EXPECT_EQ(kept.object_key, recording_key(call.org, call.id));
    EXPECT_EQ(kept.content_type, "audio/ogg");
    EXPECT_EQ(kept.duration_ms, 6'660);
    EXPECT_EQ(kept.sha256, file_checksum(dir / "objects" / kept.object_key, "unreadable").value());
    EXPECT_EQ(static_cast<std::uintmax_t>(kept.bytes), fs::file_size(dir / "objects" / kept.object_key));
    EXPECT_TRUE(fs::is_empty(spool / call.org.str())) << "the spool is cleared";
  }
  EXPECT_EQ(told, (std::vector<std::string>{"stored", "stored"}));
}

TEST_F(UploadTest, a_store_that_is_away_keeps_it_queued_and_playable) {
  const auto call = recorded_call(50);
  objects.away = true;
  for (int i = 0; i < 3; ++i) {
    const auto outcomes = work(noon);
    ASSERT_EQ(outcomes.size(), 1u);
    EXPECT_EQ(outcomes[0].kind, jobs::Outcome::Kind::retry);
    EXPECT_EQ(outcomes[0].error.code, "object_store_unavailable");
    EXPECT_EQ(status(call), RecordingStatus::queued);
    EXPECT_TRUE(fs::exists(spool_of(call)));
  }
  EXPECT_THAT(logged.of("recording.storage_away"),
              testing::ElementsAre(testing::HasSubstr("callId=" + call.id.str() + " ")));
  objects.away = false;
  ASSERT_TRUE(queue.storage_is_back());
  EXPECT_EQ(work()[0].kind, jobs::Outcome::Kind::done);
  EXPECT_EQ(status(call), RecordingStatus::stored);
}

TEST_F(UploadTest, one_whose_directory_is_gone_keeps_it_queued_and_gets_no_directory_in_its_place) {
  recorded_call(10);
  EXPECT_EQ(work()[0].kind, jobs::Outcome::Kind::done);
  fs::rename(dir / "objects", dir / "elsewhere");
  const auto call = recorded_call(50);
  for (int i = 0; i < 3; ++i) {
    const auto outcomes = work(noon);
    ASSERT_EQ(outcomes.size(), 1u);
    EXPECT_EQ(outcomes[0].error.code, "object_store_unavailable");
    EXPECT_EQ(status(call), RecordingStatus::queued);
    EXPECT_TRUE(fs::exists(spool_of(call)));
    EXPECT_FALSE(fs::exists(dir / "objects"));
  }
  EXPECT_THAT(logged.of("recording.storage_away"),
              testing::ElementsAre(testing::HasSubstr("is not there: mount it, or put it back")));
  fs::rename(dir / "elsewhere", dir / "objects");
  ASSERT_TRUE(queue.storage_is_back());
  EXPECT_EQ(work()[0].kind, jobs::Outcome::Kind::done);
  EXPECT_EQ(status(call), RecordingStatus::stored);
}

TEST_F(UploadTest, while_the_store_is_away_one_recording_tries_now_and_then_and_nothing_is_encoded) {
  HandClock time;
  UploadQueue patient{*store,
                      objects,
                      workers,
                      time,
                      {.spool = spool,
                       .node = this_boot.node,
                       .boot = this_boot.boot,
                       .breaker = {.threshold = 2, .pause = 2s, .max_pause = 4s}}};
  std::vector<domain::Call> calls;
  for (int i = 0; i < 5; ++i) calls.push_back(recorded_call(10));
  // One round: what is claimed is tried, and put off for a day when it fails.
  const auto round = [&] {
    auto claimed = store.run(patient.claim(10, time.utc() + 1h)).value();
    for (auto& upload : claimed) {
      const auto outcome = store.run(patient.handle(upload));
      EXPECT_TRUE(store.run(patient.complete(upload, outcome, time.utc() + 24h)));
    }
    return claimed.size();
  };
  objects.away = true;
  EXPECT_EQ(round(), 5u);
  EXPECT_TRUE(patient.storage_is_away());
  recorded_call(10);
  EXPECT_EQ(round(), 0u) << "not now";
  const auto due = store.run(patient.next_due()).value();
  ASSERT_TRUE(due);
  EXPECT_GT(*due, time.utc()) << "nor is it asked in a loop";
  time.passed += 3s;
  recorded_call(10);
  EXPECT_EQ(round(), 1u) << "one tries";
  EXPECT_EQ(round(), 0u);
  time.passed += 5s;
  objects.away = false;
  EXPECT_EQ(round(), 1u);
  EXPECT_FALSE(patient.storage_is_away());
  EXPECT_EQ(round(), 6u) << "what waited for it is due at once, and not in a day";
  for (const auto& call : calls) EXPECT_EQ(status(call), RecordingStatus::stored);
}

TEST_F(UploadTest, somebody_else_may_see_that_the_store_is_back) {
  for (int i = 0; i < 3; ++i) recorded_call(10);
  EXPECT_FALSE(queue.storage_is_back()) << "it was never away";
  objects.away = true;
  for (const auto& outcome : work(noon + 24h * 3'650)) EXPECT_EQ(outcome.kind, jobs::Outcome::Kind::retry);
  EXPECT_TRUE(work().empty());
  objects.away = false;
  EXPECT_TRUE(queue.storage_is_back());
  EXPECT_EQ(work().size(), 3u);
}

TEST_F(UploadTest, a_trial_that_learns_nothing_of_the_store_leaves_room_for_another) {
  HandClock time;
  UploadQueue patient{*store,
                      objects,
                      workers,
                      time,
                      {.spool = spool, .node = this_boot.node, .breaker = {.threshold = 1, .pause = 2s}}};
  recorded_call(10);
  objects.away = true;
  auto first = store.run(patient.claim(10, time.utc() + 1h)).value();
  ASSERT_EQ(first.size(), 1u);
  EXPECT_TRUE(store.run(patient.complete(first[0], store.run(patient.handle(first[0])), time.utc() + 24h)));
  time.passed += 3s;
  EXPECT_TRUE(store.run(patient.claim(10, time.utc() + 1h)).value().empty()) << "nothing is due to try with";
  const auto damaged = recorded_call(10);
  fs::resize_file(spool_of(damaged), 10);
  auto second = store.run(patient.claim(10, time.utc() + 1h)).value();
  ASSERT_EQ(second.size(), 1u);
  EXPECT_EQ(store.run(patient.handle(second[0])).kind, jobs::Outcome::Kind::failed);
  recorded_call(10);
  EXPECT_EQ(store.run(patient.claim(10, time.utc() + 1h)).value().size(), 1u);
}

TEST_F(UploadTest, a_source_that_is_missing_damaged_or_empty_fails_for_good) {
  const auto missing = recorded_call(50), damaged = recorded_call(50), empty = recorded_call(50);
  fs::remove(spool_of(missing));
  fs::resize_file(spool_of(damaged), 10);
  fs::resize_file(spool_of(empty), encode_header({empty.id, empty.org, audio::narrowband, noon}).size());
  for (const auto& outcome : work()) EXPECT_EQ(outcome.kind, jobs::Outcome::Kind::failed);
  for (const auto& call : {missing, damaged, empty}) EXPECT_EQ(status(call), RecordingStatus::failed);
  EXPECT_EQ(told, (std::vector<std::string>{"spool_missing", "spool_corrupt", "spool_empty"}));
  EXPECT_TRUE(fs::exists(spool_of(damaged))) << "kept for whoever looks into it";
  EXPECT_TRUE(work().empty());
}

TEST_F(UploadTest, a_torn_end_is_left_out_and_told) {
  const auto call = recorded_call(100);
  fs::resize_file(spool_of(call), fs::file_size(spool_of(call)) - talk_record - 7);
  EXPECT_EQ(work()[0].kind, jobs::Outcome::Kind::done);
  EXPECT_EQ(place(call).duration_ms, 98 * 20);
  EXPECT_THAT(damage_told(call), testing::ElementsAre(R"({"lostMs":40,"damagedBytes":0})"));
  EXPECT_EQ(logged.of("recording.damaged").size(), 1u);
}

TEST_F(UploadTest, a_damaged_middle_costs_what_it_touches_and_is_told_once) {
  for (const int rate : {audio::narrowband, audio::wideband}) {
    const auto call = recorded_call(1'000, rate), other = recorded_call(50, rate);
    {
      std::fstream file{spool_of(call), std::ios::binary | std::ios::in | std::ios::out};
      file.seekp(60'000);
      file.put('\x5a').put('\xa5');
    }
    const auto size = fs::file_size(spool_of(call));
    EXPECT_EQ(repair_spool(spool_of(call)).value().damaged, 1u);
    EXPECT_EQ(fs::file_size(spool_of(call)), size);
    objects.away = true;
    for (int i = 0; i < 2; ++i)
      for (const auto& outcome : work(noon)) EXPECT_EQ(outcome.kind, jobs::Outcome::Kind::retry);
    objects.away = false;
    ASSERT_TRUE(queue.storage_is_back());
    for (const auto& outcome : work()) EXPECT_EQ(outcome.kind, jobs::Outcome::Kind::done);
    EXPECT_EQ(status(call), RecordingStatus::stored);
    EXPECT_EQ(place(call).duration_ms, 1'000 * 20);
    EXPECT_NEAR(static_cast<double>(stored_samples(call, rate)) / rate, 20.0, 0.020);
    EXPECT_THAT(damage_told(call), testing::ElementsAre(R"({"lostMs":20,"damagedBytes":)" +
                                                        std::to_string(max_record_bytes(rate)) + "}"));
    EXPECT_THAT(damage_told(other), testing::IsEmpty());
    EXPECT_FALSE(fs::exists(spool_of(call)));
    const auto lines = logged.of("recording.damaged");
    EXPECT_EQ(
        std::count(lines.begin(), lines.end(), "callId=" + call.id.str() + " orgId=" + call.org.str() + " "),
        1);
    EXPECT_EQ(lines.size(), rate == audio::narrowband ? 1u : 2u) << "and of no other";
  }
}

TEST_F(UploadTest, a_spool_that_cannot_be_read_is_tried_again_and_loses_nothing) {
  const auto call = recorded_call(1'000);
  const auto size = fs::file_size(spool_of(call));
  async::WorkerPool unlucky{"bad", 1};
  UploadQueue on_a_bad_disk{*store, objects, unlucky, clock, {.spool = spool, .node = this_boot.node}};
  for (const std::uint32_t from : {200'000u, 1u, 0u}) {  // its middle, its first slot, its header
    unlucky.post([from] { test::cannot_read_from(from); });
    auto claimed = store.run(on_a_bad_disk.claim(10, clock.utc() + 15min)).value();
    ASSERT_EQ(claimed.size(), 1u);
    const auto outcome = store.run(on_a_bad_disk.handle(claimed[0]));
    EXPECT_EQ(outcome.kind, jobs::Outcome::Kind::retry);
    EXPECT_EQ(outcome.error.code, "spool_read_failed");
    EXPECT_TRUE(store.run(on_a_bad_disk.complete(claimed[0], outcome, noon)));
    EXPECT_EQ(status(call), RecordingStatus::queued);
    EXPECT_EQ(fs::file_size(spool_of(call)), size);
  }
  EXPECT_EQ(work()[0].kind, jobs::Outcome::Kind::done);
  EXPECT_EQ(place(call).duration_ms, 1'000 * 20);
}

TEST_F(UploadTest, an_object_without_a_source_is_taken_for_stored) {
  // The database was restored from a copy made while the recording still waited.
  const auto call = recorded_call(50);
  std::ofstream{dir / "old"} << "an encoded recording";
  const auto sum = file_checksum(dir / "old", "unreadable").value();
  ASSERT_TRUE(store.run(files.put(recording_key(call.org, call.id), dir / "old", sum)));
  fs::remove(spool_of(call));
  objects.away = true;
  EXPECT_EQ(work(noon)[0].kind, jobs::Outcome::Kind::retry) << "not known while the store is away";
  objects.away = false;
  EXPECT_EQ(work()[0].kind, jobs::Outcome::Kind::done);
  EXPECT_EQ(status(call), RecordingStatus::stored);
}

TEST_F(UploadTest, a_worker_that_lost_its_lease_changes_nothing) {
  const auto call = recorded_call(50);
  auto first = store.run(queue.claim(10, noon)).value();  // its lease is over at once
  auto second = store.run(queue.claim(10, noon)).value();
  ASSERT_EQ(first.size(), 1u);
  ASSERT_EQ(second.size(), 1u);
  const auto outcome = store.run(queue.handle(first[0]));
  const auto late = store.run(queue.complete(first[0], outcome, noon));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().kind, Fault::conflict);
  EXPECT_TRUE(fs::exists(spool_of(call))) << "the other worker still needs it";
  EXPECT_TRUE(store.run(queue.complete(second[0], store.run(queue.handle(second[0])), noon)));
  EXPECT_EQ(status(call), RecordingStatus::stored);
  EXPECT_FALSE(fs::exists(spool_of(call)));
}

TEST_F(UploadTest, a_runner_stores_it_once_the_store_is_back) {
  const auto call = recorded_call(50);
  objects.away = true;
  std::promise<CallId> stored;
  UploadQueue watched{*store,
                      objects,
                      workers,
                      clock,
                      {.spool = spool, .node = this_boot.node, .on_stored = [&](const store::Upload& upload) {
                         stored.set_value(upload.call);
                       }}};
  auto options = upload_runner_options();
  options.backoff = {1ms, 5ms};
  std::optional<jobs::Runner<store::Upload>> runner;
  runner.emplace(store.executor(), clock, watched, options);
  runner->start();
  while (objects.refused < 3) std::this_thread::yield();
  objects.away = false;
  auto answer = stored.get_future();
  ASSERT_EQ(answer.wait_for(10s), std::future_status::ready);
  EXPECT_EQ(answer.get(), call.id);
  EXPECT_EQ(status(call), RecordingStatus::stored);
  store.run(runner->stop());
}

// ── Recovery ───────────────────────────────────────────────────────────────────────────────────

class RecoveryTest : public UploadTest {
 protected:
  const store::Holder dead_boot{this_boot.node, "boot-1"};

  // A call of the dead boot in mid-conversation, with a spool file of so many slots.
  domain::Call call_in_progress(std::uint64_t slots) {
    domain::Call call = a_call();
    call.id = CallId::make();
    const store::CallKey key{call.org, call.id};
    EXPECT_TRUE(store.write([&](store::Batch& batch) {
      store::insert_call(batch, call, dead_boot);
      store::move_call(batch, key, domain::CallStatus::in_progress, noon);
      store::set_recording_status(batch, key, RecordingStatus::recording);
    }));
    SpoolWriter writer{{.spool = spool, .threads = 1, .gather = 0ms, .min_free_bytes = 0}};
    Recorder recorder{writer, {.call = call.id, .org = call.org, .started_at = noon}};
    for (std::uint64_t i = 0; i < slots; ++i) recorder.on_frames(test::frame(i, 0), test::frame(i, 1));
    EXPECT_EQ(store.run(recorder.finish()).slots, slots);
    return call;
  }
  Recovered recover_now() { return store.run(recover(*store, workers, clock, spool, this_boot)).value(); }
  domain::Call read(const domain::Call& call) {
    return store.run(store::find_call(*store, {call.org, call.id})).value().value();
  }
};

TEST_F(RecoveryTest, a_call_left_open_gets_its_verdict_and_its_recording) {
  const auto call = call_in_progress(100);
  fs::resize_file(spool_of(call), fs::file_size(spool_of(call)) - 100);  // torn
  const auto report = recover_now();
  EXPECT_EQ(report.calls_ended, 1);
  EXPECT_EQ(report.recordings_queued, 1);
  EXPECT_EQ(report.bytes_cut, talk_record - 100);
  const auto ended = read(call);
  EXPECT_EQ(ended.status, domain::CallStatus::ended);
  EXPECT_EQ(ended.ended_reason, "worker-shutdown");
  EXPECT_EQ(ended.ended_at, noon + 99 * 20ms) << "when the recording ends, not when we came back";
  EXPECT_EQ(work()[0].kind, jobs::Outcome::Kind::done);
  EXPECT_EQ(place(call).duration_ms, 99 * 20);
  EXPECT_EQ(recover_now().calls_ended, 0) << "nothing is left to do";
}

TEST_F(RecoveryTest, what_follows_damage_is_kept_and_the_call_ends_after_it) {
  const auto call = call_in_progress(100);
  const auto size = fs::file_size(spool_of(call));
  {
    std::fstream file{spool_of(call), std::ios::binary | std::ios::in | std::ios::out};
    file.seekp(static_cast<std::streamoff>(size / 2));
    file << std::string(4'096, '\0');  // blocks that were never written back
  }
  const auto report = recover_now();
  EXPECT_EQ(report.bytes_cut, 0u);
  EXPECT_EQ(fs::file_size(spool_of(call)), size);
  EXPECT_EQ(read(call).ended_at, noon + 100 * 20ms);
  EXPECT_EQ(work()[0].kind, jobs::Outcome::Kind::done);
  EXPECT_EQ(place(call).duration_ms, 100 * 20);
  EXPECT_EQ(damage_told(call).size(), 1u);
}

TEST_F(RecoveryTest, without_a_recording_a_call_ends_with_its_last_turn) {
  const auto call = call_in_progress(1);
  fs::remove(spool_of(call));
  domain::Turn turn;
  turn.id = TurnId::make();
  turn.text = "hello";
  turn.end_ms = 4'200;
  ASSERT_TRUE(store.write([&](store::Batch& batch) { store::put_turn(batch, {call.org, call.id}, turn); }));
  EXPECT_EQ(recover_now().calls_ended, 1);
  EXPECT_EQ(read(call).ended_at, noon + 4'200ms);
  EXPECT_EQ(read(call).recording_status, RecordingStatus::none);
}

TEST_F(RecoveryTest, a_recording_without_audio_is_none) {
  const auto call = call_in_progress(0);
  const auto report = recover_now();
  EXPECT_EQ(report.recordings_empty, 1);
  EXPECT_EQ(read(call).recording_status, RecordingStatus::none);
  EXPECT_EQ(read(call).ended_reason, "worker-shutdown");
  EXPECT_FALSE(fs::exists(spool_of(call)));
}

TEST_F(RecoveryTest, what_a_living_process_holds_is_left_alone) {
  const auto call = call_in_progress(100);
  const auto held = lock_spool(spool_of(call)).value();
  ASSERT_TRUE(held);
  const auto report = recover_now();
  EXPECT_EQ(report.files_held, 1);
  EXPECT_EQ(report.calls_ended, 0);
  EXPECT_EQ(read(call).status, domain::CallStatus::in_progress);
}

TEST_F(RecoveryTest, leftovers_of_every_kind_are_dealt_with) {
  const auto stored = recorded_call(50), waiting = recorded_call(50);
  const auto copy = spool_of(stored);
  fs::copy_file(copy, dir / "kept.spool");
  {
    auto claimed = store.run(queue.claim(1, clock.utc() + 15min)).value();
    ASSERT_EQ(claimed.size(), 1u);
    const auto outcome = store.run(queue.handle(claimed[0]));
    ASSERT_TRUE(store.run(queue.complete(claimed[0], outcome, noon)));
  }
  const bool first_was_stored = status(stored) == RecordingStatus::stored;
  const auto& done = first_was_stored ? stored : waiting;
  fs::copy_file(dir / "kept.spool", spool_of(done));  // the crash came before it was removed
  const auto org = spool / stored.org.str();
  std::ofstream{org / "call_x.spool.new"} << "being created";
  std::ofstream{org / "call_y.ogg"} << "encoded, its source is gone";
  fs::copy_file(dir / "kept.spool", org / "call_unknown.spool");
  const auto report = recover_now();
  EXPECT_EQ(report.files_removed, 3);
  EXPECT_EQ(report.files_unowned, 1);
  EXPECT_FALSE(fs::exists(spool_of(done)));
  EXPECT_TRUE(fs::exists(org / "call_unknown.spool"));
  EXPECT_EQ(work().size(), 1u) << "what waited still waits";
}

TEST_F(RecoveryTest, a_spool_file_without_a_header_fails_with_its_reason) {
  const auto call = call_in_progress(10);
  fs::resize_file(spool_of(call), 0);
  EXPECT_EQ(recover_now().recordings_queued, 1);
  EXPECT_EQ(work()[0].kind, jobs::Outcome::Kind::failed);
  EXPECT_EQ(told, (std::vector<std::string>{"spool_corrupt"}));
  EXPECT_EQ(read(call).ended_reason, "worker-shutdown");
}

TEST_F(RecoveryTest, a_spool_file_that_cannot_be_read_keeps_nobody_from_starting) {
  const auto call = call_in_progress(10), other = call_in_progress(10);
  fs::remove(spool_of(call));
  fs::create_directory(spool_of(call));  // as unreadable as a bad sector
  const auto report = recover_now();
  EXPECT_EQ(report.files_unreadable, 1);
  EXPECT_EQ(report.calls_ended, 2);
  EXPECT_EQ(report.recordings_queued, 2);
  EXPECT_EQ(read(call).ended_reason, "worker-shutdown");
  EXPECT_EQ(read(other).ended_at, noon + 10 * 20ms);
}

TEST_F(RecoveryTest, what_cannot_be_read_just_now_is_queued_uncut) {
  for (const std::uint32_t from : {200'000u, 0u}) {  // in its middle, and not even its header
    const auto call = call_in_progress(1'000);
    const auto size = fs::file_size(spool_of(call));
    async::WorkerPool unlucky{"bad", 1};
    unlucky.post([from] { test::cannot_read_from(from); });
    const auto report = store.run(recover(*store, unlucky, clock, spool, this_boot)).value();
    EXPECT_EQ(report.files_unreadable, 1);
    EXPECT_EQ(report.calls_ended, 1);
    EXPECT_EQ(report.recordings_queued, 1);
    EXPECT_EQ(report.bytes_cut, 0u);
    EXPECT_EQ(fs::file_size(spool_of(call)), size);
    EXPECT_EQ(work()[0].kind, jobs::Outcome::Kind::done) << "the disk can be read again";
    EXPECT_EQ(place(call).duration_ms, 1'000 * 20);
  }
}

TEST_F(RecoveryTest, claims_of_the_dead_are_due_at_once) {
  recorded_call(50);
  ASSERT_EQ(store.run(queue.claim(10, clock.utc() + 24h)).value().size(), 1u);
  EXPECT_TRUE(work().empty());
  recover_now();
  EXPECT_EQ(work().size(), 1u);
}

}  // namespace
}  // namespace voxanne::recordings
