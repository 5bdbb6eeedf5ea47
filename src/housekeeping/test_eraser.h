// A database with callers in it and what they leave behind, and an eraser that a test may interrupt at any
// step. For the tests of this folder.
#pragma once

#include "housekeeping/eraser.h"

#include "knowledge/gaps.h"
#include "recordings/file_store.h"
#include "recordings/key.h"
#include "recordings/spool_file.h"
#include "store/contacts.h"
#include "store/embeddings.h"
#include "store/idempotency.h"
#include "store/knowledge.h"
#include "store/mails.h"
#include "store/messages.h"
#include "store/uploads.h"
#include "store/webhooks.h"
#include "support/store/fuse.h"
#include "support/store/gate_store.h"
#include "support/store/temp_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <boost/json.hpp>

#include <fstream>
#include <sstream>

namespace voxanne::housekeeping {

namespace fs = std::filesystem;
using std::chrono::hours;
using test::harbour;
using test::rival;

inline constexpr const char* name = "Zaphod Beeblebrox";
inline constexpr const char* number = "+447700900042";

class EraserTest : public testing::Test {
 protected:
  using State = domain::RecordingStatus;

  fs::path object(const OrgId& org, const std::string& call) {
    return directory_.path() / "objects" / recordings::recording_key(org, CallId{call});
  }
  fs::path spool(const OrgId& org, const std::string& call) {
    return recordings::spool_path(directory_.path() / "spool", org, CallId{call});
  }
  static void file(const fs::path& path) {
    fs::create_directories(path.parent_path());
    std::ofstream{path} << "audio";
  }

  // A call of a caller, with everything that a call can leave behind.
  void call(const OrgId& org, const std::string& id, State state, const std::string& who,
            const std::string& from, bool ended = true) {
    domain::Call call;
    call.id = CallId{id};
    call.org = org;
    call.assistant = test::reception;
    call.customer = {from, who};
    call.created_at = test::noon;
    const store::CallKey key{org, call.id};
    store::Upload upload;
    upload.id = UploadId{"upl_" + org.str() + id};
    upload.org = org;
    upload.call = call.id;
    upload.node = "node-1";
    upload.source = "x";
    upload.object_key = recordings::recording_key(org, call.id);
    upload.content_type = "audio/ogg";
    upload.created_at = upload.next_attempt_at = test::noon;
    const auto done = store_.write([&](store::Batch& batch) {
      store::insert_call(batch, call, test::this_boot);
      domain::Turn turn;
      turn.id = TurnId{"turn_" + org.str() + id};
      turn.speaker = domain::Speaker::caller;
      turn.text = "My name is " + who;
      store::put_turn(batch, key, turn);
      store::log_event(batch, key, test::noon, "call.started");
      domain::Message message;
      message.id = MessageId{"msg_" + org.str() + id};
      message.org = org;
      message.call = call.id;
      message.caller_name = who;
      message.number = from;
      message.urgency = "normal";
      message.text = who + " asks to be called";
      message.created_at = test::noon;
      store::insert_message(batch, message);
      if (!ended) return;
      store::end_call(batch, key,
                      {.status = domain::CallStatus::ended,
                       .reason = std::string{domain::ended::customer},
                       .fault = domain::FaultParty::nobody,
                       .detail = {}},
                      test::noon);
      store::summarize_call(batch, key, {.summary = who + " called"});
      if (state == State::none) return;
      store::enqueue_upload(batch, upload);
      if (state == State::queued) return;
      store::claim_upload(batch, upload, "boot", test::noon + hours{1});
      if (state == State::stored) store::finish_upload(batch, upload);
      if (state == State::failed) store::fail_upload(batch, upload, "spool_corrupt", test::noon);
    });
    ASSERT_TRUE(done) << done.error().message;
    if (state != State::none) file(state == State::stored ? object(org, id) : spool(org, id));
  }
  void contact(const OrgId& org, const std::string& id, const std::string& who, const std::string& from) {
    static constexpr store::Statement insert{"test.contact",
                                             "INSERT INTO contacts (id, org_id, name, number, created_at, "
                                             "updated_at) VALUES (?1, ?2, ?3, ?4, 0, 0)"};
    store::Batch batch;
    batch.add(insert, {id, org.str(), who, from});
    ASSERT_TRUE(store_.run(store_.sqlite().write(std::move(batch))));
  }

