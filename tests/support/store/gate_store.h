// A database that goes away and comes back, before a real one.
#pragma once

#include "store/store.h"

#include <atomic>
#include <functional>

namespace voxanne::test {

class GateStore final : public store::Store {
 public:
  enum class Mode {
    open,
    shut,  // nothing reaches the database
    deaf,  // it is done, and told as failed: the outcome is unknown to who asked
    hung,  // no answer until the gate is opened
  };
  explicit GateStore(store::Store& inner) : inner_(inner) {}

  async::Task<Result<>> read(const store::Statement& statement, std::vector<store::Value> values,
                             store::RowVisitor visit) override {
    while (reads_hang) co_await pause();
    co_return co_await inner_.read(statement, std::move(values), std::move(visit));
  }

  async::Task<Result<>> write(store::Batch batch) override {
    ++writes;
    if (before_step) before_step("database");
    while (mode == Mode::hung) co_await pause();
    if (mode == Mode::shut) co_return unavailable("database_locked", "shut on purpose");
    const bool deaf = mode == Mode::deaf;
    auto written = co_await inner_.write(std::move(batch));
    if (before_step) before_step("database answered");
    if (deaf) co_return unavailable("database_io_error", "deaf on purpose");
    co_return written;
  }

  std::atomic<Mode> mode{Mode::open};
  std::atomic<bool> reads_hang{false};
  std::atomic<int> writes{0};
  std::function<void(std::string_view step)> before_step;

 private:
  static async::Task<> pause() {
    async::SteadyTimer timer{co_await async::asio::this_coro::executor, milliseconds{1}};
    co_await timer.async_wait(async::use_task);
  }

  store::Store& inner_;
};

}  // namespace voxanne::test
