#include "ops/sentry/capture.h"

#include "ops/sentry/scrub.h"

#include <pthread.h>

#include <algorithm>
#include <array>
#include <memory>

namespace voxanne::ops::sentry {
namespace {

constexpr std::size_t breadcrumbs_per_event = 40;

bool is_tag(std::string_view key) {
  constexpr std::array tags{"requestId", "callId", "orgId", "traceId", "route",  "queue",
                            "group",     "loop",   "pool",  "code",    "service"};
  return std::ranges::find(tags, key) != tags.end();
}

std::size_t size_of(const std::string& text) { return sizeof text + text.capacity(); }

std::size_t size_of(const Tags& tags) {
  std::size_t size = 0;
  for (const auto& [key, value] : tags) size += size_of(key) + size_of(value);
  return size;
}

std::size_t size_of(const Inbox::Item& item) {
  std::size_t size = sizeof item;
  if (const auto* seen = std::get_if<Captured>(&item)) {
    const Event& event = seen->event;
    size += size_of(event.tags) + size_of(event.extra) + size_of(event.value) +
            seen->stack.size() * sizeof(void*);
    for (const auto& crumb : event.breadcrumbs)
      size += sizeof crumb + crumb.category.capacity() + crumb.message.capacity();
  } else {
    const auto& transaction = std::get<Transaction>(item);
    size += size_of(transaction.tags) + size_of(transaction.name);
    for (const auto& span : transaction.spans)
      size += sizeof span + span.op.capacity() + span.description.capacity();
  }
  return size;
}

std::string what(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    return e.what();
  } catch (...) {
    return "not a std::exception";
  }
}

}  // namespace

Captured capture_line(const log::Line& line, UtcTime now, const Breadcrumbs& breadcrumbs) {
  Captured out;
  Event& event = out.event;
  event.id = new_event_id();
  event.at = now;
  event.logger = line.event;
  event.transaction = line.event;
  std::string code, message;
  for (const auto& field : line.fields) {
    std::string value = text_of(field);
    if (field.key == "route") event.transaction = value;
    if (field.key == "traceId") event.trace_id = value;
    if (field.key == "spanId") event.span_id = value;
    if (field.key == "code") code = value;
    if (field.key == "error") message = value;
    (is_tag(field.key) ? event.tags : event.extra).emplace_back(field.key, std::move(value));
  }
  if (line.error) {
    event.type = type_of(line.error);
    event.value = scrub(what(line.error));
    event.mechanism = "generic";
    event.handled = false;
    out.stack = thrown_at(line.error);
  } else {
    event.type = line.event;
    event.value = code.empty() ? message : message.empty() ? code : code + ": " + message;
    event.mechanism = "log";
    event.handled = true;
  }
  if (out.stack.empty()) out.stack = capture(2);
  std::array<char, 16> name{};
  pthread_getname_np(pthread_self(), name.data(), name.size());
  event.thread = name.data();
  event.breadcrumbs = breadcrumbs.newest(breadcrumbs_per_event);
  return out;
}

bool Inbox::put(Item item) {
  const std::size_t bytes = size_of(item);
  if (bytes_.fetch_add(bytes, std::memory_order_relaxed) + bytes > max_bytes_) {
    bytes_.fetch_sub(bytes, std::memory_order_relaxed);
    return false;
  }
  auto node = std::make_unique<Node>(Node{std::move(item), bytes, head_.load(std::memory_order_relaxed)});
  while (!head_.compare_exchange_weak(node->next, node.get(), std::memory_order_release,
                                      std::memory_order_relaxed)) {
  }
  static_cast<void>(node.release());
  return true;
}

std::vector<Inbox::Item> Inbox::take() {
  std::vector<Item> out;
  std::size_t bytes = 0;
  for (Node* node = head_.exchange(nullptr, std::memory_order_acquire); node;) {
    const std::unique_ptr<Node> owned{node};
    node = owned->next;
    bytes += owned->bytes;
    out.push_back(std::move(owned->item));
  }
  bytes_.fetch_sub(bytes, std::memory_order_relaxed);
  std::ranges::reverse(out);
  return out;
}

}  // namespace voxanne::ops::sentry
