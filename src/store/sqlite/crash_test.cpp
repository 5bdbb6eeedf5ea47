// The process dies, or the real disk refuses: in children of the test.
#include "store/sqlite/sqlite_store.h"

#include "async/task_group.h"
#include "async/thread.h"
#include "store/calls.h"
#include "store/organizations.h"
#include "support/store/temp_store.h"

#include <gtest/gtest.h>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <functional>
#include <iostream>
#include <map>

namespace voxanne::store {
namespace {

using namespace test;

constexpr Statement count_logs{"test.logs", "SELECT call_id, count(*) FROM call_logs GROUP BY call_id"};
constexpr Statement count_calls{"test.calls",
                                "SELECT c.id, (SELECT sum(calls) FROM call_counters) FROM calls c"};

constexpr int writers = 8;
constexpr int lines = 3;

// Runs `body` in a child whose exit status is 0 only if it returns true.
pid_t start_child(const std::function<bool()>& body) {
  const pid_t child = fork();
  if (child == 0) {
    bool passed = false;
    try {
      passed = body();
    } catch (const std::exception& e) {
      std::cerr << "child: " << e.what() << "\n";
    }
    _exit(passed ? 0 : 1);
  }
  return child;
}

std::unique_ptr<SqliteStore> open_at(const std::string& path) {
  auto opened = SqliteStore::open({.path = path});
  if (!opened) throw std::runtime_error(opened.error().message);
  return std::move(*opened);
}

// Writes calls, each with its log lines in one batch, and says which are acknowledged.
async::Task<> write_calls(Store& store, int writer, int acknowledged) {
  for (int i = 0;; ++i) {
    domain::Call call = a_call();
    call.id = CallId{std::to_string(getpid()) + "-" + std::to_string(writer) + "-" + std::to_string(i)};
    Batch batch;
    insert_call(batch, call, this_boot);
    for (int line = 0; line < lines; ++line) log_event(batch, {call.org, call.id}, noon, "line");
    if (!co_await store.write(std::move(batch))) continue;
    const std::string said = call.id.str() + "\n";
    if (write(acknowledged, said.data(), said.size()) != ssize_t(said.size())) co_return;
  }
}

void write_until_killed(const std::string& path, int acknowledged) {
  async::LoopThread loop{"writer"};
  const auto store = open_at(path);
  async::TaskGroup tasks{loop.executor(), "writers"};
  for (int i = 0; i < writers; ++i) tasks.spawn(write_calls(*store, i, acknowledged));
  pause();
}

TEST(Crash, kill_9_loses_no_acknowledged_batch_and_leaves_none_by_half) {
  const TempDir directory;
  const std::string path = directory / "crash.db";
  ASSERT_EQ(0, [&] {
    const pid_t child = start_child([&] {
      async::LoopThread loop{"setup"};  // outlives the store that posts to it
      const auto store = open_at(path);
      Batch batch;
      put_organization(batch, {harbour, "Harbour", "UTC", 0}, noon);
      return async::run_on(loop.executor(), store->write(std::move(batch))).has_value();
    });
    int status = -1;
    waitpid(child, &status, 0);
    return status;
  }());

  std::string acknowledged;
  for (int round = 0; round < 6; ++round) {
    int said[2];
    ASSERT_EQ(pipe(said), 0);
    const pid_t child = start_child([&] {
      write_until_killed(path, said[1]);
      return false;
    });
    close(said[1]);
    // Killed in the middle of its work: after so many acknowledgements, while the next are under way.
    char buffer[4096];
    std::size_t heard = 0;
    while (heard < 2'000 + std::size_t(round) * 1'357) {
      const ssize_t length = read(said[0], buffer, sizeof buffer);
      ASSERT_GT(length, 0);
      acknowledged.append(buffer, std::size_t(length));
      heard += std::size_t(length);
    }
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_TRUE(WIFSIGNALED(status));
    for (ssize_t length; (length = read(said[0], buffer, sizeof buffer)) > 0;)
      acknowledged.append(buffer, std::size_t(length));
    close(said[0]);
  }

  async::LoopThread loop{"reader"};
  const auto store = open_at(path);
  std::map<std::string, std::int64_t> logs;
  std::int64_t calls = 0, counted = 0;
  ASSERT_TRUE(async::run_on(loop.executor(), store->read(count_logs, {}, [&](const Row& row) {
    logs[row.str(0)] = row.integer(1);
  })));
  ASSERT_TRUE(async::run_on(loop.executor(), store->read(count_calls, {}, [&](const Row& row) {
    ++calls;
    counted = row.integer(1);
    EXPECT_EQ(logs[row.str(0)], lines) << row.text(0);
  })));
  EXPECT_EQ(counted, calls) << "the counters were committed with what they count";
  std::size_t checked = 0;
  for (std::size_t at = 0; at < acknowledged.size(); ++checked) {
    const std::size_t end = acknowledged.find('\n', at);
    if (end == std::string::npos) break;  // cut off by the kill
    EXPECT_TRUE(logs.contains(acknowledged.substr(at, end - at))) << acknowledged.substr(at, end - at);
    at = end + 1;
  }
  EXPECT_GT(checked, 100u);
}

// The write-ahead log may not grow over the process's limit: the disk as it really refuses.
TEST(Crash, a_file_size_limit_is_a_full_disk_and_is_got_over) {
  const TempDir directory;
  const pid_t child = start_child([&] {
    signal(SIGXFSZ, SIG_IGN);
    async::LoopThread loop{"writer"};
    const auto store = open_at(directory / "full.db");
    const auto write_padding = [&](const std::string& id) {
      Batch batch;
      put_organization(batch, {OrgId{id}, std::string(100'000, 'x'), "UTC", 0}, noon);
      return async::run_on(loop.executor(), store->write(std::move(batch)));
    };
    rlimit limit{};
    getrlimit(RLIMIT_FSIZE, &limit);
    const rlimit tight{1'500'000, limit.rlim_max};
    setrlimit(RLIMIT_FSIZE, &tight);
    std::string code;
    int written = 0;
    for (int i = 0; i < 100 && code.empty(); ++i) {
      const auto done = write_padding("org-" + std::to_string(i));
      if (done)
        ++written;
      else
        code = done.error().code;
    }
    setrlimit(RLIMIT_FSIZE, &limit);
    const auto after = write_padding("after");
    std::int64_t rows = 0;
    constexpr static Statement count{"test.count", "SELECT count(*) FROM organizations"};
    const auto read = async::run_on(loop.executor(),
                                    store->read(count, {}, [&](const Row& row) { rows = row.integer(0); }));
    const bool passed = code == "disk_full" && after && read && rows == written + 1;
    if (!passed) std::cerr << "code " << code << ", written " << written << ", rows " << rows << "\n";
    return passed;
  });
  int status = -1;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace voxanne::store
