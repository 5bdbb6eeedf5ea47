// Language models, one per organization, built from what it knows: in the background at start and
// half a second after a change of its knowledge, several of which are one. Until the first is built its
// callers are recognized with the receptionist's general one.
//
// Owner: the server. refresh() from any thread; building runs on the workers, one at a time.
#pragma once

#include "async/channel.h"
#include "async/clock.h"
#include "async/mutex.h"
#include "async/task_group.h"
#include "async/worker_pool.h"
#include "base/ids.h"
#include "base/time.h"
#include "store/store.h"

#include <condition_variable>
#include <filesystem>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace voxanne::app {

class LanguageModels {
 public:
  // The directory whose model serves organizations without one.
  static constexpr const char* general = "_general";

  LanguageModels(async::Executor executor, async::Clock& clock, store::Store& store,
                 async::WorkerPool& workers, std::filesystem::path directory);

  void start();
  async::Task<> stop() { return tasks_.stop(); }
  void refresh(OrgId org);
  // Blocks; false when the time passes first.
  bool wait_until_built(const OrgId& org, milliseconds limit);

  // What an organization's knowledge is about, since its model was last asked for. Of one not known since
  // the start nothing: it is looked up then, for its next call. Any thread.
  std::vector<std::string> topics_of(const OrgId& org);

  const std::filesystem::path& directory() const { return directory_; }

 private:
  async::Task<> work();
  async::Task<Result<>> build(const std::string& org);

  async::Executor executor_;
  async::Clock& clock_;
  store::Store& store_;
  async::WorkerPool& workers_;
  const std::filesystem::path directory_;
  std::set<std::string> wanted_;  // on the executor
  async::Event more_;
  std::mutex mutex_;
  std::condition_variable built_changed_;
  std::set<std::string> built_;
  async::Mutex topics_mutex_;  // shared with media shards
  std::map<std::string, std::vector<std::string>> topics_;
  async::TaskGroup tasks_;
};

}  // namespace voxanne::app
