#include "app/server/models.h"

#include "base/log.h"
#include "knowledge/vocabulary.h"
#include "speech/pocketsphinx/language_model.h"
#include "store/organizations.h"

#include <malloc.h>

namespace voxanne::app {

namespace {
constexpr milliseconds rest{500};
}  // namespace

LanguageModels::LanguageModels(async::Executor executor, async::Clock& clock, store::Store& store,
                               async::WorkerPool& workers, std::filesystem::path directory)
    : executor_(executor),
      clock_(clock),
      store_(store),
      workers_(workers),
      directory_(std::move(directory)),
      more_(executor),
      tasks_(executor, "app.models") {}

void LanguageModels::start() {
  async::asio::post(executor_, [this] { tasks_.spawn(work()); });
}

void LanguageModels::refresh(OrgId org) {
  async::asio::post(executor_, [this, org = std::move(org)] {
    wanted_.insert(org.str());
    more_.set();
  });
}

bool LanguageModels::wait_until_built(const OrgId& org, milliseconds limit) {
  std::unique_lock lock{mutex_};
  return built_changed_.wait_for(lock, limit, [&] { return built_.contains(org.str()); });
}

std::vector<std::string> LanguageModels::topics_of(const OrgId& org) {
  {
    const std::lock_guard lock{topics_mutex_};
    if (const auto known = topics_.find(org.str()); known != topics_.end()) return known->second;
  }
  refresh(org);
  return {};
}

async::Task<> LanguageModels::work() {
  wanted_.insert(general);
  for (;;) {
    while (!wanted_.empty()) {
      const std::string org = *wanted_.begin();
      wanted_.erase(wanted_.begin());
      if (const auto built = co_await build(org); built.has_error())
        log::error("model.not_built",
                   {{"orgId", org}, {"code", built.error().code}, {"error", built.error().message}});
      const std::lock_guard lock{mutex_};
      built_.insert(org);
      built_changed_.notify_all();
    }
    more_.reset();
    co_await more_.wait();
    co_await clock_.sleep_for(rest);
  }
}

async::Task<Result<>> LanguageModels::build(const std::string& org) {
  speech::pocketsphinx::ModelInput input;
  if (org != general) {
    const OrgId id{org};
    auto vocabulary = co_await knowledge::vocabulary_of(store_, id);
    if (vocabulary.has_error()) co_return vocabulary.error();
    input.knowledge = std::move(vocabulary->sentences);
    {
      const std::lock_guard lock{topics_mutex_};
      topics_[org] = std::move(vocabulary->topics);
    }
    auto organization = co_await store::find_organization(store_, id);
    if (organization.has_error()) co_return organization.error();
    if (*organization) input.names.push_back((*organization)->name);
    auto assistants = co_await store::assistants_of(store_, id);
    if (assistants.has_error()) co_return assistants.error();
    for (const auto& assistant : *assistants) input.names.push_back(assistant.name);
  }
  const auto target = directory_ / org;
  const auto built =
      co_await workers_.run([&input, &target] { return speech::pocketsphinx::build_model(input, target); });
  malloc_trim(0);  // the dictionary and its counts were tens of megabytes for a moment
  if (built.has_error()) co_return built.error();
  log::info("model.built", {{"orgId", org},
                            {"words", built->words},
                            {"ngrams", built->ngrams},
                            {"unchanged", built->was_current}});
  co_return Result<>{};
}

}  // namespace voxanne::app
