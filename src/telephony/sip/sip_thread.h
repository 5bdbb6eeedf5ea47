// libre's loop in a thread of its own. Commands come in by post(), results go out by asio::post to
// a leg's shard; every libre object lives and dies on this thread.
//
// libre keeps its loop in one global, so there is one SipThread in a process at a time (a second
// one throws); any number of gateways share it. It outlives them and every leg of theirs.
#pragma once

#include <functional>
#include <future>
#include <memory>

namespace voxanne::telephony::sip {

class SipThread {
 public:
  SipThread();
  ~SipThread();  // ends the loop; what is still queued is dropped
  SipThread(const SipThread&) = delete;
  SipThread& operator=(const SipThread&) = delete;

  // Any thread. Commands run in order; one that throws is logged.
  void post(std::function<void()> command);

  // Runs `f` there and blocks this (other) thread for its value or exception.
  template <class F>
  auto run(F f) {
    std::packaged_task<decltype(f())()> task{std::move(f)};
    auto result = task.get_future();
    post([&task] { task(); });
    return result.get();
  }

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace voxanne::telephony::sip
