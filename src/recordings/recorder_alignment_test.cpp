// A call of an hour on virtual time, recorded as a leg records it: ticks that are late and a machine that
// stands still, packets that are lost, late and out of order, and a far end whose clock runs fast. What was
// heard and what was said stay where they belong, in the recording and beside each other.
#include "async/thread.h"
#include "media/jitter_buffer.h"
#include "media/slot_clock.h"
#include "recordings/recorder.h"
#include "recordings/test_frames.h"
#include "support/temp_dir.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <map>
#include <numeric>
#include <random>

namespace voxanne::recordings {
namespace {

using media::JitterBuffer;
using std::chrono::microseconds;

constexpr milliseconds slot{audio::frame_ms};
constexpr std::uint8_t quiet_byte = 0xFF, pulse_byte = 0x10;
constexpr std::uint64_t pulse_every = 250;  // slots: five seconds
constexpr std::uint64_t hour = 3'600 * 50;

// Answers each pulse it hears with one of its own, at once. Its clock is 100 ppm fast: in an hour it sends
// 18 packets too many.
class EchoingFarEnd {
 public:
  explicit EchoingFarEnd(SteadyTime start) : next_(start) {}

  void heard_pulse(SteadyTime sent) { pulses_.push_back(sent + way()); }

  void send_until(SteadyTime now, JitterBuffer& to) {
    for (; next_ <= now; next_ += slot - microseconds{2}) {
      const bool pulse = !pulses_.empty() && pulses_.front() <= next_;
      if (pulse) pulses_.pop_front();
      const bool lost = random_() % 100 == 0, late = random_() % 500 == 0;
      if (!lost) under_way_.emplace(next_ + way() + (late ? 90ms : 0ms), Sent{sequence_, timestamp_, pulse});
      ++sequence_;
      timestamp_ += 160;
    }
    for (; !under_way_.empty() && under_way_.begin()->first <= now; under_way_.erase(under_way_.begin())) {
      const Sent& sent = under_way_.begin()->second;
      std::array<std::uint8_t, 160> payload;
      payload.fill(sent.pulse ? pulse_byte : quiet_byte);
      to.put({.ssrc = 7, .sequence = sent.sequence, .timestamp = sent.timestamp, .payload = payload});
    }
  }

 private:
  struct Sent {
    std::uint16_t sequence;
    std::uint32_t timestamp;
    bool pulse;
  };
  microseconds way() { return 20ms + microseconds{random_() % 8'000}; }

  std::minstd_rand random_{7};
  SteadyTime next_;
  std::uint16_t sequence_ = 1;
  std::uint32_t timestamp_ = 0;
  std::deque<SteadyTime> pulses_;
  std::multimap<SteadyTime, Sent> under_way_;
};

// What the leg hears in a slot; a pulse or nothing.
audio::Frame heard_in(JitterBuffer& jitter) {
  bool pulse = false;
  JitterBuffer::Cell cell;
  const auto take = [&] {
    if (jitter.pop(cell) == JitterBuffer::Kind::voice)
      pulse |= std::ranges::count(cell.bytes, pulse_byte) > 0;
  };
  take();
  take();
  if (jitter.should_shorten(!pulse)) take();
  return pulse ? test::frame(0, 0) : test::silence();
}

double mean(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

TEST(RecorderAlignment, holds_over_an_hour_of_losses_stalls_and_drifting_clocks) {
  const voxanne::test::TempDir dir;
  async::LoopThread loop{"test"};
  SpoolWriter writer{{.spool = dir.path(), .threads = 1, .memory_bytes = 8 << 20, .min_free_bytes = 0}};
  Recorder recorder{writer, test::header()};

  const SteadyTime start{1h};
  SteadyTime now = start;
  media::SlotClock clock{start, 0};
  JitterBuffer jitter;
  EchoingFarEnd far_end{start};
  std::minstd_rand random{11};
  std::uint64_t slots = 0, stood_still = 0;
  std::vector<microseconds> lateness;
  for (int tick = 0; slots < hour; ++tick) {
    now += 5ms + microseconds{random() % 1'500};
    if (tick % 40'000 == 39'999) now += milliseconds{50 + random() % 300};  // a machine under load
    if (tick == 300'000) now += 5s;                                         // that slept
    far_end.send_until(now, jitter);
    const auto due = clock.due(now);
    if (due.skipped > 0) recorder.on_skipped(due.skipped);
    slots += static_cast<std::uint64_t>(due.skipped);
    stood_still += static_cast<std::uint64_t>(due.skipped);
    for (int i = 0; i < due.slots; ++i, ++slots) {
      const auto heard = heard_in(jitter);
      const bool pulse = slots % pulse_every == 0;
      if (pulse) far_end.heard_pulse(now);
      recorder.on_frames(heard, pulse ? test::frame(0, 1) : test::silence());
      lateness.push_back(std::chrono::duration_cast<microseconds>(now - (start + slot * slots)));
    }
    while (writer.pool().in_use() > 100) usleep(200);  // this hour is a second: the disk must keep up
  }
  const auto recording = async::run_on(loop.executor(), recorder.finish());
  writer.stop();
  EXPECT_EQ(recording.slots, slots);
  EXPECT_EQ(recording.lost, stood_still) << "only what the machine slept through";
  EXPECT_GT(stood_still, 200u);

  // Where something is in the recording is when it was: also at the end of the hour.
  std::ranges::sort(lateness);
  EXPECT_GE(lateness.front(), 0us);
  EXPECT_LT(lateness[lateness.size() * 999 / 1'000], 20ms);
  // And each side beside the other: the far end's answer comes as long after our pulse at the end as at the
  // beginning, though its clock is a third of a second ahead by then.
  auto reader = SpoolReader::open(spool_path(dir.path(), OrgId{"demo"}, CallId{"call_1"}));
  ASSERT_TRUE(reader);
  std::optional<std::uint64_t> said;
  std::vector<double> apart;  // ms
  SpoolReader::Slot one;
  bool in_answer = false;
  for (std::uint64_t i = 0; reader->next(one).value(); ++i) {
    if (one.assistant.kind == audio::Frame::Kind::voice) said = i;
    const bool answers = one.caller.kind == audio::Frame::Kind::voice;
    if (answers && !in_answer && said) {
      apart.push_back(static_cast<double>((i - *std::exchange(said, std::nullopt)) * audio::frame_ms));
    }
    in_answer = answers;
  }
  ASSERT_GT(apart.size(), hour / pulse_every * 9 / 10) << "but for the lost ones";
  const auto part = apart.size() / 10;
  const double first = mean(std::span{apart}.first(part)), last = mean(std::span{apart}.last(part));
  std::printf("alignment over an hour: answers %.0f ms after our pulses at first, %.0f ms at last\n", first,
              last);
  EXPECT_LT(std::abs(last - first), 20);
}

}  // namespace
}  // namespace voxanne::recordings
