// What a server keeps per web shard, and what its connections share. Private to net.
#pragma once

#include "async/task_group.h"
#include "net/server.h"
#include "net/stream.h"
#include "net/websocket_impl.h"

#include <atomic>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>

namespace voxanne::net {

class Connection;

inline constexpr const char* shutting_down = "the server is shutting down";  // with close code 1001

// How many connections there are, in all and per subscriber; any thread.
class Admission : public std::enable_shared_from_this<Admission> {
 public:
  Admission(std::size_t max, std::size_t max_per_subscriber)
      : max_(max), max_per_subscriber_(max_per_subscriber) {}

  // What the connections of one have together.
  struct Usage {
    std::size_t connections = 0;             // the Admission's own
    std::atomic<std::size_t> body_bytes{0};  // held by requests being read or answered
  };
  using Subscriber = std::map<std::string, Usage>::value_type;

  // A place, given back when the Permit dies.
  class Permit {
   public:
    Permit(std::shared_ptr<Admission> admission, Subscriber* subscriber)
        : admission_(std::move(admission)), subscriber_(subscriber) {}
    Permit(Permit&&) = default;
    Permit& operator=(Permit&&) = delete;
    ~Permit() {
      if (admission_) admission_->leave(subscriber_);
    }

    Usage* usage() const { return subscriber_ ? &subscriber_->second : nullptr; }  // null: of many clients

   private:
    std::shared_ptr<Admission> admission_;
    Subscriber* subscriber_;
  };
  // `subscriber`: IpAddress::subscriber(); nullopt for an address of many clients, which only the limit of
  // all counts.
  std::optional<Permit> enter(const std::optional<std::string>& subscriber);
  std::size_t connections() const;

 private:
  void leave(Subscriber* subscriber);

  const std::size_t max_, max_per_subscriber_;
  mutable std::mutex mutex_;
  std::size_t connections_ = 0;
  std::map<std::string, Usage> subscribers_;
};

// A connection's, from its acceptance to its end, whatever it becomes.
class Place {
 public:
  Place(std::atomic<std::size_t>& count, Admission::Permit permit)
      : count_(&count), permit_(std::move(permit)) {
    count.fetch_add(1, std::memory_order_relaxed);
  }
  Place(Place&& other) noexcept
      : count_(std::exchange(other.count_, nullptr)), permit_(std::move(other.permit_)) {}
  Place& operator=(Place&&) = delete;
  ~Place() {
    if (count_) count_->fetch_sub(1, std::memory_order_relaxed);
  }

  Admission::Usage* usage() const { return permit_.usage(); }

 private:
  std::atomic<std::size_t>* count_;
  Admission::Permit permit_;
};

// Shared by all shards; immutable but for the counters.
struct Common {
  Server::Options options;
  Handler handler;
  std::shared_ptr<QueueBudget> queues;
  std::atomic<std::uint64_t> accepted{0}, refused{0}, requests{0};
  std::atomic<std::size_t> websockets{0};
  std::atomic<std::size_t> body_bytes{0};  // held by requests being read or answered

  Response render(int status, const Error& error, const Request* request) const;
};

struct Shard {
  Shard(Common& common_, async::Executor executor_, unsigned index_)
      : common(common_), executor(executor_), index(index_), tasks(executor_, "http") {}

  // All on the shard's loop.
  void open(Socket socket, Peer peer, Admission::Permit permit);
  async::Task<> sweep();  // ends connections whose deadline has passed
  // See Server::stop. False when something has not ended `patience` after it was cancelled.
  async::Task<bool> drain(SteadyTime deadline, milliseconds patience);
  std::string_view date();  // of now, made once a second

  Common& common;
  async::Executor executor;
  const unsigned index;
  std::atomic<std::size_t> connection_count{0};  // also read by the acceptor
  std::list<Connection*> connections;            // those that speak HTTP
  std::list<WebSocket*> websockets;
  // Of those, the ones that no task serves.
  std::unordered_map<const WebSocketSession*, std::unique_ptr<WebSocketSession>> attached;
  bool draining = false;

 private:
  std::string date_;
  std::time_t date_time_ = 0;

 public:
  async::TaskGroup tasks;
};

}  // namespace voxanne::net
