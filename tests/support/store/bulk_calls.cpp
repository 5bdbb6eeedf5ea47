#include "support/store/bulk_calls.h"

#include <sqlite3.h>

#include <stdexcept>
#include <vector>

namespace voxanne::test {
namespace {

class Database {
 public:
  explicit Database(const std::string& path) {
    if (sqlite3_open_v2(path.c_str(), &db_, SQLITE_OPEN_READWRITE, nullptr) != SQLITE_OK)
      fail("opening " + path);
  }
  ~Database() { sqlite3_close(db_); }
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  void run(const std::string& sql) {
    if (sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) fail(sql.substr(0, 200));
  }
  std::vector<std::string> texts(const std::string& sql, int column = 0) {
    std::vector<std::string> out;
    sqlite3_stmt* query = nullptr;
    if (sqlite3_prepare_v2(db_, sql.c_str(), -1, &query, nullptr) != SQLITE_OK) fail(sql);
    while (sqlite3_step(query) == SQLITE_ROW)
      out.emplace_back(reinterpret_cast<const char*>(sqlite3_column_text(query, column)));
    sqlite3_finalize(query);
    return out;
  }

 private:
  [[noreturn]] void fail(const std::string& what) {
    throw std::runtime_error(what + ": " + sqlite3_errmsg(db_));
  }
  sqlite3* db_ = nullptr;
};

std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out.append(c == '\'' ? 2 : 1, c);
  return out + "'";
}

// Of every kind, in an order that repeats only after millions.
std::string insert_calls(const BulkCalls& calls, const std::string& first) {
  const std::string n = std::to_string(calls.count), newest = std::to_string(to_unix_ms(calls.newest)),
                    span = std::to_string(std::chrono::duration_cast<milliseconds>(calls.span).count());
  return "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < " + n +
         "), c (i, at, mixed, answered) AS (SELECT i, " + newest + " - (" + n + " - i) * " + span + " / " +
         n +
         ", i * 2654435761 % 4294967296, i % 7 <> 0 FROM n) "
         "INSERT INTO calls (seq, id, org_id, assistant_id, phone_number_id, direction, channel, status, "
         "ended_reason, customer_number, customer_name, created_at, started_at, answered_at, ended_at, "
         "duration_ms, summary, outcome, is_test, metadata, node_id, boot_id) "
         "SELECT " +
         first + " + i, printf('call_%026d', " + first + " + i), " + quoted(calls.org) +
         ", 'test-assistant-123', 'test-phone-123', CASE WHEN i % 3 = 0 THEN 'outbound' ELSE 'inbound' END, "
         "'sip', CASE WHEN i % 17 = 0 THEN 'failed' ELSE 'ended' END, CASE WHEN i % 17 = 0 THEN "
         "'call.in-progress.error-transport' ELSE 'customer-ended-call' END, "
         "'+4477' || printf('%08d', mixed % 100000000), CASE i % 5 WHEN 0 THEN 'Ann Example' WHEN 1 THEN "
         "'Ben Specimen' WHEN 2 THEN 'Chloe Sample' ELSE '' END, at, at + 1000, CASE WHEN answered THEN at + "
         "3000 END, at + 3000 + mixed % 600000, CASE WHEN answered THEN mixed % 600000 END, "
         "CASE i % 4 WHEN 0 THEN 'Asked when the practice opens on Saturdays.' WHEN 1 THEN 'Wanted the price "
         "of a check-up.' WHEN 2 THEN 'Left a message about a lost filling.' ELSE '' END, 'answered', i % 50 "
         "= 0, '{\"campaign\":\"spring\"}', 'bulk', 'bulk' FROM c";
}

}  // namespace

void add_calls(const std::string& database, const BulkCalls& calls) {
  if (calls.count <= 0) return;
  Database db{database};
  db.run(
      "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -262144; PRAGMA foreign_keys "
      "= "
      "OFF; BEGIN IMMEDIATE");
  // Indexes made over all rows at once cost a tenth of what they do row by row; the triggers' work is done
  // in one go below.
  const auto indexes = db.texts(
      "SELECT sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'calls' AND sql IS NOT NULL");
  const auto triggers = db.texts(
      "SELECT sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name IN ('calls', 'call_transcripts')");
  for (const auto& drop :
       db.texts("SELECT 'DROP ' || type || ' ' || name FROM sqlite_master WHERE sql IS NOT NULL AND (type = "
                "'trigger' AND tbl_name IN ('calls', 'call_transcripts') OR type = 'index' AND tbl_name = "
                "'calls')"))
    db.run(drop);

  const std::string first = db.texts("SELECT coalesce(max(seq), 0) FROM calls").at(0);
  const std::string added = " WHERE seq > " + first;
  db.run(insert_calls(calls, first));
  db.run("INSERT INTO call_counters SELECT org_id, is_test, direction, status, count(*) FROM calls" + added +
         " GROUP BY 1, 2, 3, 4 ON CONFLICT DO UPDATE SET calls = calls + excluded.calls");
  db.run(
      "INSERT INTO call_hours SELECT org_id, created_at - created_at % 3600000, count(*), sum(answered_at IS "
      "NOT NULL), sum(answered_at IS NULL AND status = 'ended'), sum(status = 'failed'), "
      "coalesce(sum(duration_ms), 0) FROM calls" +
      added +
      " AND is_test = 0 GROUP BY 1, 2 ON CONFLICT DO UPDATE SET calls = calls + excluded.calls, answered = "
      "answered + excluded.answered, missed = missed + excluded.missed, failed = failed + excluded.failed, "
      "talk_ms = talk_ms + excluded.talk_ms");
  if (calls.with_transcript > 0) {
    const std::string every = added + " AND seq % " + std::to_string(calls.with_transcript) + " = 0";
    db.run("UPDATE calls SET has_transcript = 1" + every);
    for (const char* turn : {"'1', org_id, id, 'caller', 'Hello, do you have parking for a wheelchair near "
                             "the entrance', 800, 3900",
                             "'2', org_id, id, 'assistant', 'Yes, there are two bays beside the front door, "
                             "booking ' || seq, 4200, "
                             "8600"})
      db.run(
          "INSERT INTO call_transcripts (id, org_id, call_id, speaker, text, start_ms, end_ms) SELECT "
          "'turn_' "
          "|| seq || " +
          std::string{turn} + " FROM calls" + every);
    db.run(
        "INSERT INTO calls_words (rowid, words) SELECT seq, 'org' || hex(org_id) || ' Hello, do you have "
        "parking "
        "for a wheelchair near the entrance' || char(10) || 'Yes, there are two bays beside the front door, "
        "booking ' || seq FROM calls" +
        every);
  }
  if (calls.searchable)
    db.run(
        "INSERT INTO calls_search (rowid, org_tail, customer_number, customer_name, summary) SELECT seq, "
        "org_tail, customer_number, customer_name, summary FROM calls_searchable" +
        added);
  for (const auto& sql : indexes) db.run(sql);
  for (const auto& sql : triggers) db.run(sql);
  db.run("COMMIT");
  db.run("PRAGMA journal_mode = WAL");
}

}  // namespace voxanne::test