  // What a create with an Idempotency-Key was answered.
  void answer(const OrgId& org, const std::string& key, const std::string& body) {
    const store::IdempotencyClaim claim{org, key, "f", "h"};
    ASSERT_TRUE(store_.run(store::claim(*store_, claim, test::noon, 24h, 60s)));
    ASSERT_TRUE(store_.write([&](store::Batch& batch) { store::settle(batch, claim, 200, body); }));
  }

  // A question of the call, and the document that its answer became.
  DocumentId answered(const OrgId& org, const std::string& call, const std::string& question,
                      std::string answer) {
    const auto gap = knowledge::gap_of(org, CallId{call}, question, test::noon);
    EXPECT_TRUE(store_.write([&](store::Batch& batch) { store::open_gap(batch, *gap); }));
    const auto document =
        store_.run(knowledge::answer_gap(*store_, org, gap->id, std::move(answer), test::noon));
    EXPECT_TRUE(document);
    return document ? document->id : DocumentId{};
  }
  std::vector<std::string> knows(const OrgId& org, const std::string& word) {
    std::vector<std::string> out;
    for (const auto& match : store_.run(store::search_words(*store_, org, {word}, 10)).value())
      out.push_back(match.title + ": " + match.chunk.heading + "/" + match.chunk.text.substr(0, 40));
    return out;
  }

  std::int64_t count(const std::string& sql) {
    sqlite3* db = nullptr;
    sqlite3_stmt* statement = nullptr;
    EXPECT_EQ(sqlite3_open(store_.path().c_str(), &db), SQLITE_OK);
    EXPECT_EQ(sqlite3_prepare_v2(db, sql.c_str(), -1, &statement, nullptr), SQLITE_OK) << sql;
    EXPECT_EQ(sqlite3_step(statement), SQLITE_ROW);
    const auto found = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return found;
  }
  // FTS5 compares each index with its entries.
  void check_search() {
    static constexpr store::Statement check{
        "test.check", "INSERT INTO calls_search (calls_search, rank) VALUES ('integrity-check', 1)"};
    static constexpr store::Statement check_words{
        "test.check_words", "INSERT INTO calls_words (calls_words) VALUES ('integrity-check')"};
    static constexpr store::Statement check_knowledge{
        "test.check_knowledge",
        "INSERT INTO knowledge_base_chunks_fts (knowledge_base_chunks_fts, rank) VALUES ('integrity-check', "
        "1)"};
    store::Batch batch;
    batch.add(check, {}).add(check_words, {}).add(check_knowledge, {});
    const auto done = store_.run(store_.sqlite().write(std::move(batch)));
    EXPECT_TRUE(done) << done.error().message;
  }
  std::int64_t search_matches(const std::string& text) {
    return count("SELECT (SELECT count(*) FROM calls_search WHERE calls_search MATCH '" + text +
                 "') + (SELECT count(*) FROM calls_words WHERE calls_words MATCH '" + text + "')");
  }
  // Whether the file still holds these bytes anywhere, free pages included.
  bool holds(const std::string& bytes) {
    store_.restart();  // checkpoints
    std::ifstream in{store_.path(), std::ios::binary};
    std::ostringstream all;
    all << in.rdbuf();
    return all.str().find(bytes) != std::string::npos;
  }

  test::TempDir directory_;
  async::SystemClock clock_;
  async::WorkerPool workers_{"workers", 1};
  recordings::FileStore files_{{directory_ / "objects", directory_ / "known"}, workers_};
  test::TempStore store_;
};

struct Parts {
  explicit Parts(store::Store& store, recordings::ObjectStore& files, async::WorkerPool& workers,
                 async::Clock& clock, const fs::path& spool, int calls_at_a_time = 50)
      : database(store, fuse),
        objects(files, fuse),
        eraser(database, objects, workers, clock,
               {.spool = spool,
                .forget = [this](const OrgId& org,
                                 const CallId& call) { forgotten.push_back(org.str() + "/" + call.str()); },
                .knowledge_changed = [this](const OrgId& org) { changed.push_back(org.str()); },
                .calls_at_a_time = calls_at_a_time}) {}
  test::Fuse fuse;
  test::FusedStore database;
  test::FusedObjects objects;
  std::vector<std::string> forgotten, changed;
  Eraser eraser;
};

}  // namespace voxanne::housekeeping
