#include "async/worker_pool.h"

#include "async/mutex.h"
#include "async/thread.h"
#include "base/unhandled.h"

namespace voxanne::async {

WorkerPool::WorkerPool(std::string name, unsigned threads, int nice) : name_(std::move(name)), nice_(nice) {
  inherit_priority(mutex_);  // media shards post jobs, niced workers take them
  for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
}

WorkerPool::~WorkerPool() { stop(); }

void WorkerPool::post(std::function<void()> job) {
  {
    const std::lock_guard lock{mutex_};
    jobs_.push_back(std::move(job));
  }
  wake_.notify_one();
}

void WorkerPool::stop() {
  {
    const std::lock_guard lock{mutex_};
    stopping_ = true;
  }
  wake_.notify_all();
  for (auto& thread : threads_)
    if (thread.joinable()) thread.join();
}

std::size_t WorkerPool::backlog() const {
  const std::lock_guard lock{mutex_};
  return jobs_.size();
}

void WorkerPool::work() {
  prepare_thread(name_, nice_);
  for (;;) {
    std::function<void()> job;
    {
      std::unique_lock lock{mutex_};
      wake_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
      if (jobs_.empty()) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    try {
      job();
    } catch (const std::exception&) {
      log::unhandled("worker.job_failed", std::current_exception(), {{"pool", name_}});
    }
  }
}

}  // namespace voxanne::async
