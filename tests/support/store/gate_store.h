// A database that goes away and comes back, before a real one. Writes that are held while it hangs are let
// through one after another, in the order in which they came; who comes meanwhile waits behind them.
#pragma once

#include "store/store.h"

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

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
  // Lets through whom it still holds: nobody may wait for it afterwards.
  ~GateStore() override {
    mode = Mode::open;
    for (int ms = 0; held() > 0 && ms < 2'000; ++ms) std::this_thread::sleep_for(milliseconds{1});
  }

  async::Task<Result<>> read(const store::Statement& statement, std::vector<store::Value> values,
                             store::RowVisitor visit) override {
    while (reads_hang) co_await pause();
    co_return co_await inner_.read(statement, std::move(values), std::move(visit));
  }

  async::Task<Result<>> write(store::Batch batch) override {
    ++writes;
    if (before_step) before_step("database");
    std::optional<Turn> turn;
    if (mode == Mode::hung || held() > 0) {
      turn.emplace(turns_);
      while (mode == Mode::hung || !turn->has_come()) co_await pause();
    }
    if (mode == Mode::shut) co_return unavailable("database_locked", "shut on purpose");
    const bool deaf = mode == Mode::deaf;
    auto written = co_await inner_.write(std::move(batch));
    if (before_step) before_step("database answered");
    if (deaf) co_return unavailable("database_io_error", "deaf on purpose");
    co_return written;
  }

  // Writes that wait for the gate to open, or for those before them.
  std::size_t held() const {
    const std::lock_guard lock{turns_->mutex};
    return turns_->waiting.size();
  }

  std::atomic<Mode> mode{Mode::open};
  std::atomic<bool> reads_hang{false};
  std::atomic<int> writes{0};
  std::function<void(std::string_view step)> before_step;

 private:
  // Shared with whoever waits: a loop that has stopped may keep them until after this has gone.
  struct Turns {
    std::mutex mutex;
    std::set<int> waiting;
    int next = 0;
  };
  class Turn {
   public:
    explicit Turn(std::shared_ptr<Turns> turns) : turns_(std::move(turns)) {
      const std::lock_guard lock{turns_->mutex};
      number_ = turns_->next++;
      turns_->waiting.insert(number_);
    }
    ~Turn() {
      const std::lock_guard lock{turns_->mutex};
      turns_->waiting.erase(number_);
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    bool has_come() const {
      const std::lock_guard lock{turns_->mutex};
      return *turns_->waiting.begin() == number_;
    }

   private:
    const std::shared_ptr<Turns> turns_;
    int number_;
  };

  static async::Task<> pause() {
    async::SteadyTimer timer{co_await async::asio::this_coro::executor, milliseconds{1}};
    co_await timer.async_wait(async::use_task);
  }

  store::Store& inner_;
  const std::shared_ptr<Turns> turns_ = std::make_shared<Turns>();
};

}  // namespace voxanne::test
