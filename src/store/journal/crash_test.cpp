// The process is killed at every step of journalling and of draining: nothing acknowledged is lost and
// nothing is there twice.
#include "base/ids.h"
#include "store/calls.h"
#include "store/journal/journal.h"
#include "store/organizations.h"
#include "store/sqlite/sqlite_store.h"
#include "store/statements.h"
#include "support/store/gate_store.h"
#include "support/store/temp_store.h"

#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <iostream>
#include <map>

namespace voxanne::store {
namespace {

using namespace test;
namespace fs = std::filesystem;

constexpr int calls = 3;

CallKey call_key(int call) { return {harbour, CallId{"call-" + std::to_string(call)}}; }

std::unique_ptr<SqliteStore> open_at(const fs::path& directory) {
  auto opened = SqliteStore::open({.path = directory / "voxanne.db"});
  if (!opened) throw std::runtime_error(opened.error().message);
  return std::move(*opened);
}

// Everything that a process does, killed by itself before its n-th step; true when it got to the end.
class Process {
 public:
  Process(const fs::path& directory, int kill_at, int acknowledged)
      : kill_at_(kill_at), acknowledged_(acknowledged), sqlite_(open_at(directory)) {
    const auto step = [this](std::string_view) {
      if (++steps_ == kill_at_) kill(getpid(), SIGKILL);
    };
    gate_.before_step = step;
    journal_ = Journal::open(
                   gate_, clock_, loop_.executor(),
                   {.directory = directory / "journal", .statements = all_statements(), .before_step = step})
                   .value();
  }

  bool run() {
    using Mode = GateStore::Mode;
    write(2);
    gate_.mode = Mode::deaf;
    write(1);
    gate_.mode = Mode::shut;
    write(3);
    gate_.mode = Mode::open;
    if (!async::run_on(loop_.executor(), journal_->drain())) return false;
    write(2);
    gate_.mode = Mode::shut;
    write(1);
    gate_.mode = Mode::open;
    if (!async::run_on(loop_.executor(), journal_->drain())) return false;
    async::run_on(loop_.executor(), journal_->stop());
    sqlite_->stop();
    return ok_;
  }

 private:
  void write(int each) {
    for (int i = 0; i < each; ++i)
      for (int call = 0; call < calls; ++call) {
        Batch batch;
        const int number = ++numbers_[call];
        batch.once = Batch::Once{streams_[call], number};
        log_event(batch, call_key(call), noon, std::to_string(number));
        ok_ &= async::run_on(loop_.executor(), journal_->write(std::move(batch))).has_value();
        const char said[] = {char('0' + call), char(number)};
        ok_ &= ::write(acknowledged_, said, 2) == 2;
      }
  }

  const int kill_at_, acknowledged_;
  std::atomic<int> steps_{0};
  bool ok_ = true;
  std::string streams_[calls] = {make_ulid(), make_ulid(), make_ulid()};
  int numbers_[calls] = {};
  async::SystemClock clock_;
  async::LoopThread loop_{"child"};
  std::unique_ptr<SqliteStore> sqlite_;
  GateStore gate_{*sqlite_};
  std::unique_ptr<Journal> journal_;
};

void judge(const fs::path& directory, std::map<int, int> acknowledged) {
  async::LoopThread loop{"judge"};
  async::SystemClock clock;
  const auto sqlite = open_at(directory);
  auto journal = Journal::open(*sqlite, clock, loop.executor(),
                               {.directory = directory / "journal", .statements = all_statements()});
  ASSERT_TRUE(journal) << journal.error().message;
  ASSERT_TRUE(async::run_on(loop.executor(), (*journal)->drain()));
  for (int call = 0; call < calls; ++call) {
    int expected = 0;
    ASSERT_TRUE(async::run_on(loop.executor(), visit_log(*sqlite, call_key(call), [&](const Row& row) {
                                EXPECT_EQ(std::stoi(row.str(log_column::type)), ++expected)
                                    << "in order, none missing, none twice";
                              })));
    EXPECT_GE(expected, acknowledged[call]) << "acknowledged and lost";
    EXPECT_LE(expected, acknowledged[call] + 1);
  }
  EXPECT_FALSE(holds_segments(directory / "journal"));
  EXPECT_FALSE(fs::exists(directory / "journal/refused.bad"));
  async::run_on(loop.executor(), (*journal)->stop());
  sqlite->stop();
}

TEST(JournalCrash, killed_at_every_step_nothing_is_lost_and_nothing_is_there_twice) {
  const TempDir model;
  {
    async::LoopThread loop{"setup"};
    const auto store = open_at(model.path());
    Batch batch;
    put_organization(batch, {harbour, "Harbour", "UTC", 0}, noon);
    for (int i = 0; i < calls; ++i) {
      domain::Call call = a_call();
      call.id = call_key(i).id;
      insert_call(batch, call, this_boot);
    }
    ASSERT_TRUE(async::run_on(loop.executor(), store->write(std::move(batch))));
    store->stop();
  }
  int kills = 0;
  for (bool ended = false; !ended; ++kills) {
    SCOPED_TRACE(testing::Message() << "killed before step " << kills + 1);
    ASSERT_LT(kills, 400);
    const TempDir directory;
    fs::copy(model.path(), directory.path(), fs::copy_options::recursive);
    int said[2];
    ASSERT_EQ(pipe(said), 0);
    const pid_t child = fork();
    if (child == 0) {
      bool passed = false;
      try {
        passed = Process{directory.path(), kills + 1, said[1]}.run();
      } catch (const std::exception& e) {
        std::cerr << "child: " << e.what() << "\n";
      }
      _exit(passed ? 0 : 1);
    }
    close(said[1]);
    std::map<int, int> acknowledged;
    char heard[2];
    while (read(said[0], heard, 2) == 2) acknowledged[heard[0] - '0'] = heard[1];
    close(said[0]);
    int status = 0;
    waitpid(child, &status, 0);
    ended = WIFEXITED(status);
    if (ended) {
      EXPECT_EQ(WEXITSTATUS(status), 0);
    } else {
      EXPECT_EQ(WTERMSIG(status), SIGKILL);
    }
    judge(directory.path(), acknowledged);
    if (HasFatalFailure()) return;
  }
  EXPECT_GT(kills, 60) << "the sweep reaches into journalling and draining";
}

}  // namespace
}  // namespace voxanne::store
