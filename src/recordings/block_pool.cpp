#include "recordings/block_pool.h"

#include "recordings/spool_writer.h"

#include <mutex>
#include <utility>

namespace voxanne::recordings {

BlockPool::~BlockPool() {
  while (free_) delete std::exchange(free_, free_->next);
}

Block* BlockPool::take() { return take(false); }
Block* BlockPool::take_beyond() { return take(true); }

Block* BlockPool::take(bool beyond) {
  const std::lock_guard lock{mutex_};
  if (!beyond && in_use_ >= limit_) return nullptr;
  Block* block = free_ ? std::exchange(free_, free_->next) : new Block;
  ++in_use_;
  block->next = nullptr;
  block->used = block->slots = block->lost = 0;
  block->closing = false;
  return block;
}

void BlockPool::give_back(Block* list) {
  for (Block* block = list; block; block = block->next) block->track.reset();
  const std::lock_guard lock{mutex_};
  while (list) {
    Block* const next = std::exchange(list->next, free_);
    free_ = std::exchange(list, next);
    --in_use_;
  }
}

}  // namespace voxanne::recordings
