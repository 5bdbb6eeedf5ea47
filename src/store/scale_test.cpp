// What the dashboard shows stays exact through any history, and costs the same however many calls there are.
#include "store/calls.h"

#include "support/store/bulk_calls.h"
#include "support/store/temp_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <map>
#include <mutex>
#include <random>

namespace voxanne::store {
namespace {

using namespace test;
using domain::CallStatus;
using domain::Direction;

using Rows = std::vector<std::vector<std::string>>;

Rows rows_of(const std::string& path, const std::string& sql) {
  sqlite3* db = nullptr;
  Rows rows;
  EXPECT_EQ(sqlite3_open(path.c_str(), &db), SQLITE_OK);
  sqlite3_stmt* query = nullptr;
  EXPECT_EQ(sqlite3_prepare_v2(db, sql.c_str(), -1, &query, nullptr), SQLITE_OK) << sqlite3_errmsg(db);
  int code;
  while ((code = sqlite3_step(query)) == SQLITE_ROW) {
    rows.emplace_back();
    for (int i = 0; i < sqlite3_column_count(query); ++i) {
      const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(query, i));
      rows.back().emplace_back(text ? text : "");
    }
  }
  EXPECT_EQ(code, SQLITE_DONE) << sqlite3_errmsg(db);
  sqlite3_finalize(query);
  sqlite3_close(db);
  return rows;
}

constexpr const char* counted =
    "SELECT org_id, is_test, direction, status, calls FROM call_counters WHERE calls <> 0 ORDER BY 1, 2, 3, "
    "4";
constexpr const char* recounted =
    "SELECT org_id, is_test, direction, status, count(*) FROM calls GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4";
constexpr const char* hours =
    "SELECT org_id, hour, calls, answered, missed, failed, talk_ms FROM call_hours ORDER BY 1, 2";
constexpr const char* found =
    "SELECT c.seq, EXISTS (SELECT 1 FROM calls_search s WHERE s.rowid = c.seq AND s.calls_search MATCH "
    "'customer_number : \"' || substr(c.customer_number, -6) || '\"'), (SELECT w.words FROM calls_words w "
    "WHERE "
    "w.rowid = c.seq) FROM calls c ORDER BY 1";
constexpr const char* to_be_found =
    "SELECT c.seq, c.ended_at IS NOT NULL, CASE WHEN c.ended_at IS NOT NULL AND c.has_transcript THEN 'org' "
    "|| "
    "hex(c.org_id) || ' ' || (SELECT group_concat(t.text, char(10)) FROM call_transcripts t WHERE t.call_id "
    "= "
    "c.id AND t.org_id = c.org_id) END FROM calls c ORDER BY 1";

// Calls of two organizations live, are retried, end, are summarized and erased in any order; some of it is a
// conflict and changes nothing. The hours are compared with a count kept beside, because they outlive calls.
TEST(Rollups, are_what_a_full_count_says_after_any_history) {
  for (unsigned seed = 1; seed <= 3; ++seed) {
    SCOPED_TRACE(seed);
    TempStore store;
    std::mt19937 random{seed};
    const auto any = [&](unsigned n) { return unsigned(random() % n); };
    struct Living {
      domain::Call call;
      bool ended = false;
    };
    std::vector<Living> calls;
    std::map<std::pair<std::string, std::int64_t>, std::array<std::int64_t, 5>> expected_hours;
    for (int step = 0; step < 400; ++step) {
      const unsigned what = any(10);
      if (calls.empty() || what < 3) {
        domain::Call call = a_call();
        call.org = any(4) ? harbour : rival;
        call.created_at = noon + milliseconds{any(6 * 3'600'000)};
        call.direction = any(2) ? Direction::inbound : Direction::outbound;
        call.is_test = any(5) == 0;
        call.customer.number = "+44770" + std::to_string(1'000'000 + any(8'999'999));
        ASSERT_TRUE(store.write([&](Batch& b) { insert_call(b, call, this_boot); }));
        calls.push_back({call, false});
        continue;
      }
      const std::size_t at = any(unsigned(calls.size()));
      Living& one = calls[at];
      const CallKey key{one.call.org, one.call.id};
      domain::Turn turn;
      turn.id = TurnId{"turn_" + one.call.id.str() + std::to_string(any(3))};
      turn.text = "word" + std::to_string(any(1'000));
      bool kept = true;
      const auto written = store.write([&](Batch& b) {
        switch (what) {
          case 3:
            move_call(b, key, CallStatus::ringing, one.call.created_at);
            break;
          case 4:
            move_call(b, key, CallStatus::in_progress, one.call.created_at + 1s);
            if (!one.call.answered_at) one.call.answered_at = one.call.created_at + 1s;
            break;
          case 5:
          case 6: {
            const auto status = any(4) ? CallStatus::ended : CallStatus::failed;
            end_call(b, key, {status, "x", domain::FaultParty::nobody, ""}, one.call.created_at + 31s);
            one.call.status = status;
            break;
          }
          case 7:
            summarize_call(b, key, {.summary = "Summary " + std::to_string(any(100))});
            break;
          case 8:
            put_turn(b, key, turn);
            break;
          default:
            erase_call(b, key);
            kept = false;
        }
      });
      if (!written) {
        ASSERT_EQ(written.error().kind, Fault::conflict) << written.error().message;
        ASSERT_TRUE(what != 7 && what != 8);
        // A refused batch has changed nothing, so neither did the answer that it would have been.
        if (what == 4 && one.ended) one.call = *store.run(find_call(*store, key)).value();
        continue;
      }
      if (what == 5 || what == 6) {
        one.ended = true;
        one.call = *store.run(find_call(*store, key)).value();
        if (!one.call.is_test) {
          const auto hour = to_unix_ms(one.call.created_at) / 3'600'000 * 3'600'000;
          auto& sums = expected_hours[{one.call.org.str(), hour}];
          ++sums[0];
          sums[1] += one.call.answered_at ? 1 : 0;
          sums[2] += !one.call.answered_at && one.call.status == CallStatus::ended ? 1 : 0;
          sums[3] += one.call.status == CallStatus::failed ? 1 : 0;
          sums[4] += one.call.answered_at ? 30'000 : 0;
        }
      }
      if (!kept) calls.erase(calls.begin() + std::ptrdiff_t(at));
    }
    EXPECT_EQ(rows_of(store.path(), counted), rows_of(store.path(), recounted));
    EXPECT_EQ(rows_of(store.path(), found), rows_of(store.path(), to_be_found));
    Rows sums;
    for (const auto& [key, values] : expected_hours) {
      sums.push_back({key.first, std::to_string(key.second)});
      for (const auto value : values) sums.back().push_back(std::to_string(value));
    }
    EXPECT_EQ(rows_of(store.path(), hours), sums);
    EXPECT_GT(calls.size(), 5u);
  }
}

TEST(Rollups, are_exact_for_calls_put_in_by_the_thousand) {
  TempStore store;
  const std::string path = store.path();
  store.restart([&] {
    for (const std::int64_t count : {3'000, 500})
      add_calls(path, {.org = "harbour", .count = count, .newest = noon, .with_transcript = 7});
  });
  EXPECT_EQ(rows_of(path, counted), rows_of(path, recounted));
  EXPECT_EQ(rows_of(path, found), rows_of(path, to_be_found));
  EXPECT_EQ(
      rows_of(path, hours),
      rows_of(path,
              "SELECT org_id, created_at - created_at % 3600000, count(*), sum(answered_at IS NOT NULL), "
              "sum(answered_at IS NULL AND status = 'ended'), sum(status = 'failed'), "
              "coalesce(sum(duration_ms), 0) FROM calls WHERE is_test = 0 GROUP BY 1, 2 ORDER BY 1, 2"));
  EXPECT_EQ(rows_of(path, "SELECT count(*) FROM calls").at(0).at(0), "3500");
  store.write([&](Batch& b) { erase_call(b, {harbour, CallId{"call_00000000000000000000000007"}}); }).value();
  EXPECT_EQ(rows_of(path, counted), rows_of(path, recounted)) << "its triggers are back";
  EXPECT_EQ(rows_of(path, found), rows_of(path, to_be_found));
}

// Steps of SQLite's machine for each page of 20, in a database of so many calls, and as many of a rival.
std::map<std::string, int> steps_with(std::int64_t count) {
  TempStore made;
  const std::string path = made.path();
  made.restart([&] {
    for (const char* org : {"harbour", "rival"})
      add_calls(path, {.org = org, .count = count, .newest = noon, .with_transcript = 9});
  });
  async::LoopThread loop{"asking"};
  std::mutex mutex;
  int last = 0;
  SqliteOptions options{.path = path};
  options.inline_readers = {loop.executor()};
  options.on_run = [&](const Statement&, const Effort& effort) {
    const std::lock_guard lock{mutex};
    last += effort.steps;
    EXPECT_EQ(effort.walked + effort.sorts + effort.made_indexes, 0);
  };
  const auto store = SqliteStore::open(std::move(options)).value();
  const auto take = [&] {
    const std::lock_guard lock{mutex};
    return std::exchange(last, 0);
  };
  std::map<std::string, int> steps;
  std::optional<Cursor> next;
  const auto page = [&](const std::string& name, CallFilter filter, PageRequest request = {},
                        int expected = 20) {
    int rows = 0;
    take();
    const auto info = async::run_on(loop.executor(), page_of_calls(*store, harbour, std::move(filter),
                                                                   request, [&](const Row&) { ++rows; }));
    ASSERT_TRUE(info) << info.error().message;
    EXPECT_EQ(rows, expected) << name;
    next = info->next;
    steps[name] = take();
  };
  const UtcTime middle = noon - std::chrono::hours{1'080};
  page("newest", {});
  page("second", {}, {.after = next});
  page("from the middle", {.to = middle});
  page("cursor in the middle", {}, {.after = Cursor{to_unix_ms(middle), 0}});
  page("numbered", {}, {.page = 100});
  for (const bool test : {false, true}) {
    const std::string also = test ? ", test calls too" : "";
    page("failed" + also, {.status = CallStatus::failed, .include_test = test});
    page("outbound" + also, {.direction = Direction::outbound, .include_test = test});
    page("failed outbound" + also,
         {.status = CallStatus::failed, .direction = Direction::outbound, .include_test = test});
    page("all" + also, {.from = noon - std::chrono::hours{2'000}, .include_test = test});
  }
  page("a common word", {.search = "practice opens"});
  page("words that were said", {.search = "wheelchair parking"});
  for (const char* words : {"practice opens", "wheelchair parking"}) {
    const std::string these = std::string{words} + ", ";
    page(these + "of a time before all", {.to = noon - std::chrono::hours{3'000}, .search = words}, {}, 0);
    page(these + "of a time after all", {.from = noon + std::chrono::hours{100}, .search = words}, {}, 0);
    page(these + "since the middle", {.from = middle, .search = words});
    page(these + "of what rings", {.status = CallStatus::ringing, .search = words}, {}, 0);
  }
  take();
  EXPECT_TRUE(async::run_on(loop.executor(), visit_call_hours(*store, harbour, noon - std::chrono::hours{720},
                                                              noon, [](const Row&) {})));
  steps["30 days"] = take();
  store->stop();
  loop.stop();
  return steps;
}

// What FTS5 does by itself is no step: benchmarks/dashboard_bench --search takes the time of it.
TEST(PageCost, takes_as_many_steps_of_the_machine_among_many_calls_as_among_few) {
  const auto few = steps_with(4'000), many = steps_with(40'000);
  ASSERT_EQ(few.size(), many.size());
  for (const auto& [name, steps] : many) {
    EXPECT_LT(steps, name == "30 days" ? 20'000 : name == "numbered" ? 40'000 : 5'000) << name;
    EXPECT_LE(steps, few.at(name) * 1.5) << name << ": " << few.at(name) << " among few";
  }
}

}  // namespace
}  // namespace voxanne::store
