// What the store costs, in CPU microseconds of the whole process, beside SQLite used directly on the
// same schema and the same rows: a dashboard page of 20 and the creation of a call, with 100,000 calls.
//
//   store_bench [calls]
#include "async/thread.h"
#include "store/calls.h"
#include "store/organizations.h"
#include "store/sqlite/sqlite_store.h"
#include "support/temp_dir.h"

#include <sqlite3.h>
#include <sys/resource.h>

#include <boost/asio/use_future.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <future>
#include <stdexcept>
#include <string>
#include <vector>

using namespace voxanne;

namespace {

const OrgId org{"bench"};
const store::Holder holder{"node", "boot"};
constexpr UtcTime start{std::chrono::sys_days{std::chrono::year{2026} / 6 / 1}};

double cpu_us() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto of = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_usec);
  };
  return of(usage.ru_utime) + of(usage.ru_stime);
}

// CPU a repetition; the median of five rounds, since the machine is shared.
double measure(int repetitions, const std::function<void()>& round) {
  std::vector<double> costs;
  for (int i = 0; i < 5; ++i) {
    const double before = cpu_us();
    round();
    costs.push_back((cpu_us() - before) / repetitions);
  }
  std::nth_element(costs.begin(), costs.begin() + 2, costs.end());
  return costs[2];
}

domain::Call call_at(int i) {
  domain::Call call;
  call.id = CallId::make();
  call.org = org;
  call.assistant = AssistantId{"assistant"};
  call.customer = {"+4477009" + std::to_string(100'000 + i % 900'000), "Customer " + std::to_string(i)};
  call.created_at = start + seconds{i};
  return call;
}

void add_call(store::Batch& batch, const domain::Call& call) {
  insert_call(batch, call, holder);
  log_event(batch, {call.org, call.id}, call.created_at, "call.created");
}

void must(const Result<>& outcome) {
  if (!outcome) throw std::runtime_error(outcome.error().message);
}

struct Raw {
  explicit Raw(const std::string& path) {
    sqlite3_open(path.c_str(), &db);
    execute("PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;");
  }
  ~Raw() {
    sqlite3_finalize(statement);
    sqlite3_close(db);
  }
  void execute(const char* sql) {
    if (sqlite3_exec(db, sql, nullptr, nullptr, nullptr) != SQLITE_OK)
      throw std::runtime_error(sqlite3_errmsg(db));
  }
  void prepare(const char* sql) {
    sqlite3_finalize(statement);
    if (sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr) != SQLITE_OK)
      throw std::runtime_error(sqlite3_errmsg(db));
  }
  sqlite3* db = nullptr;
  sqlite3_stmt* statement = nullptr;
};

constexpr int columns = store::call_column::fault + 1;
std::size_t sink = 0;

void read_row(const store::Row& row) {
  for (int i = 0; i < columns; ++i) sink += row.text(i).size();
}

double raw_page(Raw& raw, int repetitions) {
  raw.prepare(
      "SELECT seq, created_at, id, org_id, assistant_id, phone_number_id, direction, channel, status, "
      "ended_reason, customer_number, customer_name, contact_id, started_at, answered_at, ended_at, "
      "duration_ms, "
      "cost_cents, has_recording, recording_status, has_transcript, summary, outcome, sentiment_label, "
      "sentiment_score, tools_used, appointment_id, is_test, metadata, fault FROM calls WHERE org_id = "
      "'bench' "
      "AND is_test = 0 ORDER BY created_at DESC, seq DESC LIMIT 21");
  return measure(repetitions, [&] {
    for (int i = 0; i < repetitions; ++i) {
      while (sqlite3_step(raw.statement) == SQLITE_ROW)
        for (int column = 0; column < columns; ++column)
          sink += sqlite3_column_text(raw.statement, column)
                      ? static_cast<std::size_t>(sqlite3_column_bytes(raw.statement, column))
                      : 0;
      sqlite3_reset(raw.statement);
    }
  });
}

double our_page(store::Store& store, async::LoopThread& shard, store::CallFilter filter, int repetitions) {
  return measure(repetitions, [&] {
    async::run_on(shard.executor(), [](store::Store& s, store::CallFilter f, int n) -> async::Task<int> {
      for (int i = 0; i < n; ++i) {
        const auto info = co_await page_of_calls(s, org, f, {}, read_row);
        if (!info) throw std::runtime_error(info.error().message);
      }
      co_return n;
    }(store, filter, repetitions));
  });
}

