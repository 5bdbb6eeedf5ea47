// libcurl's multi interface driven by Asio: its sockets are watched, its one timer kept, and who waits
// for a transfer is woken when it is done. Private to net.
//
// What bites, and is therefore so here: curl owns its descriptors (on CURL_POLL_REMOVE ours lets go);
// socket_action is never called from inside a callback of curl; an easy handle is never removed there.
#pragma once

#include "net/stream.h"

#include <curl/curl.h>
#include <boost/asio/posix/basic_stream_descriptor.hpp>

#include <chrono>
#include <functional>
#include <map>
#include <memory>

namespace voxanne::net {

class CurlLoop : public std::enable_shared_from_this<CurlLoop> {
 public:
  explicit CurlLoop(async::Executor executor);
  ~CurlLoop();

  CURLM* multi() const noexcept { return multi_; }
  async::Executor executor() const noexcept { return executor_; }
  // `done` is called once with the outcome, outside of curl's callbacks, unless remove() comes first.
  bool add(CURL* easy, std::function<void(CURLcode)> done);
  void remove(CURL* easy);
  // Before the last owner lets go: nothing is called any more.
  void close();

 private:
  struct Watch;

  static int on_socket(CURL* easy, curl_socket_t socket, int what, void* self, void* watch);
  static int on_timer(CURLM* multi, long timeout_ms, void* self);
  void watch(curl_socket_t socket, int what);
  void unwatch(curl_socket_t socket);
  void wait(const std::shared_ptr<Watch>& watch, int direction);
  void act(curl_socket_t socket, int events);

  async::Executor executor_;
  CURLM* multi_;
  async::SteadyTimer timer_;
  std::map<curl_socket_t, std::shared_ptr<Watch>> watches_;
  std::map<CURL*, std::function<void(CURLcode)>> transfers_;
};

}  // namespace voxanne::net
