// What the cleanup removes and what it leaves, and that dying at any of its steps loses and leaks nothing.
#include "housekeeping/cleanup.h"

#include "recordings/file_store.h"
#include "recordings/key.h"
#include "recordings/spool_file.h"
#include "store/idempotency.h"
#include "store/messages.h"
#include "store/nodes.h"
#include "store/organizations.h"
#include "store/uploads.h"
#include "support/store/fuse.h"
#include "support/store/temp_store.h"

#include <gtest/gtest.h>
#include <boost/json.hpp>

#include <sys/stat.h>

#include <fstream>
#include <set>

namespace voxanne::housekeeping {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using std::chrono::days;
using std::chrono::hours;
using test::harbour;
using test::rival;

class CleanupTest : public testing::Test {
 protected:
  using State = domain::RecordingStatus;

  fs::path object(const OrgId& org, const std::string& call) {
    return directory_.path() / "objects" / recordings::recording_key(org, CallId{call});
  }
  fs::path spool(const OrgId& org, const std::string& call) {
    return recordings::spool_path(directory_.path() / "spool", org, CallId{call});
  }
  void file(const fs::path& path, hours age) {
    fs::create_directories(path.parent_path());
    std::ofstream{path} << "audio";
    fs::last_write_time(path, fs::file_time_type::clock::now() - age);
  }

  // A call that ended so long ago, with its recording and its file where that state has it.
  void call(const OrgId& org, const std::string& id, State state, hours age) {
    const UtcTime at = clock_.utc() - age;
    domain::Call call;
    call.id = CallId{id};
    call.org = org;
    call.assistant = test::reception;
    call.created_at = at;
    const store::CallKey key{org, call.id};
    store::Upload upload;
    upload.id = UploadId{"upl_" + org.str() + id};
    upload.org = org;
    upload.call = call.id;
    upload.node = "node-1";
    upload.source = "x";
    upload.object_key = recordings::recording_key(org, call.id);
    upload.content_type = "audio/ogg";
    upload.created_at = upload.next_attempt_at = at;
    ASSERT_TRUE(store_.write([&](store::Batch& batch) {
      store::insert_call(batch, call, test::this_boot);
      store::end_call(batch, key,
                      {.status = domain::CallStatus::ended,
                       .reason = std::string{domain::ended::customer},
                       .fault = domain::FaultParty::nobody,
                       .detail = {}},
                      at);
      if (state == State::none) return;
      store::enqueue_upload(batch, upload);
      if (state == State::queued) return;
      store::claim_upload(batch, upload, "boot", at + hours{1});
      if (state == State::stored) store::finish_upload(batch, upload);
      if (state == State::failed) store::fail_upload(batch, upload, "spool_corrupt", at);
    }));
    if (state != State::none) file(state == State::stored ? object(org, id) : spool(org, id), age);
  }

  Cleanup make(recordings::ObjectStore& objects, store::Store& store) {
    return {store,
            objects,
            workers_,
            clock_,
            {.spool = directory_.path() / "spool",
             .node = "node-1",
             .recording_retention_days = recording_days_,
             .records_wait = [this] { return records_wait_; },
             .forget = [this](const OrgId&, const CallId& gone) { forgotten_.insert(gone.str()); }}};
  }
  jobs::RunReport run(jobs::RunOptions options = {}) {
    auto cleanup = make(objects_, *store_);
    return store_.run(cleanup.run(options)).value();
  }
  static std::int64_t number(const jobs::RunReport& report, std::string_view pointer) {
    return json::parse(report.json).at_pointer(pointer).to_number<std::int64_t>();
  }

