#include "async/mutex.h"

#include "async/thread.h"

#include <gtest/gtest.h>

#include <boost/asio/detail/mutex.hpp>

#include <sched.h>
#include <time.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <mutex>
#include <thread>
#include <vector>

namespace voxanne::async {
namespace {

void stay_on_one_core() {
  cpu_set_t allowed, one;
  sched_getaffinity(0, sizeof allowed, &allowed);
  CPU_ZERO(&one);
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(cpu, &allowed)) {
      CPU_SET(cpu, &one);
      break;
    }
  sched_setaffinity(0, sizeof one, &one);
}

bool run_in_real_time() {
  const sched_param lowest{.sched_priority = 1};
  return sched_setscheduler(0, SCHED_RR, &lowest) == 0;
}

void compute(std::chrono::milliseconds cpu) {
  const auto used = [] {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return std::chrono::seconds{now.tv_sec} + std::chrono::nanoseconds{now.tv_nsec};
  };
  for (const auto until = used() + cpu; used() < until;) {
  }
}

template <class Lock>
class SharedLock : public testing::Test {};
using Locks = testing::Types<Mutex, boost::asio::detail::mutex>;
TYPED_TEST_SUITE(SharedLock, Locks);

// A thread at nice 19 computes 20 ms while it holds the lock, on a core that others keep busy: by
// itself it gets half a hundredth of that core, which makes four seconds.
TYPED_TEST(SharedLock, who_holds_it_is_not_held_up_while_a_real_time_thread_waits) {
  TypeParam mutex;
  std::atomic<bool> held{false}, stop{false};
  std::chrono::milliseconds waited{-1};
  std::thread low{[&] {
    stay_on_one_core();
    prepare_thread("low", 19);
    const std::lock_guard lock{mutex};
    held = true;
    held.notify_all();
    compute(std::chrono::milliseconds{20});
  }};
  held.wait(false);
  std::vector<std::thread> busy;
  for (int i = 0; i < 3; ++i)
    busy.emplace_back([&] {
      stay_on_one_core();
      while (!stop) {
      }
    });
  std::thread high{[&] {
    stay_on_one_core();
    if (!run_in_real_time()) return;
    const auto began = std::chrono::steady_clock::now();
    {
      const std::lock_guard lock{mutex};
    }
    waited = std::chrono::floor<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began);
  }};
  high.join();
  stop = true;
  low.join();
  for (auto& thread : busy) thread.join();
  if (waited.count() < 0) GTEST_SKIP() << "real-time scheduling is not permitted here (LimitRTPRIO=2)";
  EXPECT_LT(waited.count(), 500);
}

TEST(Semaphore, a_post_before_the_wait_is_not_lost) {
  Semaphore semaphore;
  semaphore.post();
  semaphore.wait();
  std::thread poster{[&] { semaphore.post(); }};
  semaphore.wait();
  poster.join();
}

}  // namespace
}  // namespace voxanne::async
