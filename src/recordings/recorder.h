// Records one call in stereo, caller left, assistant right: fed once per 20 ms slot with what was
// heard and what was said in it, which keeps both aligned by construction.
//
//   auto recorder = std::make_unique<Recorder>(writer, header, [&](const Error& e) { … });
//   media::Tee tee{conversation, *recorder};     // the leg's exchange, from answer to end
//   const Recording done = co_await recorder->finish();   // then queue it for encoding
//
// Owner: the call; everything on its media shard. on_frames() neither blocks nor allocates (the shared
// pool grows while the number of calls does). What cannot be recorded never disturbs the call: on a
// full disk or a write error the recording ends there, `on_stopped` is called once, inside
// on_frames(), and what was written stays playable; when the writers are so far behind that the pool
// is used up, slots are counted as lost and the recording goes on, aligned, once there is room.
//
// Destroyed without finish(), it closes its file all the same; recovery at the next start finds it.
#pragma once

#include "async/task.h"
#include "media/tee.h"
#include "recordings/spool_writer.h"

#include <functional>
#include <memory>
#include <optional>

namespace voxanne::recordings {

struct Recording {
  std::uint64_t slots = 0;       // in the spool file; 0: there is nothing to encode
  std::uint64_t lost = 0;        // of these, not recorded
  std::optional<Error> stopped;  // why it ended before the call did
  double seconds() const { return static_cast<double>(slots) * audio::frame_ms / 1000.0; }
};

class Recorder final : public media::Tap {
 public:
  using OnStopped = std::function<void(const Error&)>;

  Recorder(SpoolWriter& writer, SpoolHeader header, OnStopped on_stopped = {});
  ~Recorder() override;
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  void on_frames(const audio::Frame& heard, const audio::Frame& said) override;
  // They are recorded as lost, so that what follows stays where it belongs in time.
  void on_skipped(int slots) override;

  // Writes what is left, syncs, closes and unlocks the file. Once. Not interruptible.
  async::Task<Recording> finish();

 private:
  bool begin_block(Block* block);
  void hand_off();
  void close();

  SpoolWriter& writer_;
  std::shared_ptr<Track> track_;
  OnStopped on_stopped_;
  std::size_t lane_;
  BlockEncoder encoder_;
  Block* block_ = nullptr;
  std::uint32_t lost_ = 0;
  bool closed_ = false;
};

}  // namespace voxanne::recordings
