#include "support/store/temp_store.h"

#include "store/organizations.h"
#include "store/statements.h"

#include <mutex>
#include <set>
#include <stdexcept>

namespace voxanne::test {

// What was run as no statement may run, seen on whatever thread it ran.
class Watched {
 public:
  void ran(const store::Statement& statement, const store::Effort& effort) {
    if (effort.walked == 0 && effort.sorts == 0 && effort.made_indexes == 0) return;
    const std::lock_guard lock{mutex_};
    wrong_ = std::string{statement.name} + " walked over " + std::to_string(effort.walked) +
             " rows of a table, sorted " + std::to_string(effort.sorts) + " times and made " +
             std::to_string(effort.made_indexes) + " indexes";
  }
  void check() const {
    const std::lock_guard lock{mutex_};
    if (!wrong_.empty()) throw std::logic_error(wrong_);
  }

 private:
  mutable std::mutex mutex_;
  std::string wrong_;
};

namespace {

// Every typed record's statement is in the list that the query-plan test explains.
class CheckedStore final : public store::Store {
 public:
  CheckedStore(store::Store& inner, const Watched& watched) : inner_(inner), watched_(watched) {
    for (const store::Statement* statement : store::all_statements()) known_.insert(statement);
  }

  async::Task<Result<>> read(const store::Statement& statement, std::vector<store::Value> values,
                             store::RowVisitor visit) override {
    check(statement);
    auto read = co_await inner_.read(statement, std::move(values), std::move(visit));
    watched_.check();
    co_return read;
  }
  async::Task<Result<>> write(store::Batch batch) override {
    for (const auto& step : batch.steps) check(*step.statement);
    auto written = co_await inner_.write(std::move(batch));
    watched_.check();
    co_return written;
  }

 private:
  void check(const store::Statement& statement) const {
    if (!known_.contains(&statement))
      throw std::logic_error(std::string{statement.name} + " is missing in all_statements()");
  }

  store::Store& inner_;
  const Watched& watched_;
  std::set<const store::Statement*> known_;
};

}  // namespace

TempStore::TempStore(Readers readers) : watched_(std::make_shared<Watched>()), readers_(readers) {
  open();
  const auto filled = write([](store::Batch& batch) {
    for (const OrgId& org : {harbour, rival}) {
      put_organization(batch, {org, "Organization " + org.str(), "UTC", 0}, noon);
      domain::Assistant assistant;
      assistant.id = reception;
      assistant.org = org;
      assistant.name = "Reception";
      put_assistant(batch, assistant, noon);
    }
  });
  if (!filled) throw std::runtime_error(filled.error().message);
}

TempStore::~TempStore() {
  store_->stop();
  loop_.stop();
}

void TempStore::open() {
  store::SqliteOptions options{.path = path()};
  options.on_run = [watched = watched_](const store::Statement& statement, const store::Effort& effort) {
    watched->ran(statement, effort);
  };
  if (readers_ == Readers::inlined) options.inline_readers = {loop_.executor()};
  auto opened = store::SqliteStore::open(std::move(options));
  if (!opened) throw std::runtime_error(opened.error().message);
  store_ = std::move(*opened);
  checked_ = std::make_unique<CheckedStore>(*store_, *watched_);
}

void TempStore::restart(const std::function<void()>& meanwhile) {
  store_.reset();
  run([]() -> async::Task<> { co_return; }());  // what the loop's last turn read is closed as well
  if (meanwhile) meanwhile();
  open();
}

Result<> TempStore::write(const std::function<void(store::Batch&)>& fill) {
  store::Batch batch;
  fill(batch);
  return run(checked_->write(std::move(batch)));
}

domain::Call a_call() {
  domain::Call call;
  call.id = CallId::make();
  call.org = harbour;
  call.assistant = reception;
  call.customer = {"+447700900123", "Ada Lovelace"};
  call.created_at = noon;
  return call;
}

}  // namespace voxanne::test
