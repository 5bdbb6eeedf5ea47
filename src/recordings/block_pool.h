// The memory between calls and file writers: blocks of encoded slots, recycled, bounded in number.
// Grows by need up to its bound and keeps what it has, so that the steady state allocates nothing.
// Any thread; a lock is held for a few instructions.
#pragma once

#include "async/mutex.h"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace voxanne::recordings {

struct Track;

// 25 slots of stereo µ-law fill one.
struct Block {
  static constexpr std::size_t capacity = 8'256;

  Block* next = nullptr;
  std::shared_ptr<Track> track;
  std::uint32_t used = 0;   // bytes
  std::uint32_t slots = 0;  // in these
  std::uint32_t lost = 0;   // of these
  bool closing = false;     // the last one of its track
  std::array<std::byte, capacity> bytes;
};

class BlockPool {
 public:
  explicit BlockPool(std::size_t memory_bytes) : limit_(memory_bytes / sizeof(Block)) {}
  ~BlockPool();
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;

  // nullptr when all are in use: the writers are behind. take_beyond() ignores the bound, for the
  // one block with which a track says that it ends.
  Block* take();
  Block* take_beyond();
  // A list linked by `next`.
  void give_back(Block* list);

  std::size_t in_use() const noexcept { return in_use_.load(std::memory_order_relaxed); }
  std::size_t limit() const noexcept { return limit_; }

 private:
  Block* take(bool beyond);

  const std::size_t limit_;
  std::atomic<std::size_t> in_use_{0};
  async::Mutex mutex_;
  Block* free_ = nullptr;
};

}  // namespace voxanne::recordings
