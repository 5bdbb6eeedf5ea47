// No route scans: every statement of the typed records is explained, and the pages' steps are counted
// in a database in which what they look for is rare.
#include "store/sqlite/connection.h"
#include "store/sqlite/migrate.h"
#include "store/sqlite/segments.h"
#include "store/statements.h"
#include "support/temp_dir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

namespace voxanne::store {
namespace {

class Plans : public testing::Test {
 protected:
  Plans() {
    const std::string path = directory_ / "plans.db";
    std::ofstream{path};
    auto connection = Connection::open(path, Connection::Mode::writer, 1s).value();
    EXPECT_TRUE(migrate(connection, sqlite_migrations()));
    EXPECT_EQ(sqlite3_open(path.c_str(), &db_), SQLITE_OK);
    EXPECT_EQ(add_segment_functions(db_), SQLITE_OK);
  }
  ~Plans() override { sqlite3_close(db_); }

  void execute(const std::string& sql) {
    ASSERT_EQ(sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(db_);
  }

  std::vector<std::string> plan(std::string_view sql) {
    std::vector<std::string> lines;
    sqlite3_stmt* explain = nullptr;
    const std::string text = "EXPLAIN QUERY PLAN " + std::string{sql};
    EXPECT_EQ(sqlite3_prepare_v2(db_, text.c_str(), -1, &explain, nullptr), SQLITE_OK) << sqlite3_errmsg(db_);
    while (sqlite3_step(explain) == SQLITE_ROW)
      lines.emplace_back(reinterpret_cast<const char*>(sqlite3_column_text(explain, 3)));
    sqlite3_finalize(explain);
    return lines;
  }

  // What the program of a statement does, its triggers' included: "OpenWrite", "Insert".
  std::multiset<std::string> operations(std::string_view sql) {
    std::multiset<std::string> all;
    sqlite3_stmt* explain = nullptr;
    const std::string text = "EXPLAIN " + std::string{sql};
    EXPECT_EQ(sqlite3_prepare_v2(db_, text.c_str(), -1, &explain, nullptr), SQLITE_OK) << sqlite3_errmsg(db_);
    while (sqlite3_step(explain) == SQLITE_ROW)
      all.emplace(reinterpret_cast<const char*>(sqlite3_column_text(explain, 1)));
    sqlite3_finalize(explain);
    return all;
  }

  test::TempDir directory_;
  sqlite3* db_ = nullptr;
};

// "SCAN x" walks all of a table or index, unless x is a full-text index entered by MATCH or at a rowid ("M"
// or "=" in what the index was given) or no table at all.
bool scans(const std::string& line) {
  if (line.find("TEMP B-TREE") != std::string::npos || line.find("AUTOMATIC") != std::string::npos)
    return true;
  if (!line.starts_with("SCAN ")) return false;
  if (line == "SCAN CONSTANT ROW") return false;
  const auto virtual_table = line.find("VIRTUAL TABLE INDEX");
  return virtual_table == std::string::npos ||
         line.find_first_of("M=", virtual_table + 19) == std::string::npos;
}

// SQLite makes a table for an IN of three values or more, each time.
TEST_F(Plans, what_every_call_writes_makes_no_table) {
  // What is rare, or is in a trigger that seldom runs.
  const std::set<std::string_view> may{"calls.leave_contact", "call_transcripts.put",
                                       "recording_upload_queue.release", "recording_upload_queue.hasten"};
  const std::regex writes{"^ *(INSERT INTO|UPDATE) (calls|recording_upload_queue|jobs|call_)"};
  std::set<std::string_view> checked;
  for (const Statement* statement : all_statements()) {
    const std::string sql{statement->sql};
    if (may.contains(statement->name) || !std::regex_search(sql, writes)) continue;
    checked.insert(statement->name);
    EXPECT_EQ(operations(sql).count("OpenEphemeral"), 0u) << statement->name << "\n" << sql;
  }
  EXPECT_TRUE(checked.contains("calls.insert"));
  EXPECT_GT(checked.size(), 8u);
}

TEST_F(Plans, no_statement_scans_or_sorts) {
  const auto statements = all_statements();
  EXPECT_GT(statements.size(), 60u);
  for (const Statement* statement : statements) {
    SCOPED_TRACE(std::string{statement->name} + "\n" + std::string{statement->sql});
    for (const std::string& line : plan(statement->sql)) EXPECT_FALSE(scans(line)) << line;
  }
}

// All of an organization is no bound where it grows by the day: by its name alone only a page may be read.
TEST_F(Plans, no_statement_reads_all_that_an_organization_has_of_what_grows) {
  const std::regex whole{
      R"re(SEARCH (calls|call_logs|call_transcripts|messages|idempotency_keys|contacts|appointments|)re"
      R"re(knowledge_gaps|recording_upload_queue|webhook_deliveries|mails|erasures)( \w+)? USING .*\(org_id=\?\))re"};
  const auto unbounded = [&](std::string_view sql) {
    return sql.find("LIMIT") == std::string_view::npos &&
           std::ranges::any_of(plan(sql),
                               [&](const std::string& line) { return std::regex_search(line, whole); });
  };
  for (const Statement* statement : all_statements())
    EXPECT_FALSE(unbounded(statement->sql)) << statement->name << "\n" << statement->sql;
  EXPECT_TRUE(unbounded("DELETE FROM idempotency_keys WHERE org_id = ?1 AND instr(body, ?2) > 0"));
}

TEST_F(Plans, the_test_sees_a_scan_where_there_is_one) {
  const auto any_scans = [&](std::string_view sql) { return std::ranges::any_of(plan(sql), scans); };
  EXPECT_TRUE(any_scans("SELECT * FROM calls WHERE summary = ?1"));
  EXPECT_TRUE(any_scans("SELECT * FROM calls WHERE org_id = ?1 ORDER BY customer_name"));
  EXPECT_TRUE(any_scans("SELECT * FROM calls_search"));
  EXPECT_TRUE(any_scans("SELECT count(*) FROM calls"));
  EXPECT_TRUE(any_scans("UPDATE calls SET summary = '' WHERE assistant_id = ?1"));
}

// Whatever stands in the source as a Statement is explained above: a new one cannot be forgotten.
TEST_F(Plans, no_statement_in_the_source_escapes) {
  std::set<std::string> explained;
  for (const Statement* statement : all_statements()) explained.emplace(statement->name);
  // The engine's own: the words of a transaction, and what migrations have done.
  for (const char* word :
       {"begin", "commit", "rollback", "savepoint", "release", "rollback_batch", "begin_read", "end_read",
        "migrations.history_exists", "migrations.newest", "migrations.record"})
    explained.emplace(word);
  // A backup and a restore, which are about the whole file; and what is asked, once, of a directory of
  // recordings that nothing is known of and that is empty.
  for (const char* word : {"backup.snapshot", "backup.stored", "backup.still_stored", "restore.uploads",
                           "restore.calls", "restore.leases", "storage.any_stored"})
    explained.emplace(word);
  const std::regex named{R"re(\bStatement\s+\w+\s*(?:=\s*)?(?:store::)?(?:Statement)?\{\s*"([^"]*)")re"};
  const std::regex made{R"re(\bStatement\s+\w+\s*(?:=|\{))re"};
  std::size_t seen = 0;
  for (const auto& file : std::filesystem::recursive_directory_iterator{SOURCES}) {
    const std::string name = file.path().filename().string();
    if (!name.ends_with(".cpp") || name.ends_with("_test.cpp") || name.ends_with("_fuzz.cpp")) continue;
    std::stringstream text;
    text << std::ifstream{file.path()}.rdbuf();
    const std::string source = text.str();
    const auto count = [&](const std::regex& what) {
      return std::distance(std::sregex_iterator{source.begin(), source.end(), what}, std::sregex_iterator{});
    };
    EXPECT_EQ(count(named), count(made)) << file.path() << ": a Statement whose name is not a literal";
    for (std::sregex_iterator at{source.begin(), source.end(), named}, end; at != end; ++at, ++seen)
      EXPECT_TRUE(explained.contains((*at)[1].str())) << file.path() << ": " << (*at)[1];
  }
  EXPECT_GE(seen, all_statements().size());
}

TEST_F(Plans, names_are_unique) {
  std::set<std::string_view> names;
  for (const Statement* statement : all_statements())
    EXPECT_TRUE(names.insert(statement->name).second) << statement->name;
}

TEST_F(Plans, triggers_and_cascades_do_not_scan_either) {
  // A trigger's plan is not explained with its statement; what it does is here.
  execute("INSERT INTO organizations (id, name, created_at, updated_at) VALUES ('o', 'o', 0, 0)");
  for (const char* sql : {"UPDATE call_counters SET calls = calls - 1 WHERE org_id = ?1 AND is_test = ?2 AND "
                          "direction = ?3 AND status = ?4",
                          "DELETE FROM call_logs WHERE org_id = ?1 AND call_id = ?2",
                          "DELETE FROM call_transcripts WHERE org_id = ?1 AND call_id = ?2",
                          "DELETE FROM recording_upload_queue WHERE org_id = ?1 AND call_id = ?2",
                          "DELETE FROM knowledge_base_chunks WHERE org_id = ?1 AND knowledge_base_id = ?2",
                          "DELETE FROM calls_words WHERE rowid = (SELECT c.seq FROM calls c WHERE c.org_id = "
                          "?1 AND c.id = ?2)",
                          "SELECT group_concat(t.text) FROM call_transcripts t WHERE t.call_id = ?2 AND "
                          "t.org_id = ?1",
                          "SELECT * FROM phone_numbers WHERE org_id = ?1 AND assistant_id = ?2"})
    for (const std::string& line : plan(sql)) EXPECT_FALSE(scans(line)) << sql << "\n" << line;
}

TEST_F(Plans, every_tenant_table_has_its_organization) {
  static const std::set<std::string> of_the_server = {
      "accounts",          "embedding_models", "organizations",     "nodes",
      "job_runs",          "job_schedules",    "schema_migrations", "applied_batches",
      "database_identity", "search_rounds"};
  sqlite3_stmt* tables = nullptr;
  ASSERT_EQ(
      sqlite3_prepare_v2(db_,
                         "SELECT t.name, EXISTS (SELECT 1 FROM pragma_table_info(t.name) c "
                         "WHERE c.name = 'org_id') FROM pragma_table_list t WHERE t.schema = 'main' AND "
                         "t.type = 'table' AND t.name NOT LIKE 'sqlite_%'",
                         -1, &tables, nullptr),
      SQLITE_OK);
  int seen = 0;
  while (sqlite3_step(tables) == SQLITE_ROW) {
    const std::string name = reinterpret_cast<const char*>(sqlite3_column_text(tables, 0));
    EXPECT_NE(sqlite3_column_int(tables, 1) == 1, of_the_server.contains(name)) << name;
    ++seen;
  }
  sqlite3_finalize(tables);
  EXPECT_GE(seen, 18);
}

// A page of 20 where the newest 20,000 calls are of the other kind: whatever the filter, it does not walk
// over them.
TEST_F(Plans, a_page_takes_few_steps_whatever_it_looks_for) {
  execute("PRAGMA foreign_keys = OFF; BEGIN;");
  const auto fill = [&](int from, int count, const char* status, const char* direction, int is_test) {
    const std::string ended = std::string{status} == "ended" ? "'x'" : "''";
    execute("WITH RECURSIVE n(i) AS (SELECT " + std::to_string(from) +
            " UNION ALL SELECT i + 1 FROM n WHERE i < " + std::to_string(from + count - 1) +
            ") INSERT INTO calls (id, org_id, assistant_id, phone_number_id, direction, channel, status, "
            "ended_reason, ended_at, customer_number, customer_name, created_at, is_test, node_id, boot_id) "
            "SELECT 'c' || i, 'o', 'a', '', '" +
            direction + "', 'sip', '" + status + "', " + ended + ", CASE " + ended +
            " WHEN '' THEN NULL ELSE i END, '', '', i, " + std::to_string(is_test) + ", 'n', 'b' FROM n");
  };
  fill(1, 30, "ringing", "outbound", 1);
  fill(1'001, 30, "ringing", "outbound", 0);
  fill(2'001, 30, "ringing", "inbound", 0);
  fill(3'001, 30, "ended", "outbound", 0);
  fill(10'001, 10'000, "ended", "inbound", 0);
  fill(30'001, 10'000, "ended", "inbound", 1);
  execute("COMMIT");

  for (const Statement* page : call_page_statements()) {
    if (page->cost == Cost::heavy || !page->name.starts_with("calls.page")) continue;
    SCOPED_TRACE(page->name);
    const std::string sql{page->sql};
    sqlite3_stmt* query = nullptr;
    ASSERT_EQ(sqlite3_prepare_v2(db_, sql.c_str(), -1, &query, nullptr), SQLITE_OK);
    sqlite3_bind_int64(query, 1, std::numeric_limits<std::int64_t>::max());
    sqlite3_bind_int64(query, 2, std::numeric_limits<std::int64_t>::max());
    sqlite3_bind_int64(query, 3, 21);
    sqlite3_bind_int64(query, 4, 0);
    sqlite3_bind_text(query, 5, "o", -1, SQLITE_STATIC);
    sqlite3_bind_int64(query, 6, 0);
    const bool by_status = page->name.find("status") != std::string_view::npos;
    if (by_status) sqlite3_bind_text(query, 7, "ringing", -1, SQLITE_STATIC);
    if (page->name.find("direction") != std::string_view::npos)
      sqlite3_bind_text(query, by_status ? 8 : 7, "outbound", -1, SQLITE_STATIC);
    int rows = 0;
    while (sqlite3_step(query) == SQLITE_ROW) ++rows;
    EXPECT_EQ(rows, 21);
    EXPECT_LT(sqlite3_stmt_status(query, SQLITE_STMTSTATUS_VM_STEP, 0), 3'000);
    EXPECT_EQ(sqlite3_stmt_status(query, SQLITE_STMTSTATUS_FULLSCAN_STEP, 0), 0);
    EXPECT_EQ(sqlite3_stmt_status(query, SQLITE_STMTSTATUS_SORT, 0), 0);
    EXPECT_EQ(sqlite3_stmt_status(query, SQLITE_STMTSTATUS_AUTOINDEX, 0), 0);
    sqlite3_finalize(query);
  }
}

}  // namespace
}  // namespace voxanne::store
