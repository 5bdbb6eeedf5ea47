#include "support/store/temp_store.h"

#include "store/organizations.h"
#include "store/statements.h"

#include <set>
#include <stdexcept>

namespace voxanne::test {
namespace {

// Every typed record's statement is in the list that the query-plan test explains.
class CheckedStore final : public store::Store {
 public:
  explicit CheckedStore(store::Store& inner) : inner_(inner) {
    for (const store::Statement* statement : store::all_statements()) known_.insert(statement);
  }

  async::Task<Result<>> read(const store::Statement& statement, std::vector<store::Value> values,
                             store::RowVisitor visit) override {
    check(statement);
    return inner_.read(statement, std::move(values), std::move(visit));
  }
  async::Task<Result<>> write(store::Batch batch) override {
    for (const auto& step : batch.steps) check(*step.statement);
    return inner_.write(std::move(batch));
  }

 private:
  void check(const store::Statement& statement) const {
    if (!known_.contains(&statement))
      throw std::logic_error(std::string{statement.name} + " is missing in all_statements()");
  }

  store::Store& inner_;
  std::set<const store::Statement*> known_;
};

}  // namespace

TempStore::TempStore(Readers readers) : readers_(readers) {
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
  if (readers_ == Readers::inlined) options.inline_readers = {loop_.executor()};
  auto opened = store::SqliteStore::open(std::move(options));
  if (!opened) throw std::runtime_error(opened.error().message);
  store_ = std::move(*opened);
  checked_ = std::make_unique<CheckedStore>(*store_);
}

void TempStore::restart() {
  store_.reset();
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
