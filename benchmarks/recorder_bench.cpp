// What recording costs: CPU per call, writers included, with 1,000 calls on a machine whose media
// shard feeds each of them 50 slots a second. The floor copies the same samples into a buffer and
// writes them to one file a call, every half second, without format, checksum or hand-off.
//
//   recorder_bench [calls] [seconds of audio]   (real time: three runs of so many seconds)
#include "async/thread.h"
#include "media/shard.h"
#include "recordings/recorder.h"
#include "support/temp_dir.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>

using namespace voxanne;

namespace {

double cpu_seconds(int who) {
  rusage usage{};
  getrusage(who, &usage);
  const auto of = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return of(usage.ru_utime) + of(usage.ru_stime);
}

audio::Frame speech(int channel) {
  audio::Frame frame;
  frame.kind = audio::Frame::Kind::voice;
  int i = 0;
  for (auto& sample : frame.samples())
    sample = static_cast<audio::Sample>(6'000 * std::sin(0.05 * (channel + 1) * i++));
  return frame;
}

struct Cost {
  double shard = 0, total = 0;  // CPU seconds
};

// Ticks in real time, as a shard does: a quarter of the calls each 5 ms.
Cost measure(auto&& feed, int ticks) {
  const double all = cpu_seconds(RUSAGE_SELF), mine = cpu_seconds(RUSAGE_THREAD);
  auto next = std::chrono::steady_clock::now();
  for (int tick = 0; tick < ticks; ++tick) {
    feed(tick);
    std::this_thread::sleep_until(next += media::tick_interval);
  }
  return {.shard = cpu_seconds(RUSAGE_THREAD) - mine, .total = cpu_seconds(RUSAGE_SELF) - all};
}

void print(const char* name, const Cost& cost, int calls, int seconds) {
  const double per_call = 1.0 / (calls * seconds);
  std::printf("%-28s %7.3f %% of a core a call (shard %6.3f %%)   1,000 calls: %5.1f %% of a core\n", name,
              100 * cost.total * per_call, 100 * cost.shard * per_call, 100'000 * cost.total * per_call);
}

}  // namespace

int main(int argc, char** argv) {
  const int calls = argc > 1 ? std::atoi(argv[1]) : 1'000;
  const int seconds = argc > 2 ? std::atoi(argv[2]) : 5;
  const int ticks = seconds * 200;
  const auto heard = speech(0), said = speech(1);
  audio::Frame quiet;

  {
    const test::TempDir dir;
    std::vector<int> files;
    std::vector<std::vector<char>> blocks(static_cast<std::size_t>(calls), std::vector<char>(16'000));
    for (int i = 0; i < calls; ++i)
      files.push_back(open((dir / std::to_string(i)).c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600));
    const auto cost = measure(
        [&](int tick) {
          for (std::size_t i = static_cast<std::size_t>(tick % 4); i < files.size(); i += 4) {
            const auto slot = static_cast<std::size_t>(tick / 4) + i;
            char* to = blocks[i].data() + slot % 25 * 640;
            std::memcpy(to, heard.pcm.data(), 320);
            std::memcpy(to + 320, said.pcm.data(), 320);
            if (slot % 25 == 24 && write(files[i], blocks[i].data(), 16'000) != 16'000) std::abort();
          }
        },
        ticks);
    for (const int file : files) close(file);
    print("floor: memcpy + write", cost, calls, seconds);
  }

  const auto recorded = [&](const char* name, const audio::Frame& assistant) {
    const test::TempDir dir;
    const double start = cpu_seconds(RUSAGE_SELF);
    async::LoopThread loop{"bench"};
    recordings::SpoolWriter writer{{.spool = dir.path(), .min_free_bytes = 0}};
    std::vector<std::unique_ptr<recordings::Recorder>> recorders;
    for (int i = 0; i < calls; ++i)
      recorders.push_back(std::make_unique<recordings::Recorder>(
          writer,
          recordings::SpoolHeader{.call = CallId{"call_" + std::to_string(i)}, .org = OrgId{"demo"}}));
    while (writer.pool().in_use() > recorders.size()) usleep(1'000);  // every file is there
    const double made = cpu_seconds(RUSAGE_SELF);
    const auto cost = measure(
        [&](int tick) {
          for (std::size_t i = static_cast<std::size_t>(tick % 4); i < recorders.size(); i += 4)
            recorders[i]->on_frames(heard, assistant);
        },
        ticks);
    std::uint64_t lost = 0;
    const double fed = cpu_seconds(RUSAGE_SELF);
    for (const auto& recorder : recorders) lost += async::run_on(loop.executor(), recorder->finish()).lost;
    print(name, cost, calls, seconds);
    std::printf("  to begin and to end a recording: %.2f ms of CPU\n",
                1000 * (made - start + cpu_seconds(RUSAGE_SELF) - fed) / calls);
    if (lost > 0) std::printf("  %llu slots were lost\n", static_cast<unsigned long long>(lost));
    return lost == 0;
  };
  const bool both = recorded("recorder, both speak", said);
  const bool one = recorded("recorder, assistant silent", quiet);
  return both && one ? 0 : 1;
}
