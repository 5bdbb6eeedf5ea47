// From an error line to what the client's thread makes an event of, and the way there: a list that any
// thread may push to without a lock, bounded in bytes. Private to ops/sentry.
#pragma once

#include "ops/sentry/envelope.h"

#include <atomic>
#include <variant>
#include <vector>

namespace voxanne::ops::sentry {

struct Captured {
  Event event;  // but for its frames and modules
  Addresses stack;
};

// On the thread that writes the line.
Captured capture_line(const log::Line& line, UtcTime now, const Breadcrumbs& breadcrumbs);

class Inbox {
 public:
  using Item = std::variant<Captured, Transaction>;

  explicit Inbox(std::size_t max_bytes) : max_bytes_(max_bytes) {}
  ~Inbox() { take(); }
  Inbox(const Inbox&) = delete;
  Inbox& operator=(const Inbox&) = delete;

  // False when it is full: the item is gone.
  bool put(Item item);
  // One thread at a time; oldest first.
  std::vector<Item> take();

 private:
  struct Node {
    Item item;
    std::size_t bytes;
    Node* next;
  };
  const std::size_t max_bytes_;
  std::atomic<std::size_t> bytes_{0};
  std::atomic<Node*> head_{nullptr};
};

}  // namespace voxanne::ops::sentry
