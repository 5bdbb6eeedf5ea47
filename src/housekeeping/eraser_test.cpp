// Nothing of what was erased is left: not in rows, files or objects, and not in the bytes of the database.
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
namespace {

namespace fs = std::filesystem;
using std::chrono::hours;
using test::harbour;
using test::rival;

constexpr const char* name = "Zaphod Beeblebrox";
constexpr const char* number = "+447700900042";

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
  recordings::FileStore files_{directory_.path() / "objects", workers_};
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

TEST_F(EraserTest, a_call_goes_with_all_it_left_and_no_other) {
  for (const State state : {State::none, State::stored, State::queued, State::failed}) {
    const std::string id = "call_" + std::string{domain::to_string(state)};
    call(harbour, id, state, name, number);
    call(rival, id, state, "Ford Prefect", "+447700900043");
    Parts parts{*store_, files_, workers_, clock_, directory_.path() / "spool"};
    const auto receipt = store_.run(parts.eraser.erase_call(harbour, CallId{id}, "usr_1"));
    ASSERT_TRUE(receipt) << receipt.error().message;
    EXPECT_TRUE(receipt->erasure.finished_at);
    EXPECT_TRUE(receipt->files_removed && receipt->search_merged);
    EXPECT_EQ(parts.forgotten, std::vector{"harbour/" + id});
    const auto removed = boost::json::parse(receipt->erasure.removed);
    EXPECT_EQ(removed.at("calls"), 1);
    EXPECT_EQ(removed.at("turns"), 1);
    EXPECT_EQ(removed.at("logLines"), 1);
    EXPECT_EQ(removed.at("messages"), 1);
    EXPECT_EQ(removed.at("recordings"), state == State::none ? 0 : 1);
    EXPECT_FALSE(fs::exists(object(harbour, id)) || fs::exists(spool(harbour, id)));
    EXPECT_EQ(fs::exists(object(rival, id)) || fs::exists(spool(rival, id)), state != State::none);
    EXPECT_EQ(store_.run(parts.eraser.erase_call(harbour, CallId{id}, "usr_1")).error().code,
              "call_not_found");
  }
  EXPECT_EQ(count("SELECT count(*) FROM calls WHERE org_id = 'harbour'"), 0);
  EXPECT_EQ(count("SELECT count(*) FROM calls WHERE org_id = 'rival'"), 4);
  for (const char* table : {"call_transcripts", "call_logs", "messages"})
    EXPECT_EQ(count(std::string{"SELECT count(*) FROM "} + table), 4) << table;
  EXPECT_EQ(count("SELECT count(*) FROM recording_upload_queue"), 2);
  EXPECT_EQ(count("SELECT count(*) FROM erasure_files"), 0);
  // Whole, as trigrams of the index, and in what was freed.
  for (const char* trace : {"Zaphod", "Beeblebrox", "zap", "beeblebrox", "447700900042"})
    EXPECT_FALSE(holds(trace)) << trace;
  EXPECT_TRUE(holds("Ford Prefect"));
}

TEST_F(EraserTest, a_caller_goes_with_every_call_of_the_number) {
  contact(harbour, "cont_1", name, number);
  contact(harbour, "cont_2", "Ford Prefect", "+447700900043");
  contact(rival, "cont_1", name, number);
  for (int i = 0; i < 120; ++i) call(harbour, "call_" + std::to_string(i), State::stored, name, number);
  call(harbour, "call_ford", State::stored, "Ford Prefect", "+447700900043");
  call(rival, "call_0", State::stored, name, number);
  Parts parts{*store_, files_, workers_, clock_, directory_.path() / "spool"};
  const auto receipt = store_.run(parts.eraser.erase_contact(harbour, ContactId{"cont_1"}, "usr_1"));
  ASSERT_TRUE(receipt) << receipt.error().message;
  EXPECT_EQ(boost::json::parse(receipt->erasure.removed).at("calls"), 120);
  EXPECT_EQ(parts.forgotten.size(), 120u);
  EXPECT_EQ(boost::json::parse(receipt->erasure.removed).at("contacts"), 1);
  EXPECT_EQ(count("SELECT count(*) FROM calls WHERE org_id = 'harbour'"), 1);
  EXPECT_EQ(count("SELECT count(*) FROM contacts WHERE org_id = 'harbour'"), 1);
  EXPECT_EQ(count("SELECT count(*) FROM contacts WHERE org_id = 'rival'"), 1);
  EXPECT_FALSE(fs::exists(object(harbour, "call_0")));
  EXPECT_TRUE(fs::exists(object(harbour, "call_ford")));
  EXPECT_TRUE(fs::exists(object(rival, "call_0")));
  EXPECT_EQ(count("SELECT sum(calls) FROM call_counters WHERE org_id = 'harbour'"), 1);
  EXPECT_EQ(store_.run(parts.eraser.erase_contact(harbour, ContactId{"cont_1"}, "u")).error().code,
            "contact_not_found");
}

TEST_F(EraserTest, kept_answers_go_with_what_they_are_about) {
  contact(harbour, "cont_1", name, number);
  call(harbour, "call_1", State::none, name, number);
  call(harbour, "call_2", State::none, "Ford Prefect", "+447700900043");
  static constexpr store::Statement insert{
      "test.appointment",
      "INSERT INTO appointments (id, org_id, contact_id, staff, service, starts_at, ends_at, status, "
      "created_at, "
      "updated_at) VALUES ('appt_1', 'harbour', 'cont_1', '', '', 1, 2, 'booked', 0, 0)"};
  store::Batch batch;
  batch.add(insert, {});
  ASSERT_TRUE(store_.run(store_.sqlite().write(std::move(batch))));
  const std::string about = R"(,"name":"Zaphod"})";
  for (const OrgId& org : {harbour, rival}) {
    answer(org, "call", R"({"id":"call_1")" + about);
    answer(org, "of the call", R"({"id":"gap_1","callId":"call_1")" + about);
    answer(org, "contact", R"({"id":"cont_1")" + about);
    answer(org, "appointment", R"({"id":"appt_1","callId":null,"contactId":"cont_1")" + about);
    answer(org, "another", R"({"id":"call_2","metadata":{"id":"call_1"}})");
    answer(org, "nothing", "");
  }
  Parts parts{*store_, files_, workers_, clock_, directory_.path() / "spool"};
  ASSERT_TRUE(store_.run(parts.eraser.erase_contact(harbour, ContactId{"cont_1"}, "u")));
  EXPECT_EQ(count("SELECT count(*) FROM idempotency_keys WHERE org_id = 'harbour'"), 2);
  EXPECT_EQ(count("SELECT count(*) FROM idempotency_keys WHERE org_id = 'rival'"), 6);
}

TEST_F(EraserTest, what_is_told_outward_of_a_caller_goes_told_or_not) {
  static constexpr const char* ford = "+447700900043";
  const auto told = [&](const OrgId& org, std::string type, const std::string& id, const std::string& call,
                        const std::string& contact = "") {
    return store_.write([&](store::Batch& batch) {
      store::announce(batch, {.org = org,
                              .type = type,
                              .data = R"({"id":")" + id + R"(","notes":"of )" + id + R"(","contactId":")" +
                                      contact + "\"}",
                              .at = test::noon,
                              .call = CallId{call}});
    });
  };
  for (const OrgId& org : {harbour, rival}) {
    contact(org, "zaphod", name, number);
    contact(org, "ford", "Ford Prefect", ford);
    call(org, "call_1", State::none, "Ford Prefect", ford);
    store::Webhook webhook;
    webhook.org = org;
    webhook.id = WebhookId{"wh_1"};
    webhook.events = "appointment.created,appointment.cancelled,message.taken,call.ended";
    webhook.created_at = test::noon;
    static constexpr store::Statement book{
        "test.book",
        "INSERT INTO appointments (id, org_id, contact_id, call_id, staff, service, starts_at, ends_at, "
        "status, "
        "created_at, updated_at) VALUES (?2, ?1, ?3, ?4, '', '', 1, 2, 'booked', 0, 0)"};
    store::Batch batch;
    store::insert_webhook(batch, webhook);
    batch.add(book, {org.str(), "appt_zaphod", "zaphod", ""});
    batch.add(book, {org.str(), "appt_by_phone", "zaphod", "call_1"});
    batch.add(book, {org.str(), "appt_ford", "ford", ""});
    // Ford asks for somebody to be called, and then for himself.
    for (const auto& [id, whose] : {std::pair{"msg_zaphod", number}, std::pair{"msg_ford", ford}}) {
      domain::Message message;
      message.id = MessageId{org.str() + id};
      message.org = org;
      message.call = CallId{"call_1"};
      message.number = whose;
      message.urgency = "normal";
      message.text = "Please call";
      message.created_at = test::noon;
      store::insert_message(batch, message);
      store::Mail mail;
      mail.id = MailId{"mail_" + message.id.str()};
      mail.org = org;
      mail.recipient = "desk@example.com";
      mail.call = message.call;
      mail.message = message.id;
      store::enqueue_mail(batch, mail);
    }
    ASSERT_TRUE(store_.run(store_.sqlite().write(std::move(batch))));
    ASSERT_TRUE(told(org, "appointment.created", "appt_zaphod", ""));
    ASSERT_TRUE(told(org, "appointment.created", "appt_by_phone", "call_1"));
    ASSERT_TRUE(told(org, "message.taken", org.str() + "msg_zaphod", "call_1"));
    static constexpr store::Statement deliver{"test.deliver",
                                              "UPDATE webhook_deliveries SET status = 'delivered', "
                                              "finished_at = 1 WHERE org_id = ?1 AND webhook_id = "
                                              "'wh_1'"};
    store::Batch done;
    done.add(deliver, {org.str()}, 3);
    ASSERT_TRUE(store_.run(store_.sqlite().write(std::move(done))));
    ASSERT_TRUE(told(org, "appointment.cancelled", "appt_zaphod", ""));
    ASSERT_TRUE(told(org, "appointment.cancelled", "appt_moved", "", "zaphod"));
    ASSERT_TRUE(told(org, "appointment.created", "appt_ford", "", "ford"));
    ASSERT_TRUE(told(org, "message.taken", org.str() + "msg_ford", "call_1"));
    ASSERT_TRUE(told(org, "call.ended", "call_1", "call_1"));
  }
  Parts parts{*store_, files_, workers_, clock_, directory_.path() / "spool"};
  ASSERT_TRUE(store_.run(parts.eraser.erase_contact(harbour, ContactId{"zaphod"}, "u")));
  const std::string of_harbour = " WHERE org_id = 'harbour' ";
  EXPECT_EQ(count("SELECT count(*) FROM webhook_deliveries" + of_harbour), 3);
  EXPECT_EQ(count("SELECT count(*) FROM webhook_deliveries" + of_harbour + "AND payload LIKE '%zaphod%'"), 0);
  EXPECT_EQ(count("SELECT count(*) FROM webhook_deliveries" + of_harbour + "AND payload LIKE '%phone%'"), 0);
  EXPECT_EQ(count("SELECT count(*) FROM mails" + of_harbour), 1);
  EXPECT_EQ(count("SELECT count(*) FROM mails" + of_harbour + "AND message_id LIKE '%zaphod'"), 0);
  EXPECT_EQ(count("SELECT count(*) FROM webhook_deliveries WHERE org_id = 'rival'"), 8);
  EXPECT_EQ(count("SELECT count(*) FROM mails WHERE org_id = 'rival'"), 2);
}

