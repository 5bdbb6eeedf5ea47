#include "media/shard.h"

#include "async/priority.h"
#include "base/unhandled.h"
#include "media/lag_histogram.h"

#include <algorithm>
#include <optional>

namespace voxanne::media {

struct Shard::Impl {
  explicit Impl(std::string name)
      : thread(std::in_place, std::move(name), -10), executor(thread->executor()), timer(executor) {
    async::asio::post(executor, [this] {
      // Niceness alone does not keep a tick on time beside threads that compute.
      async::run_in_real_time(async::RealTime::audio);
      due = std::chrono::steady_clock::now() + tick_interval;
      arm();
    });
  }
  explicit Impl(async::Executor external) : executor(external), timer(external) {}

  void arm() {
    timer.expires_at(due);
    timer.async_wait([this](const boost::system::error_code& error) {
      if (!error) on_timer(std::chrono::steady_clock::now());
    });
  }

  void on_timer(SteadyTime now) {
    lag.add(std::chrono::floor<std::chrono::microseconds>(now - due));
    lags.observe(std::chrono::duration<double>(now - due).count());
    const auto intervals = 1 + (now - due) / tick_interval;
    missed.fetch_add(static_cast<std::uint64_t>(intervals - 1), std::memory_order_relaxed);
    due += intervals * tick_interval;
    arm();
    tick(now);
  }

  void tick(SteadyTime now) {
    ticking = true;
    // By index and only as far as it reached at the start: on_tick() may add and remove.
    for (std::size_t i = 0, n = ticked.size(); i < n; ++i) {
      if (!ticked[i]) continue;
      try {
        ticked[i]->on_tick(now);
      } catch (const std::exception&) {
        log::unhandled("media.tick_failed", std::current_exception());
      }
    }
    ticking = false;
    std::erase(ticked, nullptr);
  }

  std::optional<async::LoopThread> thread;
  async::Executor executor;
  async::SteadyTimer timer;
  SteadyTime due;
  std::vector<Ticked*> ticked;
  bool ticking = false;
  std::atomic<std::size_t> size{0};
  LagHistogram lag{1'000};  // 5 s of ticks
  metrics::Lag lags{metrics::lag_edges};
  std::atomic<std::uint64_t> missed{0};
};

Shard::Shard(std::string name) : impl_(std::make_unique<Impl>(std::move(name))) {}
Shard::Shard(async::Executor executor) : impl_(std::make_unique<Impl>(executor)) {}
Shard::~Shard() { stop(); }

async::Executor Shard::executor() { return impl_->executor; }

void Shard::stop() {
  if (impl_->thread) impl_->thread->stop();
}

void Shard::add(Ticked& ticked) {
  impl_->ticked.push_back(&ticked);
  impl_->size.fetch_add(1, std::memory_order_relaxed);
}

void Shard::remove(Ticked& ticked) {
  const auto found = std::find(impl_->ticked.begin(), impl_->ticked.end(), &ticked);
  if (found == impl_->ticked.end()) return;
  impl_->size.fetch_sub(1, std::memory_order_relaxed);
  if (impl_->ticking)
    *found = nullptr;
  else
    impl_->ticked.erase(found);
}

std::size_t Shard::size() const { return impl_->size.load(std::memory_order_relaxed); }

void Shard::tick(SteadyTime now) { impl_->tick(now); }

const metrics::Lag& Shard::lags() const { return impl_->lags; }

Shard::Lag Shard::tick_lag() const {
  return {.p50 = impl_->lag.quantile(0.5),
          .p99 = impl_->lag.quantile(0.99),
          .worst = impl_->lag.worst(),
          .missed = impl_->missed.load(std::memory_order_relaxed)};
}

}  // namespace voxanne::media
