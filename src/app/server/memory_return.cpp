#include "app/server/memory_return.h"

#include "async/thread.h"

#include <malloc.h>

#include <algorithm>

namespace voxanne::app {

namespace {
constexpr seconds look_every{1};
constexpr std::size_t many = 500;  // some megabytes
}  // namespace

void MemoryReturn::start(std::function<std::size_t()> connections) {
  async::asio::post(tasks_.executor(), [this, counted = std::move(connections)]() mutable {
    tasks_.spawn(watch(std::move(counted)));
  });
}

void MemoryReturn::stop() { async::run_on(tasks_.executor(), tasks_.stop()); }

async::Task<> MemoryReturn::watch(std::function<std::size_t()> connections) {
  for (std::size_t most = 0;;) {
    co_await clock_.sleep_for(look_every);
    const std::size_t now = connections();
    most = std::max(most, now);
    if (most - now < many) continue;
    malloc_trim(0);
    most = now;
  }
}

}  // namespace voxanne::app
