#include "recordings/recorder.h"

#include "async/reply.h"

#include <utility>

namespace voxanne::recordings {
namespace {

constexpr std::uint32_t slots_per_block = 500 / audio::frame_ms;

}  // namespace

Recorder::Recorder(SpoolWriter& writer, SpoolHeader header, OnStopped on_stopped)
    : writer_(writer),
      track_(std::make_shared<Track>()),
      on_stopped_(std::move(on_stopped)),
      lane_(writer.choose_lane()),
      encoder_(header.rate) {
  track_->path = spool_path(writer.options().spool, header.org, header.call);
  track_->header = std::move(header);
  // An empty block: the file is there, and locked, as soon as the call is.
  if (begin_block(writer_.pool().take())) hand_off();
}

Recorder::~Recorder() {
  if (!closed_) close();
}

void Recorder::on_frames(const audio::Frame& heard, const audio::Frame& said) {
  if (closed_) return;
  if (track_->stopped.load(std::memory_order_acquire)) {
    if (on_stopped_) std::exchange(on_stopped_, nullptr)(*track_->error);
    return;
  }
  if (!block_ && !begin_block(writer_.pool().take())) {
    ++lost_;
    return;
  }
  if (!encoder_.append(heard, said)) {
    hand_off();
    if (!begin_block(writer_.pool().take())) {
      ++lost_;
      return;
    }
    static_cast<void>(encoder_.append(heard, said));  // fits an empty block
  }
  if (encoder_.slots() >= slots_per_block) hand_off();
}

void Recorder::on_skipped(int slots) {
  if (closed_ || slots <= 0) return;
  if (block_) hand_off();  // lost slots stand first in a block
  lost_ += static_cast<std::uint32_t>(slots);
}

bool Recorder::begin_block(Block* block) {
  block_ = block;
  if (!block_) return false;
  encoder_.begin(block_->bytes);
  if (lost_ > 0) {
    encoder_.append_lost(lost_);
    block_->lost = std::exchange(lost_, 0);
  }
  return true;
}

void Recorder::hand_off() {
  block_->used = static_cast<std::uint32_t>(encoder_.end());
  block_->slots = encoder_.slots();
  block_->track = track_;
  writer_.submit(lane_, std::exchange(block_, nullptr));
}

void Recorder::close() {
  closed_ = true;
  if (!block_) begin_block(writer_.pool().take_beyond());
  block_->closing = true;
  hand_off();
}

async::Task<Recording> Recorder::finish() {
  co_await async::reply([&](async::Reply<> done) {
    track_->closed = std::move(done);
    close();
  });
  co_return Recording{track_->slots, track_->lost, track_->error};
}

}  // namespace voxanne::recordings
