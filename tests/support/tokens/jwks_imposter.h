// An identity provider's key set endpoint on a loopback port, with faults on demand. Any thread.
#pragma once

#include "async/thread.h"
#include "net/server.h"

#include <atomic>
#include <mutex>
#include <string>

namespace voxanne::test {

class JwksImposter {
 public:
  enum class Fault { none, broken_connection, server_error, redirect, hangs };

  explicit JwksImposter(std::string document);
  ~JwksImposter();

  std::string url() const { return "http://127.0.0.1:" + std::to_string(server_.port()) + "/keys"; }
  void publish(std::string document, std::string cache_control = {});
  void fail(Fault fault);
  int asked() const { return asked_; }

 private:
  async::Task<net::Response> answer();

  mutable std::mutex mutex_;
  std::string document_, cache_control_;
  Fault fault_ = Fault::none;
  std::atomic<int> asked_ = 0;
  async::LoopThread loop_{"jwks"};
  net::Server server_;
};

}  // namespace voxanne::test
