// A real SQLite store in a directory of its own, and a loop on which to ask it. It has the
// organizations `harbour` and `rival`, each with assistant `reception`; the tests of every folder that
// keeps records use it.
//
//   TempStore store;
//   EXPECT_TRUE(store.write([&](Batch& batch) { insert_call(batch, …); }));
//   const auto call = store.run(find_call(*store, key));
//
// Statements are checked as they are used: one that is not among all_statements() fails the test,
// because nobody would have explained it; so does one that walked over a whole table or sorted.
#pragma once

#include "async/thread.h"
#include "store/calls.h"
#include "store/sqlite/sqlite_store.h"
#include "support/temp_dir.h"

#include <functional>
#include <memory>

namespace voxanne::test {

class Watched;

class TempStore {
 public:
  // Where reads run: on the asking loop, as on a web shard, or on a worker.
  enum class Readers { inlined, workers };
  explicit TempStore(Readers readers = Readers::inlined);
  ~TempStore();

  store::Store& operator*() { return *checked_; }
  store::Store* operator->() { return checked_.get(); }
  store::SqliteStore& sqlite() { return *store_; }
  async::Executor executor() { return loop_.executor(); }
  std::string path() const { return directory_ / "voxanne.db"; }

  template <class T>
  T run(async::Task<T> task) {
    return async::run_on(loop_.executor(), std::move(task));
  }
  Result<> write(const std::function<void(store::Batch&)>& fill);
  // Opens the same file again, as a restarted process would; meanwhile nobody has it open.
  void restart(const std::function<void()>& meanwhile = {});

 private:
  void open();

  std::shared_ptr<Watched> watched_;
  TempDir directory_;
  async::LoopThread loop_{"test-loop"};
  Readers readers_;
  std::unique_ptr<store::SqliteStore> store_;
  std::unique_ptr<store::Store> checked_;
};

inline const OrgId harbour{"harbour"};
inline const OrgId rival{"rival"};
inline const AssistantId reception{"reception"};
inline const store::Holder this_boot{"node-1", "boot-2"};
inline constexpr UtcTime noon{std::chrono::sys_days{std::chrono::year{2026} / 6 / 1} +
                              std::chrono::hours{12}};

// An inbound call of `harbour`, queued at noon.
domain::Call a_call();

}  // namespace voxanne::test