// Each word once, so that the index of words takes several steps to rewrite.
std::string many_words(int which) {
  std::string out;
  for (int i = 0; i < 6'000; ++i)
    out += "w" + std::to_string(which * 6'000 + i) + "x" + std::to_string(i % 97) + " ";
  return out;
}

TEST_F(EraserTest, calls_that_end_meanwhile_neither_hold_it_up_nor_are_lost) {
  for (int i = 0; i < 20; ++i)
    call(harbour, "call_" + std::to_string(i), State::none, many_words(i), "+44770090001");
  call(harbour, "call_zaphod", State::none, name, number);
  Parts parts{*store_, files_, workers_, clock_, directory_.path() / "spool"};
  int ended = 0;
  parts.database.before_write = [&]() -> async::Task<> {
    domain::Call other;
    other.id = CallId{"meanwhile_" + std::to_string(++ended)};
    other.org = harbour;
    other.assistant = test::reception;
    other.customer = {"+447700900043", "Ford Prefect"};
    other.created_at = test::noon;
    store::Batch batch;
    store::insert_call(batch, other, test::this_boot);
    domain::Turn turn;
    turn.id = TurnId{"turn_" + other.id.str()};
    turn.speaker = domain::Speaker::caller;
    turn.text = "A towel, please";
    store::put_turn(batch, {harbour, other.id}, turn);
    store::end_call(batch, {harbour, other.id},
                    {.status = domain::CallStatus::ended,
                     .reason = std::string{domain::ended::customer},
                     .fault = domain::FaultParty::nobody,
                     .detail = {}},
                    test::noon);
    EXPECT_TRUE(co_await store_->write(std::move(batch)));
  };
  const auto receipt = store_.run(parts.eraser.erase_call(harbour, CallId{"call_zaphod"}, "u"));
  ASSERT_TRUE(receipt) << receipt.error().message;
  EXPECT_TRUE(receipt->erasure.finished_at);
  EXPECT_GT(ended, 4) << "several steps";
  EXPECT_EQ(search_matches("Prefect"), ended);
  EXPECT_EQ(search_matches("towel"), ended);
  EXPECT_EQ(search_matches("w12001x1"), 2) << "what is rewritten is found";
  check_search();
  for (const char* trace : {"Zaphod", "Beeblebrox", "zap", "beeblebrox"}) EXPECT_FALSE(holds(trace)) << trace;
}

TEST_F(EraserTest, an_answer_stays_known_without_the_question_of_the_caller) {
  for (const char* id : {"call_1", "call_2", "call_4"}) call(harbour, id, State::none, name, number);
  call(harbour, "call_3", State::none, "Ford Prefect", "+447700900043");
  call(rival, "call_1", State::none, name, number);
  const std::string question = "Can Zaphod Beeblebrox bring both heads?";
  const auto heads = answered(harbour, "call_1", question, "Each cranium is welcome.");
  const auto parking = answered(harbour, "call_2", "Can Beeblebrox park there?", "There are bays.");
  const auto towels = answered(harbour, "call_3", "Do you sell towels?", "Linen is sold.");
  answered(rival, "call_1", question, "Each cranium is welcome.");
  // Asked again, since the answer did not help; and a title that a manager chose.
  ASSERT_TRUE(store_.write([&](store::Batch& batch) {
    store::open_gap(batch, *knowledge::gap_of(harbour, CallId{"call_4"}, question, test::noon));
    store::rename_document(batch, harbour, parking, "Parking", test::noon);
  }));
  // Embedded; and being embedded just now.
  store::WaitingDocument embedded{harbour, heads}, embedding{harbour, parking};
  const auto vector_of = [&](store::Batch& batch, const store::WaitingDocument& document) {
    const auto chunks = store_.run(store::chunks_of_document(*store_, harbour, document.id)).value();
    store::put_vector(batch, harbour, chunks.at(0).id, "model", "1234");
    store::count_embedded(batch, document, 1);
  };
  ASSERT_TRUE(store_.write([&](store::Batch& batch) {
    store::claim_document(batch, embedded, test::noon + 1h);
    vector_of(batch, embedded);
    store::claim_document(batch, embedding, test::noon + 1h);
  }));
  ASSERT_TRUE(store_.write([&](store::Batch& batch) {
    store::change_dimensions(batch, "model", 1, test::noon);
    store::finish_document(batch, embedded, "model");
  }));
  answer(harbour, "answer", R"({"id":")" + heads.str() + R"(","title":"Zaphod Beeblebrox"})");
  const auto version = [&] { return store_.run(store::knowledge_version(*store_, harbour)).value(); };
  const auto before = version();
  ASSERT_EQ(knows(harbour, "beeblebrox").size(), 2u);

  Parts parts{*store_, files_, workers_, clock_, directory_.path() / "spool"};
  for (const char* id : {"call_1", "call_2", "call_4"}) {
    const auto receipt = store_.run(parts.eraser.erase_call(harbour, CallId{id}, "u"));
    ASSERT_TRUE(receipt && receipt->erasure.finished_at) << id;
  }
  EXPECT_EQ(parts.changed, (std::vector<std::string>{"harbour", "harbour"})) << "call_4 has no answer";
  EXPECT_EQ(version(), before + 2);
  EXPECT_THAT(knows(harbour, "beeblebrox"), testing::IsEmpty());
  EXPECT_THAT(knows(harbour, "cranium"),
              testing::ElementsAre("Answered question: /Each cranium is welcome."));
  EXPECT_THAT(knows(harbour, "bays"), testing::ElementsAre("Parking: /There are bays."));
  EXPECT_THAT(knows(harbour, "towels"),
              testing::ElementsAre("Do you sell towels?: Do you sell towels?/Linen is sold."));
  EXPECT_EQ(knows(rival, "beeblebrox").size(), 1u);
  const auto document = store_.run(store::find_document(*store_, harbour, heads)).value().value();
  EXPECT_TRUE(document.embedding_due_at && document.embedding_model.empty());
  EXPECT_EQ(document.embedded_chunks, 0);
  EXPECT_EQ(count("SELECT count(*) FROM knowledge_base_vectors"), 0);
  EXPECT_EQ(count("SELECT count(*) FROM idempotency_keys"), 0);
  EXPECT_EQ(count("SELECT count(*) FROM knowledge_gaps WHERE org_id = 'harbour'"), 1);
  const auto late = store_.write([&](store::Batch& batch) { vector_of(batch, embedding); });
  ASSERT_FALSE(late) << "a vector of the question";
  EXPECT_EQ(late.error().kind, Fault::conflict);
  check_search();

  ASSERT_TRUE(store_.run(parts.eraser.erase_call(rival, CallId{"call_1"}, "u")));
  for (const char* trace : {"Zaphod", "Beeblebrox", "zaphod", "beeblebrox"})
    EXPECT_FALSE(holds(trace)) << trace;
  EXPECT_TRUE(holds("towels"));
}

TEST_F(EraserTest, retention_takes_a_call_and_leaves_what_was_learnt_from_it) {
  call(harbour, "call_1", State::none, name, number);
  answered(harbour, "call_1", "Do you sell towels?", "Linen is sold.");
  ASSERT_TRUE(store_.write([&](store::Batch& batch) {
    store::erase_call_records(batch, {harbour, CallId{"call_1"}}, store::Keep::open_messages);
  }));
  EXPECT_EQ(count("SELECT count(*) FROM knowledge_gaps"), 0);
  EXPECT_EQ(knows(harbour, "towels").size(), 1u);
  EXPECT_EQ(count("SELECT knowledge_due FROM search_rounds"), 0);
}

TEST_F(EraserTest, knowledge_that_comes_meanwhile_neither_holds_it_up_nor_is_lost) {
  const auto learn = [](store::Batch& batch, const std::string& id, std::string text) {
    domain::Document document;
    document.id = DocumentId{id};
    document.org = harbour;
    document.title = id;
    document.created_at = document.updated_at = test::noon;
    store::put_document(
        batch, document,
        {{.id = ChunkId{"chunk_" + id}, .document = document.id, .heading = {}, .text = std::move(text)}});
  };
  for (int i = 0; i < 40; ++i)
    ASSERT_TRUE(
        store_.write([&](store::Batch& batch) { learn(batch, "doc_" + std::to_string(i), many_words(i)); }));
  call(harbour, "call_1", State::none, name, number);
  answered(harbour, "call_1", "Can Zaphod Beeblebrox bring both heads?", "Each cranium is welcome.");
  Parts parts{*store_, files_, workers_, clock_, directory_.path() / "spool"};
  int learnt = 0;
  parts.database.before_write = [&]() -> async::Task<> {
    store::Batch batch;
    learn(batch, "later_" + std::to_string(learnt++), "A towel, please");
    EXPECT_TRUE(co_await store_->write(std::move(batch)));
  };
  const auto receipt = store_.run(parts.eraser.erase_call(harbour, CallId{"call_1"}, "u"));
  ASSERT_TRUE(receipt) << receipt.error().message;
  EXPECT_TRUE(receipt->erasure.finished_at);
  EXPECT_GT(learnt, 4) << "several steps";
  EXPECT_EQ(count("SELECT knowledge_due + knowledge_taken FROM search_rounds"), 0);
  EXPECT_EQ(store_.run(store::search_words(*store_, harbour, {"towel"}, 100)).value().size(),
            std::size_t(learnt));
  EXPECT_EQ(knows(harbour, "w12001x1").size(), 1u) << "what is rewritten is found";
  check_search();
  for (const char* trace : {"Zaphod", "beeblebrox"}) EXPECT_FALSE(holds(trace)) << trace;
}

// FTS5 takes an index of more than 2,000 levels for corrupt, and no call could end any more.
TEST_F(EraserTest, thousands_of_erasures_leave_the_search_index_as_it_was) {
  const auto end = [](store::Batch& batch, const OrgId& org, const std::string& id, const std::string& who) {
    domain::Call call;
    call.id = CallId{id};
    call.org = org;
    call.assistant = test::reception;
    call.customer = {number, who};
    call.created_at = test::noon;
    store::insert_call(batch, call, test::this_boot);
    domain::Turn turn;
    turn.id = TurnId{"turn_" + id};
    turn.speaker = domain::Speaker::caller;
    turn.text = "My name is " + who;
    store::put_turn(batch, {org, call.id}, turn);
    store::end_call(batch, {org, call.id},
                    {.status = domain::CallStatus::ended,
                     .reason = std::string{domain::ended::customer},
                     .fault = domain::FaultParty::nobody,
                     .detail = {}},
                    test::noon);
  };
  for (int group = 0; group < 30; ++group) {
    const auto done = store_.write([&](store::Batch& batch) {
      for (int i = group * 100; i < (group + 1) * 100; ++i) {
        const std::string id = "call_" + std::to_string(i);
        end(batch, harbour, id, name);
        if (i % 10 == 0) end(batch, rival, "kept_" + std::to_string(i), "Ford Prefect");
        store::erase_call_records(batch, {harbour, CallId{id}}, store::Keep::nothing);
        store::begin_search_round(batch);
      }
    });
    ASSERT_TRUE(done) << group << done.error().message;
    ASSERT_EQ(count("SELECT done FROM search_rounds"), (group + 1) * 100);
    for (const char* trace : {"Zaphod", "beeblebrox"}) ASSERT_FALSE(holds(trace)) << group;
  }
  for (const char* index : {"calls_search", "calls_words"})
    EXPECT_LT(count(std::string{"SELECT length(block) FROM "} + index + "_data WHERE id = 10"), 200) << index;
  EXPECT_EQ(search_matches("Prefect"), 600);
  check_search();
}

TEST_F(EraserTest, what_two_hands_erase_is_counted_once) {
  contact(harbour, "cont_1", name, number);
  for (int i = 0; i < 7; ++i) call(harbour, "call_" + std::to_string(i), State::stored, name, number);
  Parts parts{*store_, files_, workers_, clock_, directory_.path() / "spool", 2};
  Parts server{*store_, files_, workers_, clock_, directory_.path() / "spool", 3};
  // As it does every minute, here before each batch of an erasure that still runs.
  std::int64_t finished = 0;
  parts.database.before_write = [&]() -> async::Task<> {
    const auto done = co_await server.eraser.resume();
    EXPECT_TRUE(done);
    finished += done ? *done : 0;
  };
  const auto receipt = store_.run(parts.eraser.erase_contact(harbour, ContactId{"cont_1"}, "u"));
  ASSERT_TRUE(receipt) << receipt.error().message;
  EXPECT_EQ(finished, 1);
  EXPECT_TRUE(receipt->erasure.finished_at);
  for (const char* counted : {"calls", "turns", "logLines", "messages", "recordings"})
    EXPECT_EQ(boost::json::parse(receipt->erasure.removed).at(counted), 7) << counted;
  EXPECT_EQ(boost::json::parse(receipt->erasure.removed).at("contacts"), 1);
  EXPECT_EQ(count("SELECT count(*) FROM erasures WHERE finished_at IS NOT NULL"), 1);
  for (const char* trace : {"Zaphod", "beeblebrox", "447700900042"}) EXPECT_FALSE(holds(trace)) << trace;
}

// At each of their writes in turn one lets the other go to its end.
TEST_F(EraserTest, of_two_erasures_of_a_contact_each_has_what_it_erased) {
  int shared = 0;
  for (int step = 1;; ++step) {
    SCOPED_TRACE("the other comes before write " + std::to_string(step));
    contact(harbour, "cont_1", name, number);
    for (int i = 0; i < 5; ++i)
      call(harbour, std::to_string(step) + "_" + std::to_string(i), State::stored, name, number);
    Parts first{*store_, files_, workers_, clock_, directory_.path() / "spool", 2};
    Parts second{*store_, files_, workers_, clock_, directory_.path() / "spool", 2};
    int writes = 0;
    std::vector<Result<Receipt>> answers;
    second.database.before_write = [&]() -> async::Task<> {
      if (++writes == step)
        answers.push_back(co_await first.eraser.erase_contact(harbour, ContactId{"cont_1"}, "first"));
    };
    const auto began = clock_.now();
    answers.push_back(store_.run(second.eraser.erase_contact(harbour, ContactId{"cont_1"}, "second")));
    EXPECT_LT(clock_.now() - began, seconds{10}) << "nobody waits for what is gone";
    std::int64_t calls = 0, contacts = 0;
    for (const auto& answer : answers) {
      if (!answer) {
        EXPECT_EQ(answer.error().code, "contact_not_found");
        continue;
      }
      EXPECT_TRUE(answer->erasure.finished_at);
      const auto removed = boost::json::parse(answer->erasure.removed);
      calls += removed.at("calls").as_int64();
      contacts += removed.at("contacts").as_int64();
    }
    EXPECT_EQ(calls, 5);
    EXPECT_EQ(contacts, 1);
    EXPECT_EQ(count("SELECT count(*) FROM calls"), 0);
    EXPECT_EQ(count("SELECT count(*) FROM contacts"), 0);
    EXPECT_EQ(count("SELECT count(*) FROM erasures WHERE finished_at IS NULL"), 0);
    if (answers.size() < 2 || HasFailure()) break;
    shared += answers.front() && answers.back();
  }
  EXPECT_GE(shared, 2);
}

// Another's erasure of the same is done just before the first write of this one.
TEST_F(EraserTest, of_two_erasures_of_a_call_one_has_it_and_the_other_finds_nothing) {
  call(harbour, "call_1", State::stored, name, number);
  Parts first{*store_, files_, workers_, clock_, directory_.path() / "spool"};
  Parts second{*store_, files_, workers_, clock_, directory_.path() / "spool"};
  bool begun = false;
  int tried = 0;
  second.database.before_write = [&]() -> async::Task<> {
    ++tried;
    if (std::exchange(begun, true)) co_return;
    EXPECT_TRUE(co_await first.eraser.erase_call(harbour, CallId{"call_1"}, "u"));
  };
  const auto late = store_.run(second.eraser.erase_call(harbour, CallId{"call_1"}, "u"));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, "call_not_found");
  EXPECT_EQ(tried, 1);
  EXPECT_EQ(count("SELECT count(*) FROM erasures WHERE finished_at IS NOT NULL"), 1);
}

TEST_F(EraserTest, what_runs_or_is_being_stored_is_refused_and_stays) {
  call(harbour, "running", State::none, name, number, false);
  Parts parts{*store_, files_, workers_, clock_, directory_.path() / "spool"};
  EXPECT_EQ(store_.run(parts.eraser.erase_call(harbour, CallId{"running"}, "u")).error().code,
            "call_in_progress");
  EXPECT_EQ(store_.run(parts.eraser.erase_call(rival, CallId{"running"}, "u")).error().code,
            "call_not_found");
  EXPECT_EQ(count("SELECT count(*) FROM calls"), 1);
  EXPECT_EQ(count("SELECT count(*) FROM erasures"), 0);
  EXPECT_TRUE(parts.forgotten.empty());
}

TEST_F(EraserTest, a_call_that_runs_holds_up_the_rest_of_a_caller_and_the_receipt_says_so) {
  contact(harbour, "cont_1", name, number);
  for (int i = 0; i < 3; ++i) call(harbour, "call_" + std::to_string(i), State::stored, name, number);
  call(harbour, "running", State::none, name, number, false);
  call(harbour, "ford", State::stored, "Ford Prefect", "+447700900043");
  Parts parts{*store_, files_, workers_, clock_, directory_.path() / "spool", 2};
  const auto receipt = store_.run(parts.eraser.erase_contact(harbour, ContactId{"cont_1"}, "u"));
  ASSERT_TRUE(receipt) << receipt.error().message;
  EXPECT_FALSE(receipt->erasure.finished_at);
  EXPECT_FALSE(receipt->rows_removed);
  EXPECT_TRUE(receipt->files_removed) << "of what is gone";
  EXPECT_EQ(boost::json::parse(receipt->erasure.removed).at("calls"), 2);
  EXPECT_EQ(boost::json::parse(receipt->erasure.removed).at("contacts"), 0);
  // Others that were begun after it are not held up.
  parts.objects.away = true;
  EXPECT_FALSE(store_.run(parts.eraser.erase_call(harbour, CallId{"ford"}, "u"))->erasure.finished_at);
  parts.objects.away = false;
  EXPECT_EQ(store_.run(parts.eraser.resume()).value(), 1);
  EXPECT_EQ(count("SELECT count(*) FROM contacts"), 1);
  ASSERT_TRUE(store_.write([&](store::Batch& batch) {
    store::end_call(batch, {harbour, CallId{"running"}},
                    {.status = domain::CallStatus::ended,
                     .reason = std::string{domain::ended::customer},
                     .fault = domain::FaultParty::nobody,
                     .detail = {}},
                    test::noon);
  }));
  EXPECT_EQ(store_.run(parts.eraser.resume()).value(), 1);
  EXPECT_EQ(count("SELECT count(*) FROM calls"), 0);
  EXPECT_EQ(count("SELECT count(*) FROM contacts"), 0);
  EXPECT_EQ(count("SELECT json_extract(removed, '$.calls') FROM erasures WHERE subject = 'contact'"), 4);
  EXPECT_EQ(count("SELECT count(*) FROM erasures WHERE contact_id <> '' OR number <> ''"), 0);
  for (const char* trace : {"Zaphod", "beeblebrox", "447700900042"}) EXPECT_FALSE(holds(trace)) << trace;
}

TEST_F(EraserTest, a_contact_that_is_deleted_meanwhile_is_erased_by_its_number) {
  contact(harbour, "cont_1", name, number);
  for (int i = 0; i < 4; ++i) call(harbour, "call_" + std::to_string(i), State::stored, name, number);
  Parts parts{*store_, files_, workers_, clock_, directory_.path() / "spool", 2};
  int writes = 0;
  parts.database.before_write = [&]() -> async::Task<> {
    store::Batch batch;
    store::remove_contact(batch, harbour, ContactId{"cont_1"});
    if (++writes == 2) EXPECT_TRUE(co_await store_->write(std::move(batch)));
  };
  const auto receipt = store_.run(parts.eraser.erase_contact(harbour, ContactId{"cont_1"}, "u"));
  ASSERT_TRUE(receipt) << receipt.error().message;
  EXPECT_TRUE(receipt->erasure.finished_at);
  EXPECT_EQ(boost::json::parse(receipt->erasure.removed).at("calls"), 4);
  EXPECT_EQ(boost::json::parse(receipt->erasure.removed).at("contacts"), 0);
  EXPECT_FALSE(holds("Zaphod"));
}

TEST_F(EraserTest, while_the_store_is_away_the_receipt_says_so_and_the_rest_follows) {
  call(harbour, "call_1", State::stored, name, number);
  Parts parts{*store_, files_, workers_, clock_, directory_.path() / "spool"};
  parts.objects.away = true;
  const auto receipt = store_.run(parts.eraser.erase_call(harbour, CallId{"call_1"}, "u"));
  ASSERT_TRUE(receipt);
  EXPECT_FALSE(receipt->files_removed);
  EXPECT_FALSE(receipt->erasure.finished_at);
  EXPECT_EQ(count("SELECT count(*) FROM calls"), 0);
  EXPECT_EQ(store_.run(parts.eraser.resume()).value(), 0);
  parts.objects.away = false;
  EXPECT_EQ(store_.run(parts.eraser.resume()).value(), 1);
  EXPECT_FALSE(fs::exists(object(harbour, "call_1")));
  EXPECT_EQ(count("SELECT count(*) FROM erasures WHERE finished_at IS NULL"), 0);
}

TEST_F(EraserTest, once_the_rows_are_gone_a_database_that_is_away_leaves_the_rest_owed) {
  call(harbour, "call_1", State::stored, name, number);
  test::GateStore gate{*store_};
  gate.before_step = [&](std::string_view step) {
    if (step == "database answered") gate.mode = test::GateStore::Mode::shut;
  };
  Parts parts{gate, files_, workers_, clock_, directory_.path() / "spool"};
  const auto receipt = store_.run(parts.eraser.erase_call(harbour, CallId{"call_1"}, "u"));
  ASSERT_TRUE(receipt) << receipt.error().message;
  EXPECT_FALSE(receipt->erasure.finished_at);
  EXPECT_EQ(count("SELECT count(*) FROM calls"), 0);
  EXPECT_EQ(parts.forgotten.size(), 1u);
  gate.before_step = {};
  gate.mode = test::GateStore::Mode::open;
  EXPECT_EQ(store_.run(parts.eraser.resume()).value(), 1);
  EXPECT_FALSE(fs::exists(object(harbour, "call_1")));
}

TEST_F(EraserTest, dying_at_any_step_leaves_nothing_that_the_next_start_does_not_finish) {
  int died = 0;
  for (int step = 1;; ++step) {
    SCOPED_TRACE("dies at step " + std::to_string(step));
    const std::string id = "call_" + std::to_string(step);
    call(harbour, id, step % 2 == 0 ? State::stored : State::queued, name, number);
    call(harbour, "kept_" + std::to_string(step), State::stored, "Ford Prefect", "+447700900043");
    Parts parts{*store_, files_, workers_, clock_, directory_.path() / "spool"};
    parts.fuse.left = step;
    bool whole = true;
    try {
      static_cast<void>(store_.run(parts.eraser.erase_call(harbour, CallId{id}, "u")));
    } catch (const test::Killed&) {
      whole = false;
    }
    // Another process. Where the rows are there still, nothing had happened, and it is asked for again.
    Parts next{*store_, files_, workers_, clock_, directory_.path() / "spool"};
    ASSERT_TRUE(store_.run(next.eraser.resume()));
    static_cast<void>(store_.run(next.eraser.erase_call(harbour, CallId{id}, "u")));
    EXPECT_FALSE(fs::exists(object(harbour, id)) || fs::exists(spool(harbour, id)));
    EXPECT_EQ(count("SELECT count(*) FROM calls WHERE id = '" + id + "'"), 0);
    EXPECT_EQ(count("SELECT count(*) FROM erasures WHERE finished_at IS NULL"), 0);
    EXPECT_EQ(count("SELECT count(*) FROM erasure_files"), 0);
    EXPECT_TRUE(fs::exists(object(harbour, "kept_" + std::to_string(step))));
    if (whole || HasFailure()) break;
    ++died;
  }
  EXPECT_GE(died, 8);
  EXPECT_FALSE(holds("Zaphod"));
}

// Nobody asks again: what has begun is done by the next start alone, what has not is as it was.
TEST_F(EraserTest, dying_at_any_step_of_a_caller_s_erasure_the_next_start_does_the_rest) {
  constexpr int calls = 5;
  int died = 0, resumed = 0;
  call(harbour, "kept", State::stored, "Ford Prefect", "+447700900043");
  contact(harbour, "cont_ford", "Ford Prefect", "+447700900043");
  for (int step = 1;; ++step) {
    SCOPED_TRACE("dies at step " + std::to_string(step));
    const auto id = [&](int i) { return "call_" + std::to_string(step) + "_" + std::to_string(i); };
    contact(harbour, "cont_1", name, number);
    for (int i = 0; i < calls; ++i)
      call(harbour, id(i), i % 2 == 0 ? State::stored : State::queued, name, number);
    Parts parts{*store_, files_, workers_, clock_, directory_.path() / "spool", 2};
    parts.fuse.left = step;
    bool whole = true;
    try {
      static_cast<void>(store_.run(parts.eraser.erase_contact(harbour, ContactId{"cont_1"}, "u")));
    } catch (const test::Killed&) {
      whole = false;
    }
    const std::string ours = "SELECT count(*) FROM calls WHERE customer_name LIKE 'Zaphod%'";
    const auto left = count(ours);
    Parts next{*store_, files_, workers_, clock_, directory_.path() / "spool", 2};
    ASSERT_TRUE(store_.run(next.eraser.resume()));
    if (left < calls) {
      resumed += left > 0;
    } else {
      EXPECT_EQ(count(ours), calls);
      ASSERT_TRUE(store_.run(next.eraser.erase_contact(harbour, ContactId{"cont_1"}, "u")));
    }
    EXPECT_EQ(count(ours), 0);
    EXPECT_EQ(count("SELECT count(*) FROM contacts WHERE id = 'cont_1'"), 0);
    for (int i = 0; i < calls; ++i)
      EXPECT_FALSE(fs::exists(object(harbour, id(i))) || fs::exists(spool(harbour, id(i)))) << i;
    EXPECT_EQ(count("SELECT count(*) FROM erasures WHERE finished_at IS NULL"), 0);
    EXPECT_EQ(count("SELECT count(*) FROM erasures WHERE contact_id <> '' OR number <> ''"), 0);
    EXPECT_EQ(count("SELECT count(*) FROM erasure_files"), 0);
    // Each step's caller has one receipt, and it counts everything.
    EXPECT_EQ(count("SELECT count(*) FROM erasures"), step);
    EXPECT_EQ(count("SELECT min(json_extract(removed, '$.calls')) FROM erasures"), calls);
    EXPECT_EQ(count("SELECT min(json_extract(removed, '$.contacts')) FROM erasures"), 1);
    EXPECT_EQ(count("SELECT count(*) FROM calls WHERE id = 'kept'"), 1);
    EXPECT_EQ(count("SELECT count(*) FROM contacts"), 1);
    EXPECT_TRUE(fs::exists(object(harbour, "kept")));
    if (whole || HasFailure()) break;
    ++died;
  }
  EXPECT_GE(died, 20);
  EXPECT_GE(resumed, 4);
  for (const char* trace : {"Zaphod", "beeblebrox", "447700900042"}) EXPECT_FALSE(holds(trace)) << trace;
}

}  // namespace
}  // namespace voxanne::housekeeping
