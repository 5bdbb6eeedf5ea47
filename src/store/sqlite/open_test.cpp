// Opening: what is wrong is said precisely, and a schema is brought up to date from wherever it is.
#include "store/sqlite/connection.h"
#include "store/sqlite/migrate.h"
#include "store/sqlite/open_file.h"
#include "store/sqlite/sqlite_store.h"
#include "support/temp_dir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>

namespace voxanne::store {
namespace {

namespace fs = std::filesystem;

class Opening : public testing::Test {
 protected:
  std::string code_of(const std::string& file) {
    auto opened = SqliteStore::open({.path = file});
    if (opened) return "";
    EXPECT_EQ(opened.error().kind, Fault::unavailable);
    EXPECT_THAT(opened.error().message, testing::HasSubstr(":")) << "says how to mend it";
    return opened.error().code;
  }
  void put(const std::string& text) { std::ofstream{path} << text; }

  const test::TempDir directory;
  const std::string path = directory / "test.db";
};

TEST_F(Opening, what_is_wrong_is_said_precisely) {
  EXPECT_EQ(code_of(directory / "missing/test.db"), "database_directory_missing");
  fs::create_directory(directory / "folder.db");
  EXPECT_EQ(code_of(directory / "folder.db"), "database_is_directory");
  put("this is a text, not a database");
  EXPECT_EQ(code_of(path), "database_not_sqlite");
  EXPECT_EQ(std::ifstream(path).get(), 't') << "and is left as it was";
  put(std::string{"SQLite format 3\0", 16} + std::string(4'096, '?'));
  EXPECT_EQ(code_of(path), "database_corrupt");
}

TEST_F(Opening, what_this_user_may_not_touch_is_said) {
  ASSERT_EQ(code_of(path), "");
  fs::permissions(path, fs::perms::owner_read);
  fs::permissions(directory.path(), fs::perms::all);
  const pid_t child = fork();
  if (child == 0) {
    // Root may write anything; nobody may not.
    if (getuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) _exit(2);
    const auto file = prepare_file(path);
    if (file || file.error().code != "database_permission_denied") _exit(3);
    _exit(0);
  }
  int status = -1;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

TEST_F(Opening, a_new_database_belongs_to_its_owner_alone) {
  ASSERT_EQ(code_of(path), "");
  struct stat found{};
  ASSERT_EQ(stat(path.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0600u);
}

// The contract names these; operators of existing deployments look for them.
TEST_F(Opening, the_schema_has_the_contracts_indexes) {
  ASSERT_EQ(code_of(path), "");
  auto connection = Connection::open(path, Connection::Mode::writer, 1s).value();
  static constexpr Statement leading{
      "test.leading",
      "SELECT EXISTS (SELECT 1 FROM pragma_index_list(?1) i WHERE NOT i.partial "
      "AND (SELECT name FROM pragma_index_info(i.name) WHERE seqno = 0) = ?2 "
      "AND (?3 = '' OR (SELECT name FROM pragma_index_info(i.name) WHERE seqno = 1) = ?3))"};
  const auto has = [&](const char* table, const char* first, const char* second) {
    bool found = false;
    const Value values[] = {std::string{table}, std::string{first}, std::string{second}};
    EXPECT_TRUE(connection.run(leading, values, [&](const Row& row) { found = row.integer(0) == 1; }));
    return found;
  };
  EXPECT_TRUE(has("calls", "org_id", "created_at"));
  EXPECT_TRUE(has("calls", "org_id", "status"));
  EXPECT_TRUE(has("call_logs", "call_id", ""));
  EXPECT_TRUE(has("call_transcripts", "call_id", ""));
  EXPECT_TRUE(has("knowledge_base", "org_id", ""));
  EXPECT_TRUE(has("knowledge_base_chunks", "knowledge_base_id", ""));
  EXPECT_FALSE(has("calls", "summary", ""));
}

class Migrations : public Opening {
 protected:
  Migrations() { std::ofstream{path}; }
  Connection connect() { return Connection::open(path, Connection::Mode::writer, 2s).value(); }
  static std::int64_t number(Connection& connection, const Statement& statement) {
    std::int64_t value = -1;
    EXPECT_TRUE(connection.run(statement, {}, [&](const Row& row) { value = row.integer(0); }));
    return value;
  }
};

TEST_F(Migrations, are_numbered_without_a_gap) {
  int expected = 1;
  for (const Migration& step : sqlite_migrations()) EXPECT_EQ(step.number, expected++) << step.name;
}

// Each version in turn is filled with rows and then brought up to date: none is lost.
TEST_F(Migrations, keep_what_every_earlier_version_held) {
  static constexpr const char* fill[] = {
      R"(INSERT INTO organizations (id, name, created_at, updated_at) VALUES ('o', 'O', 1, 1);
         INSERT INTO assistants (org_id, id, name, greeting, instructions, voice, goodbye, idle_prompt_after_ms,
           max_duration_ms, record, created_at, updated_at)
           VALUES ('o', 'a', 'A', 'hi', '', 'slt', 'bye', 7000, 60000, 1, 1, 1);
         INSERT INTO phone_numbers VALUES ('o', 'p', 'a', '+447700900000', 'sip', 1, 1);)",
      R"(INSERT INTO calls (id, org_id, assistant_id, phone_number_id, direction, channel, status,
           customer_number, customer_name, created_at, node_id, boot_id)
           VALUES ('c', 'o', 'a', 'p', 'inbound', 'sip', 'ringing', '+447700900001', 'Ada', 1, 'n', 'b');
         INSERT INTO call_logs (org_id, call_id, at, type) VALUES ('o', 'c', 1, 'x');
         INSERT INTO call_transcripts (id, org_id, call_id, speaker, text, start_ms, end_ms)
           VALUES ('t', 'o', 'c', 'caller', 'hello', 0, 1);
         INSERT INTO recording_upload_queue (id, org_id, call_id, node_id, status, source, object_key,
           content_type, bytes, sha256, duration_ms, next_attempt_at, created_at)
           VALUES ('r', 'o', 'c', 'n', 'uploading', 's', 'o/c', 'audio/ogg', 1, '', 1, 1, 1);)",
      R"(INSERT INTO knowledge_base (seq, id, org_id, title, file_name, content_type, bytes, sha256, chunk_count,
           embedded_chunks, created_at, updated_at) VALUES (1, 'd', 'o', 'T', '', '', 1, '', 1, 0, 1, 1);
         INSERT INTO knowledge_base_chunks (id, org_id, knowledge_base_id, position, heading, text)
           VALUES ('k', 'o', 'd', 0, 'H', 'words');)",
      R"(INSERT INTO messages (id, org_id, call_id, caller_name, number, text, urgency, created_at)
           VALUES ('m', 'o', 'c', 'Ada', '', 'hi', 'normal', 1);)",
      R"(INSERT INTO job_runs (name, due_at, node_id, started_at) VALUES ('cleanup', 1, 'n', 1);)",
      R"(INSERT INTO idempotency_keys (org_id, key, fingerprint, holder, started_at) VALUES ('o', 'k', 'f', 'h', 1);)",
      R"(INSERT INTO applied_batches VALUES ('s', 1);)",
      R"(INSERT INTO accounts VALUES ('u', 'a@example.com', 'A', '-', 1, 1);
         INSERT INTO memberships VALUES ('o', 'u', 'owner', 1, 1);
         INSERT INTO invitations VALUES ('o', 'i', 'b@example.com', 'viewer', 'h', 'u', 1, 2);
         INSERT INTO sessions VALUES ('s', 'o', 'u', 0, 1, 1, 2);
         INSERT INTO api_keys VALUES ('o', 'k', 'K', 'h', 'abcd', 'read', 'u', 1, NULL, NULL);)",
      "UPDATE calls SET has_transcript = 1, status = 'ended', ended_reason = 'x', ended_at = 2;",
      R"(INSERT INTO embedding_models VALUES ('m', 1);
         INSERT INTO knowledge_base_vectors VALUES (1, 'o', 'm', x'0000803f');)",
      R"(INSERT INTO job_schedules (name, done_until) VALUES ('cleanup', 1);)",
      R"(UPDATE organizations SET recording_retention_days = 7;)",
      R"(INSERT INTO erasures (id, org_id, subject, requested_by, requested_at) VALUES ('e', 'o', 'call', 'u', 1);
         INSERT INTO erasure_files VALUES ('o', 'e', 'c', 'o/c.ogg');)",
      R"(UPDATE recording_upload_queue SET boot_id = 'b' WHERE boot_id = '';)",
      R"(INSERT INTO message_recipients VALUES ('o', 'c@example.com');
         INSERT INTO webhooks (org_id, id, url, description, events, enabled, secret, created_at, updated_at)
           VALUES ('o', 'w', 'https://x.example/', '', ',call.ended,', 1, 's', 1, 1);
         INSERT INTO webhook_deliveries (org_id, webhook_id, event_id, type, call_id, payload, status,
           next_attempt_at, give_up_at, created_at) VALUES ('o', 'w', 'e', 'call.ended', 'c', '{}', 'queued', 1, 2, 1);
         INSERT INTO mails (id, org_id, recipient, subject, body, call_id, status, next_attempt_at, give_up_at,
           created_at) VALUES ('m', 'o', 'c@example.com', 's', 'b', '', 'queued', 1, 2, 1);)",
      R"(SELECT 1;)",  // no table of its own
      R"(UPDATE search_rounds SET begun = 1, done = 1;)",
      R"(UPDATE idempotency_keys SET status = 200, body = '{"id":"c","callId":7}';
         INSERT INTO idempotency_keys (org_id, key, fingerprint, holder, status, body, started_at)
           VALUES ('o', 'odd', 'f', 'h', 400, 'no JSON', 1);)",
      R"(UPDATE erasures SET contact_id = 'k', number = '+447700900001';
         UPDATE webhook_deliveries SET payload = '{"data":{"id":7}}', type = 'message.taken';
         UPDATE mails SET message_id = 'm';
         UPDATE search_rounds SET knowledge_due = 1;)",
      // Indexes only.
      R"(SELECT 1;)", R"(SELECT 1;)", R"(SELECT 1;)"};
  static constexpr Statement rows{
      "test.rows",
      "SELECT (SELECT count(*) FROM organizations) + (SELECT count(*) FROM phone_numbers) + "
      "(SELECT count(*) FROM calls) + (SELECT count(*) FROM call_logs) + (SELECT count(*) FROM "
      "call_transcripts) + "
      "(SELECT count(*) FROM knowledge_base_chunks) + (SELECT count(*) FROM messages) + "
      "(SELECT count(*) FROM job_runs) + (SELECT count(*) FROM memberships) + (SELECT count(*) FROM "
      "invitations) + (SELECT count(*) FROM sessions) + (SELECT count(*) FROM api_keys) + (SELECT count(*) "
      "FROM recording_upload_queue WHERE boot_id = 'b') + (SELECT sum(calls) FROM call_counters)"};
  const auto steps = sqlite_migrations();
  ASSERT_EQ(std::size(fill), steps.size()) << "a new step brings rows for its tables";
  for (std::size_t version = 0; version <= steps.size(); ++version) {
    SCOPED_TRACE(version);
    fs::remove(path);
    fs::remove(path + "-wal");
    fs::remove(path + "-shm");
    std::ofstream{path};
    Connection connection = connect();
    ASSERT_TRUE(migrate(connection, steps.first(version)));
    ASSERT_EQ(schema_version(connection).value(), int(version));
    for (std::size_t i = 0; i < version; ++i) ASSERT_TRUE(connection.execute(fill[i])) << i;
    const auto done = migrate(connection, steps);
    ASSERT_TRUE(done) << done.error().message;
    EXPECT_TRUE(migrate(connection, steps)) << "twice changes nothing";
    for (std::size_t i = version; i < steps.size(); ++i) ASSERT_TRUE(connection.execute(fill[i])) << i;
    EXPECT_EQ(number(connection, rows), 14);
  }
}

