#include "net/curl_loop.h"

#include <new>
#include <stdexcept>

namespace voxanne::net {

namespace {

void init_once() {
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (ready != CURLE_OK) throw std::runtime_error("libcurl cannot be initialised");
}

}  // namespace

struct CurlLoop::Watch {
  explicit Watch(async::Executor executor, curl_socket_t socket_)
      : socket(socket_), descriptor(executor, socket_) {}
  ~Watch() {
    if (descriptor.is_open()) descriptor.release();
  }

  bool wants(int direction) const { return (wanted & direction) != 0; }

  const curl_socket_t socket;
  asio::posix::basic_stream_descriptor<async::Executor> descriptor;
  int wanted = 0;   // CURL_POLL_IN | CURL_POLL_OUT
  int waiting = 0;  // of those, the ones under way
};

CurlLoop::CurlLoop(async::Executor executor) : executor_(executor), multi_(nullptr), timer_(executor) {
  init_once();
  multi_ = curl_multi_init();
  if (!multi_) throw std::bad_alloc();
  curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &CurlLoop::on_socket);
  curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &CurlLoop::on_timer);
  curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
}

CurlLoop::~CurlLoop() { close(); }

void CurlLoop::close() {
  if (!multi_) return;
  timer_.cancel();
  curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, nullptr);
  curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, nullptr);
  for (auto& [socket, watch] : watches_) watch->descriptor.release();
  watches_.clear();
  for (const auto& [easy, done] : transfers_) curl_multi_remove_handle(multi_, easy);
  transfers_.clear();
  curl_multi_cleanup(multi_);
  multi_ = nullptr;
}

bool CurlLoop::add(CURL* easy, std::function<void(CURLcode)> done) {
  transfers_.emplace(easy, std::move(done));
  if (curl_multi_add_handle(multi_, easy) == CURLM_OK) return true;
  transfers_.erase(easy);
  return false;
}

void CurlLoop::remove(CURL* easy) {
  transfers_.erase(easy);
  if (multi_) curl_multi_remove_handle(multi_, easy);
}

int CurlLoop::on_socket(CURL*, curl_socket_t socket, int what, void* self, void*) {
  if (what == CURL_POLL_REMOVE)
    static_cast<CurlLoop*>(self)->unwatch(socket);
  else
    static_cast<CurlLoop*>(self)->watch(socket, what);
  return 0;
}

int CurlLoop::on_timer(CURLM*, long timeout_ms, void* self) {
  auto& loop = *static_cast<CurlLoop*>(self);
  if (timeout_ms < 0) {
    loop.timer_.cancel();
    return 0;
  }
  loop.timer_.expires_after(std::chrono::milliseconds{timeout_ms});
  loop.timer_.async_wait([weak = loop.weak_from_this()](const ErrorCode& cancelled) {
    if (const auto alive = weak.lock(); alive && !cancelled) alive->act(CURL_SOCKET_TIMEOUT, 0);
  });
  return 0;
}

void CurlLoop::watch(curl_socket_t socket, int what) {
  auto& watch = watches_[socket];
  if (!watch) watch = std::make_shared<Watch>(executor_, socket);
  watch->wanted = what;
  for (const int direction : {CURL_POLL_IN, CURL_POLL_OUT})
    if (watch->wants(direction)) wait(watch, direction);
}

void CurlLoop::unwatch(curl_socket_t socket) {
  const auto found = watches_.find(socket);
  if (found == watches_.end()) return;
  found->second->wanted = 0;
  found->second->descriptor.release();
  watches_.erase(found);
}

void CurlLoop::wait(const std::shared_ptr<Watch>& watch, int direction) {
  if ((watch->waiting & direction) != 0) return;
  watch->waiting |= direction;
  using Descriptor = asio::posix::descriptor_base;
  watch->descriptor.async_wait(direction == CURL_POLL_IN ? Descriptor::wait_read : Descriptor::wait_write,
                               [weak = weak_from_this(), watch, direction](const ErrorCode& failed) {
                                 watch->waiting &= ~direction;
                                 const auto alive = weak.lock();
                                 if (!alive || !alive->multi_ || !watch->wants(direction)) return;
                                 const int event =
                                     direction == CURL_POLL_IN ? CURL_CSELECT_IN : CURL_CSELECT_OUT;
                                 alive->act(watch->socket, failed ? CURL_CSELECT_ERR : event);
                                 if (alive->multi_ && watch->wants(direction)) alive->wait(watch, direction);
                               });
}

void CurlLoop::act(curl_socket_t socket, int events) {
  if (!multi_) return;
  int running = 0, left = 0;
  curl_multi_socket_action(multi_, socket, events, &running);
  while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    if (const auto transfer = transfers_.find(message->easy_handle); transfer != transfers_.end())
      transfer->second(message->data.result);
  }
}

}  // namespace voxanne::net