  // Everything there is, in words.
  std::set<std::string> state() {
    std::set<std::string> out;
    for (const char* where : {"objects", "spool"})
      if (fs::exists(directory_.path() / where))
        for (const auto& entry : fs::recursive_directory_iterator{directory_.path() / where})
          if (entry.is_regular_file()) out.insert(entry.path().lexically_relative(directory_.path()));
    for (const OrgId& org : {harbour, rival}) {
      const store::CallPosition from{};
      for (const auto& one :
           store_.run(store::settled_calls(*store_, org, from, clock_.utc() + days{1}, 1'000)).value())
        out.insert(org.str() + " has " + one.id.str() + " " + one.object_key);
      for (const auto& one :
           store_.run(store::stored_recordings(*store_, org, from, clock_.utc() + days{1}, 1'000)).value())
        out.insert(org.str() + " plays " + one.id.str());
    }
    for (const auto& one : store_.run(store::failed_uploads(*store_, "node-1", clock_.utc(), 1'000)).value())
      out.insert("failed " + one.call.str());
    return out;
  }

  test::TempDir directory_;
  async::SystemClock clock_;
  async::WorkerPool workers_{"workers", 1};
  recordings::FileStore files_{{directory_ / "objects", directory_ / "known"}, workers_};
  test::Fuse whole_;
  test::FusedObjects objects_{files_, whole_};
  std::set<std::string> forgotten_;
  std::optional<int> recording_days_;
  bool records_wait_ = false;
  test::TempStore store_;
};

TEST_F(CleanupTest, failed_uploads_go_after_a_week_with_their_files_and_nothing_queued_ever) {
  ASSERT_TRUE(store_.run(store::beat(*store_, test::this_boot, clock_.utc())));
  call(harbour, "old", State::failed, days{8});
  call(harbour, "young", State::failed, days{6});
  call(harbour, "waiting", State::queued, days{400});
  recording_days_ = 1;
  const auto report = run();
  EXPECT_FALSE(report.stopped);
  EXPECT_EQ(number(report, "/failedUploads"), 1);
  EXPECT_EQ(state(), (std::set<std::string>{"failed young", "harbour has old ", "harbour has young ",
                                            "spool/harbour/young.spool", "spool/harbour/waiting.spool"}));
}

// By POST …/recording/requeue, between what the cleanup reads and what it writes.
TEST_F(CleanupTest, a_recording_that_is_queued_again_meanwhile_keeps_its_file) {
  ASSERT_TRUE(store_.run(store::beat(*store_, test::this_boot, clock_.utc())));
  const auto run_while_requeued = [&](const std::string& id) {
    test::FusedStore store{*store_, whole_};
    bool requeued = false;
    store.before_write = [&]() -> async::Task<> {
      if (std::exchange(requeued, true)) co_return;
      store::Upload upload;
      upload.id = UploadId{"upl_harbour" + id};
      upload.org = harbour;
      upload.call = CallId{id};
      upload.attempts = 1;
      store::Batch batch;
      store::requeue_upload(batch, upload, clock_.utc());
      const auto done = co_await store_->write(std::move(batch));
      EXPECT_TRUE(done) << done.error().message;
    };
    auto cleanup = make(objects_, store);
    return store_.run(cleanup.run({})).value();
  };
  call(harbour, "failed", State::failed, days{8});
  call(rival, "failed", State::failed, days{8});
  EXPECT_EQ(number(run_while_requeued("failed"), "/failedUploads"), 1);
  EXPECT_TRUE(fs::exists(spool(harbour, "failed")));
  EXPECT_FALSE(fs::exists(spool(rival, "failed")));

  ASSERT_TRUE(store_.write([&](store::Batch& batch) {
    store::put_organization(
        batch, {.id = harbour, .name = "Harbour", .timezone = "UTC", .call_retention_days = 1}, clock_.utc());
  }));
  call(harbour, "expired", State::failed, days{2});
  EXPECT_EQ(number(run_while_requeued("expired"), "/expired/calls"), 0);
  EXPECT_TRUE(fs::exists(spool(harbour, "expired")));
  call(harbour, "gone", State::failed, days{2});
  EXPECT_EQ(number(run(), "/expired/calls"), 1);
  EXPECT_FALSE(fs::exists(spool(harbour, "gone")));
}

TEST_F(CleanupTest, a_dead_node_s_failures_are_cleaned_and_a_living_one_s_are_its_own) {
  ASSERT_TRUE(store_.run(store::beat(*store_, test::this_boot, clock_.utc() - days{2})));
  ASSERT_TRUE(store_.run(store::beat(*store_, {"node-2", "boot"}, clock_.utc())));
  call(harbour, "old", State::failed, days{8});
  const auto as = [&](const char* node) {
    Cleanup cleanup{
        *store_, objects_, workers_, clock_, {.spool = directory_.path() / "spool", .node = node}};
    return number(store_.run(cleanup.run({})).value(), "/failedUploads");
  };
  EXPECT_EQ(as("node-2"), 1);
  call(harbour, "older", State::failed, days{9});
  ASSERT_TRUE(store_.run(store::beat(*store_, test::this_boot, clock_.utc())));
  EXPECT_EQ(as("node-2"), 0);
  EXPECT_EQ(as("node-1"), 1);
}

TEST_F(CleanupTest, orphans_are_ours_and_a_day_old) {
  call(harbour, "kept", State::stored, days{30});
  file(object(harbour, "orphan"), hours{25});
  file(object(harbour, "fresh"), hours{23});
  file(directory_.path() / "objects/harbour/notes.txt", days{30});
  file(directory_.path() / "objects/elsewhere/deep/down.ogg", days{30});
  file(directory_.path() / "objects/elsewhere.ogg", days{30});
  file(spool(rival, "orphan"), hours{25});
  file(spool(rival, "fresh"), hours{23});
  const auto report = run();
  EXPECT_FALSE(report.stopped);
  EXPECT_EQ(number(report, "/orphans/objects"), 1);
  EXPECT_EQ(number(report, "/orphans/spoolFiles"), 1);
  EXPECT_EQ(number(report, "/orphans/bytes"), 10);
  EXPECT_EQ(state(), (std::set<std::string>{"harbour has kept harbour/kept.ogg", "harbour plays kept",
                                            "objects/harbour/kept.ogg", "objects/harbour/fresh.ogg",
                                            "objects/harbour/notes.txt", "objects/elsewhere/deep/down.ogg",
                                            "objects/elsewhere.ogg", "spool/rival/fresh.spool"}));
}

TEST_F(CleanupTest, a_spool_file_that_somebody_writes_is_left_alone) {
  const auto path = spool(harbour, "running");
  fs::create_directories(path.parent_path());
  const auto held = recordings::create_spool(
      path, {.call = CallId{"running"}, .org = harbour, .rate = 8'000, .started_at = clock_.utc()});
  ASSERT_TRUE(held);
  fs::last_write_time(path, fs::file_time_type::clock::now() - days{3});
  run();
  EXPECT_TRUE(fs::exists(path));
}

TEST_F(CleanupTest, while_records_wait_for_the_database_nothing_is_an_orphan) {
  file(spool(harbour, "journalled"), days{3});
  records_wait_ = true;
  run();
  EXPECT_TRUE(fs::exists(spool(harbour, "journalled")));
  records_wait_ = false;
  run();
  EXPECT_FALSE(fs::exists(spool(harbour, "journalled")));
}

TEST_F(CleanupTest, over_a_twentieth_stops_until_it_is_forced) {
  for (int i = 0; i < 38; ++i) call(harbour, "kept" + std::to_string(i), State::stored, days{1});
  for (int i = 0; i < 3; ++i) file(object(harbour, "orphan" + std::to_string(i)), days{2});
  file(object(rival, "orphan"), days{2});
  const auto before = state();
  const auto report = run();
  EXPECT_TRUE(report.stopped) << report.json;
  EXPECT_EQ(number(report, "/stopped/0/wouldDelete"), 3);
  EXPECT_EQ(number(report, "/stopped/0/recordings"), 41);
  EXPECT_EQ(state(), before) << "of nobody";
  const auto dry = run({.dry_run = true, .force = true});
  EXPECT_EQ(number(dry, "/orphans/objects"), 4);
  EXPECT_EQ(state(), before);
  fs::remove(object(harbour, "orphan2"));
  EXPECT_FALSE(run().stopped) << "two of forty";
  for (int i = 0; i < 5; ++i) file(object(harbour, "orphan" + std::to_string(i)), days{2});
  EXPECT_TRUE(run().stopped);
  EXPECT_FALSE(run({.force = true}).stopped);
  EXPECT_EQ(std::ssize(state()), 38 * 3);
}

TEST_F(CleanupTest, retention_takes_what_came_of_age_and_a_backlog_only_by_force) {
  recording_days_ = 30;
  for (int i = 0; i < 4; ++i) call(harbour, "due" + std::to_string(i), State::stored, days{31});
  call(harbour, "young", State::stored, days{29});
  call(harbour, "waiting", State::queued, days{400});
  auto report = run();
  EXPECT_FALSE(report.stopped) << report.json;
  EXPECT_EQ(number(report, "/expired/recordings"), 4);
  EXPECT_FALSE(fs::exists(object(harbour, "due0")));
  EXPECT_TRUE(fs::exists(object(harbour, "young")));
  EXPECT_TRUE(fs::exists(spool(harbour, "waiting")));
  const auto kept = store_.run(store::find_call(*store_, {harbour, CallId{"due0"}})).value();
  ASSERT_TRUE(kept) << "the call itself stays";
  EXPECT_EQ(kept->recording_status, State::none);
  EXPECT_FALSE(kept->has_recording);

  call(harbour, "backlog0", State::stored, days{40});
  call(harbour, "backlog1", State::stored, days{41});
  report = run();
  EXPECT_TRUE(report.stopped) << report.json;
  EXPECT_TRUE(fs::exists(object(harbour, "backlog1")));
  EXPECT_EQ(number(run({.force = true}), "/expired/recordings"), 2);
}

TEST_F(CleanupTest, an_organization_s_retention_stands_before_the_server_s) {
  recording_days_ = 1;
  ASSERT_TRUE(store_.write([&](store::Batch& batch) {
    store::put_organization(
        batch, {.id = rival, .name = "Rival", .timezone = "UTC", .recording_retention_days = 365},
        clock_.utc());
  }));
  call(harbour, "gone", State::stored, days{2});
  call(rival, "kept", State::stored, days{2});
  EXPECT_EQ(number(run(), "/expired/recordings"), 1);
  EXPECT_TRUE(fs::exists(object(rival, "kept")));
}

TEST_F(CleanupTest, whole_calls_go_but_for_messages_that_nobody_has_dealt_with) {
  ASSERT_TRUE(store_.write([&](store::Batch& batch) {
    store::put_organization(batch,
                            {.id = harbour, .name = "Harbour", .timezone = "UTC", .call_retention_days = 90},
                            clock_.utc());
  }));
  for (const char* id : {"stored", "plain"}) {
    call(harbour, id, std::string_view{id} == "plain" ? State::none : State::stored, days{91});
    ASSERT_TRUE(store_.write([&](store::Batch& batch) {
      domain::Message message;
      message.id = MessageId{std::string{"msg_"} + id};
      message.org = harbour;
      message.call = CallId{id};
      message.urgency = "normal";
      message.created_at = clock_.utc() - days{91};
      store::insert_message(batch, message);
    }));
  }
  ASSERT_TRUE(store_.write([&](store::Batch& batch) {
    store::set_message_handled(batch, harbour, MessageId{"msg_plain"}, "Jo", clock_.utc());
  }));
  call(harbour, "young", State::stored, days{89});
  call(harbour, "waiting", State::queued, days{900});
  EXPECT_EQ(number(run({.dry_run = true}), "/expired/calls"), 2);
  EXPECT_TRUE(forgotten_.empty());
  EXPECT_EQ(number(run(), "/expired/calls"), 2);
  EXPECT_EQ(forgotten_, (std::set<std::string>{"plain", "stored"}));
  EXPECT_EQ(state(), (std::set<std::string>{"harbour has young harbour/young.ogg", "harbour plays young",
                                            "objects/harbour/young.ogg", "spool/harbour/waiting.spool"}));
  EXPECT_TRUE(store_.run(store::find_message(*store_, harbour, MessageId{"msg_stored"})).value());
  EXPECT_FALSE(store_.run(store::find_message(*store_, harbour, MessageId{"msg_plain"})).value());
}

TEST_F(CleanupTest, idempotency_keys_go_after_a_day) {
  const auto claim = [&](const std::string& key, hours age) {
    ASSERT_TRUE(store_.run(store::claim(*store_, {harbour, key, "print", "holder"}, clock_.utc() - age,
                                        milliseconds{0}, milliseconds{0})));
  };
  for (int i = 0; i < 1'203; ++i) claim("old" + std::to_string(i), hours{25});
  claim("young", hours{23});
  EXPECT_EQ(number(run({.dry_run = true}), "/idempotencyKeys"), 1'203);
  EXPECT_EQ(number(run(), "/idempotencyKeys"), 1'203);
  EXPECT_EQ(number(run(), "/idempotencyKeys"), 0);
  EXPECT_TRUE(store_.run(store::find_idempotent_answer(*store_, harbour, "young")).value());
}

TEST_F(CleanupTest, a_store_that_is_away_fails_the_run_and_the_next_one_finishes_it) {
  recording_days_ = 30;
  call(harbour, "due", State::stored, days{31});
  objects_.away = true;
  auto cleanup = make(objects_, *store_);
  const auto failed = store_.run(cleanup.run({}));
  ASSERT_TRUE(failed.has_error());
  EXPECT_EQ(failed.error().code, "object_store_unavailable");
  objects_.away = false;
  run();
  EXPECT_EQ(state(), (std::set<std::string>{"harbour has due "}));
}

// A mount that is lost: it neither looks empty nor are its files taken for removed.
TEST_F(CleanupTest, while_the_store_s_directory_is_gone_a_run_fails_and_deletes_no_recording) {
  ASSERT_TRUE(store_.run(files_.prepare()));
  recording_days_ = 30;
  call(harbour, "due", State::stored, days{31});
  call(harbour, "young", State::stored, days{1});
  file(object(harbour, "orphan"), days{2});
  file(spool(harbour, "orphan"), days{2});
  fs::rename(directory_ / "objects", directory_ / "elsewhere");
  const auto before = state();
  for (const jobs::RunOptions options :
       {jobs::RunOptions{.dry_run = true}, jobs::RunOptions{.force = true}}) {
    auto cleanup = make(objects_, *store_);
    const auto failed = store_.run(cleanup.run(options));
    ASSERT_TRUE(failed.has_error());
    EXPECT_EQ(failed.error().code, "object_store_unavailable");
  }
  EXPECT_EQ(state(), before);
  fs::rename(directory_ / "elsewhere", directory_ / "objects");
  fs::remove(directory_ / "objects" / recordings::marker_name);
  EXPECT_FALSE(store_.run(make(objects_, *store_).run({.force = true}))) << "this is another directory";
  std::ofstream{directory_ / "objects" / recordings::marker_name};
  EXPECT_EQ(number(run({.force = true}), "/orphans/objects"), 1);
  EXPECT_FALSE(fs::exists(object(harbour, "orphan")) || fs::exists(object(harbour, "due")));
  EXPECT_TRUE(fs::exists(object(harbour, "young")));
  EXPECT_TRUE(fs::exists(directory_ / "objects" / recordings::marker_name)) << "no orphan";
}

// Dies at every step, for every step; the next run ends where one whole run would have.
class CleanupSweep : public CleanupTest {
 protected:
  void fill() {
    ASSERT_TRUE(store_.run(store::beat(*store_, test::this_boot, clock_.utc())));
    recording_days_ = 30;
    ASSERT_TRUE(store_.write([&](store::Batch& batch) {
      store::put_organization(batch,
                              {.id = rival,
                               .name = "Rival",
                               .timezone = "UTC",
                               .recording_retention_days = 60,
                               .call_retention_days = 60},
                              clock_.utc());
    }));
    for (int i = 0; i < 4; ++i) call(harbour, "kept" + std::to_string(i), State::stored, days{3});
    call(harbour, "failed", State::failed, days{8});
    call(harbour, "due0", State::stored, days{31});
    call(harbour, "due1", State::stored, days{31});
    call(harbour, "waiting", State::queued, days{99});
    call(rival, "due", State::stored, days{61});
    call(rival, "plain", State::none, days{61});
    call(rival, "kept", State::stored, days{3});
    file(object(harbour, "orphan"), days{2});
    file(spool(rival, "orphan"), days{2});
  }
  const std::set<std::string> wanted_ = {"harbour has due0 ",
                                         "harbour has due1 ",
                                         "harbour has failed ",
                                         "harbour has kept0 harbour/kept0.ogg",
                                         "harbour has kept1 harbour/kept1.ogg",
                                         "harbour has kept2 harbour/kept2.ogg",
                                         "harbour has kept3 harbour/kept3.ogg",
                                         "harbour plays kept0",
                                         "harbour plays kept1",
                                         "harbour plays kept2",
                                         "harbour plays kept3",
                                         "objects/harbour/kept0.ogg",
                                         "objects/harbour/kept1.ogg",
                                         "objects/harbour/kept2.ogg",
                                         "objects/harbour/kept3.ogg",
                                         "objects/rival/kept.ogg",
                                         "rival has kept rival/kept.ogg",
                                         "rival plays kept",
                                         "spool/harbour/waiting.spool"};
};

TEST_F(CleanupSweep, dying_at_any_step_neither_leaks_nor_deletes_too_much) {
  int died = 0;
  for (int step = 1;; ++step) {
    SCOPED_TRACE("dies at step " + std::to_string(step));
    // A world of its own.
    struct World : CleanupSweep {
      void TestBody() override {}
      bool live_and_die(int at) {
        fill();
        test::Fuse fuse{.left = at};
        test::FusedStore database{*store_, fuse};
        test::FusedObjects fused{files_, fuse};
        bool whole = true;
        try {
          auto cleanup = make(fused, database);
          static_cast<void>(store_.run(cleanup.run({})));
        } catch (const std::runtime_error&) {
          whole = false;
        }
        const auto after_death = state();
        for (const auto& kept : wanted_)
          if (kept.find("has due") == kept.npos)
            EXPECT_TRUE(after_death.contains(kept)) << kept << " is gone";
        EXPECT_FALSE(run().stopped);
        EXPECT_EQ(state(), wanted_);
        return whole;
      }
    } world;
    if (world.live_and_die(step)) break;
    ++died;
    if (HasFailure()) return;
  }
  EXPECT_GT(died, 15);
}

}  // namespace
}  // namespace voxanne::housekeeping