TEST_F(Migrations, calls_that_have_ended_are_found_after_the_step_that_indexes_what_was_said) {
  constexpr std::size_t before_search = 8;
  std::ofstream{path};
  Connection connection = connect();
  ASSERT_TRUE(migrate(connection, sqlite_migrations().first(before_search)));
  ASSERT_TRUE(connection.execute(R"(
    INSERT INTO organizations VALUES ('o', 'O', 'UTC', 0, 1, 1, NULL);
    INSERT INTO assistants VALUES ('o', 'a', 'A', 'hi', '', 'slt', 'bye', 7000, 60000, 1, 1, 1);
    INSERT INTO calls (id, org_id, assistant_id, phone_number_id, direction, channel, status, has_transcript,
        customer_number, customer_name, created_at, node_id, boot_id)
      VALUES ('c', 'o', 'a', '', 'inbound', 'sip', 'ringing', 1, '+447700900001', 'Ada', 1, 'n', 'b'),
             ('d', 'o', 'a', '', 'inbound', 'sip', 'ringing', 1, '+447700900002', 'Bob', 1, 'n', 'b');
    INSERT INTO call_transcripts (id, org_id, call_id, speaker, text, start_ms, end_ms)
      VALUES ('t', 'o', 'c', 'caller', 'hello there', 0, 1), ('u', 'o', 'd', 'caller', 'hello too', 0, 1);
    UPDATE calls SET status = 'ended', ended_reason = 'x', ended_at = 2 WHERE id = 'c';)"));
  ASSERT_TRUE(migrate(connection, sqlite_migrations()));
  static constexpr Statement found{
      "test.found",
      "SELECT (SELECT group_concat(rowid) FROM calls_words WHERE calls_words MATCH 'org6F AND hello'), "
      "(SELECT group_concat(rowid) FROM calls_search WHERE calls_search MATCH 'customer_name : \"Ada\"'), "
      "(SELECT count(*) FROM calls_search WHERE calls_search MATCH 'customer_name : \"Bob\"')"};
  ASSERT_TRUE(connection.run(found, {}, [](const Row& row) {
    EXPECT_EQ(row.text(0), "1");
    EXPECT_EQ(row.text(1), "1");
    EXPECT_EQ(row.integer(2), 0);
  }));
}

TEST_F(Migrations, what_was_told_before_is_found_by_what_it_tells_of) {
  constexpr std::size_t before_subjects = 18;
  Connection connection = connect();
  ASSERT_TRUE(migrate(connection, sqlite_migrations().first(before_subjects)));
  ASSERT_TRUE(connection.execute(R"(
    INSERT INTO organizations (id, name, created_at, updated_at) VALUES ('o', 'O', 1, 1);
    INSERT INTO messages (id, org_id, call_id, caller_name, number, text, urgency, created_at)
      VALUES ('m1', 'o', 'c', '', '', '', 'normal', 1), ('m2', 'o', 'd', '', '', '', 'normal', 1),
             ('m3', 'o', 'd', '', '', '', 'normal', 1);
    INSERT INTO mails (id, org_id, recipient, subject, body, call_id, status, next_attempt_at, give_up_at, created_at)
      VALUES ('a', 'o', 'x', '', '', 'c', 'queued', 1, 2, 1), ('b', 'o', 'x', '', '', 'd', 'queued', 1, 2, 1),
             ('c', 'o', 'x', '', '', '', 'queued', 1, 2, 1);
    INSERT INTO webhooks (org_id, id, url, description, events, enabled, secret, created_at, updated_at)
      VALUES ('o', 'w', '', '', '', 1, '', 1, 1);
    INSERT INTO webhook_deliveries (org_id, webhook_id, event_id, type, call_id, payload, status, next_attempt_at,
        give_up_at, created_at)
      VALUES ('o', 'w', 'e1', 'appointment.created', '', '{"id":"e1","data":{"id":"appt_1"}}', 'queued', 1, 2, 1),
             ('o', 'w', 'e2', 'call.ended', 'c', '{"id":"e2","data":{"id":"c"}}', 'queued', 1, 2, 1),
             ('o', 'w', 'e3', 'message.taken', 'c', 'no JSON', 'queued', 1, 2, 1);)"));
  ASSERT_TRUE(migrate(connection, sqlite_migrations()));
  static constexpr Statement found{
      "test.subjects",
      "SELECT (SELECT group_concat(message_id) FROM (SELECT message_id FROM mails ORDER BY id)), "
      "(SELECT group_concat(coalesce(subject_id, '-')) FROM "
      "(SELECT subject_id FROM webhook_deliveries ORDER BY event_id))"};
  ASSERT_TRUE(connection.run(found, {}, [](const Row& row) {
    EXPECT_EQ(row.text(0), "m1,,");
    EXPECT_EQ(row.text(1), "appt_1,-,-");
  }));
}

// However old the program that tries.
TEST_F(Migrations, an_erasure_is_not_finished_while_somebody_is_still_to_be_erased) {
  ASSERT_EQ(code_of(path), "");
  Connection connection = connect();
  ASSERT_TRUE(connection.execute(R"(
    INSERT INTO organizations (id, name, created_at, updated_at) VALUES ('o', 'O', 1, 1);
    INSERT INTO erasures (id, org_id, subject, requested_by, requested_at, contact_id)
      VALUES ('e', 'o', 'contact', 'u', 1, 'k');)"));
  EXPECT_FALSE(connection.execute("UPDATE erasures SET finished_at = 2"));
  EXPECT_TRUE(connection.execute("UPDATE erasures SET contact_id = ''; UPDATE erasures SET finished_at = 2"));
}

TEST_F(Migrations, a_newer_schema_is_refused) {
  ASSERT_EQ(code_of(path), "");
  {
    Connection connection = connect();
    ASSERT_TRUE(connection.execute("INSERT INTO schema_migrations VALUES (9999, 'from_the_future', 0)"));
  }
  EXPECT_EQ(code_of(path), "database_newer_schema");
}

TEST_F(Migrations, a_step_that_fails_leaves_nothing_behind) {
  static constexpr Migration steps[] = {
      {1, "good", "CREATE TABLE good (x);"},
      {2, "bad", "CREATE TABLE half (x); INSERT INTO half VALUES (1); SELECT * FROM nowhere;"}};
  Connection connection = connect();
  const auto failed = migrate(connection, steps);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, "migration_failed");
  EXPECT_THAT(failed.error().message, testing::HasSubstr("migration 2"));
  EXPECT_EQ(schema_version(connection).value(), 1);
  static constexpr Statement tables{"test.tables",
                                    "SELECT count(*) FROM sqlite_schema WHERE name IN ('good', 'half')"};
  EXPECT_EQ(number(connection, tables), 1);
}

TEST_F(Migrations, two_processes_may_try_at_once) {
  std::vector<pid_t> children;
  for (int i = 0; i < 4; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      auto connection = Connection::open(path, Connection::Mode::writer, 10s);
      const auto done = connection ? migrate(*connection, sqlite_migrations()) : Result<>{connection.error()};
      if (!done) std::fprintf(stderr, "%s: %s\n", done.error().code.c_str(), done.error().message.c_str());
      _exit(done ? 0 : 1);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = -1;
    waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
  Connection connection = connect();
  EXPECT_EQ(schema_version(connection).value(), int(sqlite_migrations().size()));
}

// 0016 writes conditions anew as text: they are to be what they were.
TEST_F(Migrations, what_a_call_may_be_is_still_checked) {
  ASSERT_EQ(code_of(path), "");
  Connection connection = connect();
  ASSERT_TRUE(connection.execute(
      "INSERT INTO organizations (id, name, created_at, updated_at) VALUES ('o', 'O', 1, 1)"));
  const auto insert = [&](const char* channel, const char* status, const char* recording) {
    return connection
        .execute(
            std::string{"INSERT INTO calls (id, org_id, assistant_id, phone_number_id, direction, channel, "
                        "status, recording_status, customer_number, customer_name, created_at, node_id, "
                        "boot_id) VALUES (hex(randomblob(8)), 'o', 'a', 'p', 'inbound', '"} +
            channel + "', '" + status + "', '" + recording + "', '', '', 1, 'n', 'b')")
        .has_value();
  };
  for (const char* channel : {"sip", "twilio", "browser", "vapi"})
    EXPECT_TRUE(insert(channel, "queued", "none"));
  for (const char* status : {"queued", "ringing", "in-progress"}) EXPECT_TRUE(insert("sip", status, "none"));
  for (const char* recording : {"none", "recording", "queued", "uploading", "stored", "failed"})
    EXPECT_TRUE(insert("sip", "queued", recording));
  EXPECT_FALSE(insert("fax", "queued", "none"));
  EXPECT_FALSE(insert("sip", "lost", "none"));
  EXPECT_FALSE(insert("sip", "queued", "burnt"));
  EXPECT_FALSE(insert("sip", "ended", "none")) << "an end has its time and its reason";
  const auto job = [&](const std::string& status) {
    return connection
        .execute(
            "INSERT INTO jobs (id, org_id, kind, payload, status, next_attempt_at, created_at, updated_at) "
            "VALUES (hex(randomblob(8)), 'o', 'k', '{}', '" +
            status + "', 1, 1, 1)")
        .has_value();
  };
  for (const char* status : {"queued", "running", "failed"}) EXPECT_TRUE(job(status));
  EXPECT_FALSE(job("lost"));
}

// FTS5 refuses to write to an index of so many levels; step 17 takes them out.
TEST_F(Migrations, an_index_of_too_many_levels_is_mended) {
  constexpr std::size_t before_rounds = 16;
  const auto end_call = [](Connection& connection, const std::string& id) {
    return connection.execute(
        "INSERT INTO calls (id, org_id, assistant_id, phone_number_id, direction, channel, status, "
        "has_transcript, customer_number, customer_name, created_at, node_id, boot_id) VALUES ('" +
        id + "', 'o', 'a', '', 'inbound', 'sip', 'ringing', 1, '', 'Ada', 1, 'n', 'b');" +
        "INSERT INTO call_transcripts (id, org_id, call_id, speaker, text, start_ms, end_ms) VALUES ('t" +
        id + "', 'o', '" + id + "', 'caller', 'hello', 0, 1);" +
        "UPDATE calls SET status = 'ended', ended_reason = 'x', ended_at = 2 WHERE id = '" + id + "';");
  };
  std::ofstream{path};
  {
    Connection connection = connect();
    ASSERT_TRUE(migrate(connection, sqlite_migrations().first(before_rounds)));
    ASSERT_TRUE(connection.execute(R"(
      INSERT INTO organizations (id, name, created_at, updated_at) VALUES ('o', 'O', 1, 1);
      INSERT INTO assistants (org_id, id, name, greeting, instructions, voice, goodbye, idle_prompt_after_ms,
        max_duration_ms, record, created_at, updated_at)
        VALUES ('o', 'a', 'A', 'hi', '', 'slt', 'bye', 7000, 60000, 1, 1, 1);)"));
    ASSERT_TRUE(end_call(connection, "c"));
    for (const std::string index : {"calls_search", "calls_words"}) {  // from 1 to 2,005 of them
      ASSERT_TRUE(
          connection.execute("UPDATE " + index +
                             "_data SET block = CAST(substr(block, 1, 4) || x'8f55' || substr(block, 6) || "
                             "zeroblob(4008) AS BLOB) WHERE id = 10 AND substr(block, 5, 1) = x'01'"));
      ASSERT_EQ(connection.changes(), 1);
    }
  }
  {
    Connection connection = connect();
    EXPECT_FALSE(end_call(connection, "d"));
  }
  Connection connection = connect();
  const auto mended = migrate(connection, sqlite_migrations());
  ASSERT_TRUE(mended) << mended.error().message;
  EXPECT_TRUE(end_call(connection, "e"));
  static constexpr Statement found{
      "test.found",
      "SELECT (SELECT count(*) FROM calls_words WHERE calls_words MATCH 'hello') + "
      "(SELECT count(*) FROM calls_search WHERE calls_search MATCH 'Ada')"};
  EXPECT_EQ(number(connection, found), 4);
}

// An old version goes on serving while the new one migrates.
TEST_F(Migrations, an_open_store_serves_through_a_migration) {
  ASSERT_EQ(code_of(path), "");
  Connection serving = connect();
  static constexpr Statement insert{"test.insert", "INSERT INTO nodes VALUES ('n', 'b', 0, 0)"};
  static constexpr Statement rows{"test.rows", "SELECT count(*) FROM nodes"};
  ASSERT_TRUE(serving.run(insert, {}));
  ASSERT_EQ(number(serving, rows), 1);
  {
    std::vector<Migration> steps{sqlite_migrations().begin(), sqlite_migrations().end()};
    steps.push_back({int(steps.size()) + 1, "next",
                     "ALTER TABLE nodes ADD COLUMN version TEXT NOT NULL DEFAULT ''; "
                     "CREATE INDEX nodes_seen ON nodes (seen_at);"});
    Connection migrating = connect();
    ASSERT_TRUE(migrate(migrating, steps));
  }
  EXPECT_EQ(number(serving, rows), 1);
  EXPECT_TRUE(serving.execute("UPDATE nodes SET seen_at = 1"));
}

}  // namespace
}  // namespace voxanne::store
