// Collects an organization's live events while a flow runs.
#pragma once

#include "async/task_group.h"
#include "async/thread.h"
#include "net/websocket_client.h"

#include <boost/json.hpp>

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <vector>

namespace voxanne::test {

class Live {
 public:
  explicit Live(const std::string& ws_url, std::string token = {});
  ~Live();

  // The first event, from the beginning on, that `wanted` accepts; nullopt when the time passes. `wanted`
  // must not ask this object: it is locked meanwhile.
  std::optional<boost::json::object> wait_for(const std::function<bool(const boost::json::object&)>& wanted,
                                              std::chrono::milliseconds limit);
  std::optional<boost::json::object> wait_for_type(const std::string& type, std::chrono::milliseconds limit);
  std::vector<boost::json::object> all() const;

 private:
  async::Task<> follow(std::string url, std::string token);

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<boost::json::object> events_;
  std::unique_ptr<net::WebSocket> socket_;
  async::LoopThread loop_{"live"};
  async::TaskGroup tasks_{loop_.executor(), "live"};
};

}  // namespace voxanne::test
