#include "store/sqlite/sqlite_store.h"

#include "async/worker_pool.h"
#include "store/sqlite/connection.h"
#include "store/sqlite/file_watch.h"
#include "store/sqlite/migrate.h"
#include "store/sqlite/open_file.h"
#include "store/sqlite/rows.h"
#include "store/sqlite/writer.h"

#include <algorithm>
#include <mutex>

namespace voxanne::store {
namespace {

// A web shard must not be held up by a lock; a worker may wait a little.
constexpr milliseconds inline_busy_timeout{5};
constexpr milliseconds worker_busy_timeout{500};

template <class Handler>
class Asking final : public Writer::Submission {
 public:
  Asking(Batch submitted, async::Executor executor, Handler handler)
      : Submission(std::move(submitted), executor), handler_(std::move(handler)) {}

  void answer(Result<> outcome) override { std::move(handler_)(std::move(outcome)); }

 private:
  Handler handler_;
};

constexpr Statement begin_read{"begin_read", "BEGIN"};
constexpr Statement end_read{"end_read", "COMMIT"};

// The connection of one loop. Beginning to read and ending it are file locks, which cost as much as a quick
// statement: what a loop reads in one turn it reads in one snapshot. One that the writer has committed
// something after is not read any further, so that everybody finds what was durable before they asked.
class InlineReader : public std::enable_shared_from_this<InlineReader> {
 public:
  InlineReader(async::Executor executor, Connection connection)
      : executor_(executor), connection_(std::move(connection)) {}

  bool serves(const async::Loop& loop) const { return &executor_.context() == &loop; }

  Result<> read(const Statement& statement, std::span<const Value> values, const RowVisitor& visit,
                std::uint64_t commits) {
    if (connection_.in_transaction() && commits != commits_) end();
    if (!connection_.in_transaction()) {
      if (auto begun = connection_.run(begin_read, {}); !begun) return begun;
      commits_ = commits;
      if (!std::exchange(ends_with_turn_, true))
        async::asio::post(executor_, [self = shared_from_this()] {
          self->ends_with_turn_ = false;
          self->end();
        });
    }
    return connection_.run(statement, values, visit);
  }

 private:
  void end() {
    if (connection_.in_transaction()) static_cast<void>(connection_.run(end_read, {}));
  }

  const async::Executor executor_;
  Connection connection_;
  std::uint64_t commits_ = 0;  // the writer's, when the snapshot began
  bool ends_with_turn_ = false;
};

// Workers with a connection each.
class Readers {
 public:
  Readers(std::string name, unsigned workers, milliseconds longest)
      : longest_(longest), workers_(std::move(name), workers) {}

  void put(Connection connection) {
    const std::lock_guard lock{mutex_};
    idle_.push_back(std::move(connection));
  }
  void stop() { workers_.stop(); }

  async::Task<Result<>> read(const Statement& statement, std::vector<Value> values, const RowVisitor& visit) {
    struct Ran {
      Result<> outcome;
      RowBuffer rows;
    };
    // Whoever leaves by an exception has nobody wait behind what they asked for.
    struct Leaving {
      std::shared_ptr<std::atomic<bool>> left = std::make_shared<std::atomic<bool>>(false);
      ~Leaving() { *left = true; }
    } const leaving;
    const Ran ran =
        co_await workers_.run_or_leave([this, &statement, asked = std::move(values), left = leaving.left] {
          const Patience patience{std::chrono::steady_clock::now() + longest_, left.get()};
          Connection reader = take();
          Ran done;
          if (!*left) done.outcome = reader.run_into(statement, asked, done.rows, patience);
          put(std::move(reader));
          return done;
        });
    if (ran.outcome && visit) ran.rows.visit_all(visit);
    co_return ran.outcome;
  }

 private:
  Connection take() {
    const std::lock_guard lock{mutex_};
    Connection connection = std::move(idle_.back());  // as many as there are workers
    idle_.pop_back();
    return connection;
  }