// The same rows, one transaction for as many as a group takes.
double raw_create(Raw& raw, int repetitions, int group, int& next) {
  raw.prepare(
      "INSERT INTO calls (org_id, id, assistant_id, phone_number_id, direction, channel, status, "
      "customer_number, customer_name, created_at, node_id, boot_id) VALUES ('bench', ?1, 'assistant', '', "
      "'inbound', 'sip', 'queued', ?2, ?3, ?4, 'node', 'boot')");
  sqlite3_stmt* line = nullptr;
  sqlite3_prepare_v2(
      raw.db, "INSERT INTO call_logs (org_id, call_id, at, type) VALUES ('bench', ?1, ?2, 'call.created')",
      -1, &line, nullptr);
  const double cost = measure(repetitions, [&] {
    for (int done = 0; done < repetitions; done += group) {
      raw.execute("BEGIN IMMEDIATE");
      for (int i = 0; i < group; ++i) {
        const domain::Call call = call_at(next++);
        sqlite3_bind_text(raw.statement, 1, call.id.str().c_str(), -1, SQLITE_TRANSIENT);
        sqlite3_bind_text(raw.statement, 2, call.customer.number.c_str(), -1, SQLITE_TRANSIENT);
        sqlite3_bind_text(raw.statement, 3, call.customer.name.c_str(), -1, SQLITE_TRANSIENT);
        sqlite3_bind_int64(raw.statement, 4, to_unix_ms(call.created_at));
        if (sqlite3_step(raw.statement) != SQLITE_DONE) throw std::runtime_error(sqlite3_errmsg(raw.db));
        sqlite3_reset(raw.statement);
        sqlite3_bind_text(line, 1, call.id.str().c_str(), -1, SQLITE_TRANSIENT);
        sqlite3_bind_int64(line, 2, to_unix_ms(call.created_at));
        if (sqlite3_step(line) != SQLITE_DONE) throw std::runtime_error(sqlite3_errmsg(raw.db));
        sqlite3_reset(line);
      }
      raw.execute("COMMIT");
    }
  });
  sqlite3_finalize(line);
  return cost;
}

// `askers` at a time wait for their write, as that many requests would.
double our_create(store::Store& store, async::LoopThread& shard, int repetitions, int askers, int& next) {
  return measure(repetitions, [&] {
    std::vector<std::future<void>> running;
    for (int asker = 0; asker < askers; ++asker)
      running.push_back(async::asio::co_spawn(
          shard.executor(),
          [](store::Store& s, int n, int& number) -> async::Task<> {
            for (int i = 0; i < n; ++i) {
              store::Batch batch;
              add_call(batch, call_at(number++));
              must(co_await s.write(std::move(batch)));
            }
          }(store, repetitions / askers, next),
          async::asio::use_future));
    for (auto& each : running) each.get();
  });
}

}  // namespace

int main(int argc, char** argv) {
  const int calls = argc > 1 ? std::atoi(argv[1]) : 100'000;
  const test::TempDir directory;
  const std::string path = directory / "bench.db";
  async::LoopThread shard{"shard"};
  auto opened = store::SqliteStore::open({.path = path, .inline_readers = {shard.executor()}});
  if (!opened) {
    std::fprintf(stderr, "%s\n", opened.error().message.c_str());
    return 1;
  }
  store::SqliteStore& store = **opened;
  store::Batch setup;
  put_organization(setup, {org, "Bench", "UTC", 0}, start);
  must(async::run_on(shard.executor(), store.write(std::move(setup))));
  int next = 0;
  for (int from = 0; from < calls; from += 1'000) {
    store::Batch batch;
    for (int i = 0; i < 1'000; ++i) {
      const domain::Call call = call_at(next++);
      const store::CallKey key{call.org, call.id};
      insert_call(batch, call, holder);
      move_call(batch, key, domain::CallStatus::in_progress, call.created_at + 3s);
      end_call(batch, key, {domain::CallStatus::ended, "customer-ended-call", domain::FaultParty::nobody, ""},
               call.created_at + 63s);
      summarize_call(batch, key,
                     {.summary = "Asked about the opening hours on Saturday and the price of a check-up."});
    }
    must(async::run_on(shard.executor(), store.write(std::move(batch))));
  }

  const int pages = 4'000, creates = 8'192;
  Raw raw{path};
  std::printf("CPU µs each, %d calls\n\n", calls);
  std::printf("page of 20                          SQLite directly  %6.1f\n", raw_page(raw, pages));
  std::printf("                                    store            %6.1f\n",
              our_page(store, shard, {}, pages));
  std::printf("  of one status (a merge of two)    store            %6.1f\n",
              our_page(store, shard, {.status = domain::CallStatus::ended}, pages));
  std::printf("create a call and its log line, 256 a commit   SQLite directly  %6.1f\n",
              raw_create(raw, creates, 256, next));
  std::printf("                                               store            %6.1f\n",
              our_create(store, shard, creates, 256, next));
  std::printf("                              one a commit     SQLite directly  %6.1f\n",
              raw_create(raw, 512, 1, next));
  std::printf("                                               store            %6.1f\n",
              our_create(store, shard, 512, 1, next));
  store.stop();
  shard.stop();
  return sink == 0;
}