  const milliseconds longest_;
  async::Mutex mutex_;
  std::vector<Connection> idle_;
  async::WorkerPool workers_;  // uses what is above
};

}  // namespace

struct SqliteStore::State {
  State(const SqliteOptions& options, Connection writing)
      : files(options.path),
        writer(std::move(writing), files, {options.max_queued_batches, options.max_queued_bytes}),
        quick("store-reader", 1, options.longest_read),
        heavy("store-search", options.read_workers, options.longest_read),
        of_calls("store-calls", options.read_workers, options.longest_read),
        calls(options.calls) {}

  InlineReader* inline_reader(const async::Loop& loop) {
    for (const auto& reader : inline_readers)
      if (reader->serves(loop)) return reader.get();
    return nullptr;
  }

  Readers& workers_for(Cost cost, const async::Executor& asker) {
    if (cost == Cost::quick) return quick;
    const bool of_a_call = std::ranges::any_of(
        calls, [&](const async::Executor& loop) { return &loop.context() == &asker.context(); });
    return of_a_call ? of_calls : heavy;
  }

  FileWatch files;
  Writer writer;
  std::vector<std::shared_ptr<InlineReader>> inline_readers;  // fixed once open
  Readers quick, heavy, of_calls;  // what a call asks does not wait behind searches
  const std::vector<async::Executor> calls;
  std::atomic<bool> stopped{false};
};

Result<std::unique_ptr<SqliteStore>> SqliteStore::open(SqliteOptions options) {
  if (auto ready = prepare_file(options.path); !ready) return ready.error();
  auto writing = Connection::open(options.path, Connection::Mode::writer, options.busy_timeout);
  if (!writing) return writing.error();
  if (auto current = migrate(*writing, sqlite_migrations()); !current) return current.error();

  if (options.on_run) writing->watch(options.on_run);

  auto state = std::make_unique<State>(options, std::move(*writing));
  for (const async::Executor& executor : options.inline_readers) {
    auto reader = Connection::open(options.path, Connection::Mode::reader, inline_busy_timeout);
    if (!reader) return reader.error();
    if (options.on_run) reader->watch(options.on_run);
    state->inline_readers.push_back(std::make_shared<InlineReader>(executor, std::move(*reader)));
  }
  for (const auto& [readers, count] :
       {std::pair{&state->quick, 1u}, std::pair{&state->heavy, options.read_workers},
        std::pair{&state->of_calls, options.read_workers}})
    for (unsigned i = 0; i < count; ++i) {
      auto reader = Connection::open(options.path, Connection::Mode::reader, worker_busy_timeout);
      if (!reader) return reader.error();
      if (options.on_run) reader->watch(options.on_run);
      readers->put(std::move(*reader));
    }
  return std::unique_ptr<SqliteStore>{new SqliteStore{std::move(state)}};
}

SqliteStore::SqliteStore(std::unique_ptr<State> state) : state_(std::move(state)) {}

SqliteStore::~SqliteStore() { stop(); }

void SqliteStore::stop() {
  state_->stopped = true;
  state_->writer.stop();
  state_->quick.stop();
  state_->heavy.stop();
  state_->of_calls.stop();
}

async::Task<Result<>> SqliteStore::read(const Statement& statement, std::vector<Value> values,
                                        RowVisitor visit) {
  if (state_->stopped) co_return unavailable("store_stopped", "the store has been stopped");
  if (auto there = state_->files.check_lately(std::chrono::steady_clock::now()); !there) co_return there;

  const async::Executor home = co_await async::asio::this_coro::executor;
  if (statement.cost == Cost::quick)
    if (InlineReader* reader = state_->inline_reader(home.context()))
      co_return reader->read(statement, values, visit, state_->writer.commits());

  co_return co_await state_->workers_for(statement.cost, home).read(statement, std::move(values), visit);
}

async::Task<Result<>> SqliteStore::write(Batch batch) {
  const async::Executor home = co_await async::asio::this_coro::executor;
  co_return co_await async::asio::async_initiate<const async::asio::use_awaitable_t<async::Executor>&,
                                                 void(Result<>)>(
      [&](auto handler) {
        state_->writer.submit(
            std::make_unique<Asking<decltype(handler)>>(std::move(batch), home, std::move(handler)));
      },
      async::use_task);
}

}  // namespace voxanne::store
