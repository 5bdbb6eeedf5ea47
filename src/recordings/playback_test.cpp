#include "recordings/playback.h"

#include "recordings/file_store.h"
#include "recordings/key.h"
#include "recordings/recorder.h"
#include "recordings/test_bad_sector.h"
#include "recordings/test_frames.h"
#include "recordings/upload_queue.h"
#include "recordings/wav_view.h"
#include "support/store/temp_store.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <numbers>

namespace voxanne::recordings {
namespace {

using domain::RecordingStatus;
using voxanne::test::a_call;
using voxanne::test::noon;
using voxanne::test::TempDir;
using voxanne::test::TempStore;
using voxanne::test::this_boot;
namespace fs = std::filesystem;

constexpr std::uint64_t slots = 150;

// A store that is far away: every byte that is asked of it counts.
class CountingStore final : public ObjectStore {
 public:
  explicit CountingStore(ObjectStore& store) : store_(store) {}
  async::Task<Result<>> put(std::string key, fs::path file, std::string checksum) override {
    return store_.put(std::move(key), std::move(file), std::move(checksum));
  }
  async::Task<Result<std::uint64_t>> size(std::string key) override { return store_.size(std::move(key)); }
  async::Task<Result<std::string>> read(std::string key, std::uint64_t offset, std::size_t length) override {
    ++reads;
    if (on_read) on_read();
    return store_.read(std::move(key), offset, length);
  }
  async::Task<Result<>> remove(std::string key) override { return store_.remove(std::move(key)); }
  async::Task<Result<std::vector<ObjectInfo>>> list(std::string prefix, std::string after,
                                                    std::size_t limit) override {
    return store_.list(std::move(prefix), std::move(after), limit);
  }
  int reads = 0;
  std::function<void()> on_read;

 private:
  ObjectStore& store_;
};

class PlaybackTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(store.write([&](store::Batch& batch) {
      store::insert_call(batch, call, this_boot);
      store::set_recording_status(batch, {call.org, call.id}, RecordingStatus::recording);
    }));
  }
  // The caller hears nothing special: a tone on the left, silence on the right.
  void record() {
    SpoolWriter writer{{.spool = spool, .threads = 1, .gather = 0ms, .min_free_bytes = 0}};
    Recorder recorder{writer, {.call = call.id, .org = call.org, .started_at = noon}};
    for (std::uint64_t i = 0; i < slots; ++i) {
      audio::Frame tone = test::frame(i, 0);
      for (std::size_t k = 0; k < 160; ++k) {
        const double time = static_cast<double>(i * 160 + k) / 8'000;
        tone.pcm[k] = static_cast<audio::Sample>(8'000 * std::sin(2 * std::numbers::pi * 440 * time));
      }
      recorder.on_frames(tone, test::silence());
    }
    ASSERT_EQ(store.run(recorder.finish()).slots, slots);
    ASSERT_TRUE(store.write([&](store::Batch& batch) {
      store::enqueue_upload(batch, upload_of(call.org, call.id, this_boot.node, slots, noon));
    }));
  }
  void keep() {
    UploadQueue queue{*store, objects, workers, clock, {.spool = spool, .node = this_boot.node}};
    auto claimed = store.run(queue.claim(1, clock.utc() + 15min)).value();
    ASSERT_EQ(claimed.size(), 1u);
    ASSERT_TRUE(store.run(queue.complete(claimed[0], store.run(queue.handle(claimed[0])), noon)));
  }
  Result<std::unique_ptr<Playable>> open(const std::string& format = "") {
    return store.run(playback.open(call.org, call.id, format));
  }
  std::string all(Playable& sound, std::size_t piece) {
    std::string out;
    while (out.size() < sound.size()) {
      const auto got = store.run(sound.read(out.size(), piece)).value();
      if (got.empty()) break;
      out += got;
    }
    return out;
  }
  // Power of one channel of a stereo WAV, and how often it crosses zero upwards a second.
  static std::pair<double, double> left_of(const std::string& wav, int rate, int channel = 0) {
    std::vector<std::int16_t> samples((wav.size() - 44) / 2);
    std::memcpy(samples.data(), wav.data() + 44, samples.size() * 2);
    double power = 0, crossings = 0;
    std::int16_t before = 0;
    for (std::size_t i = static_cast<std::size_t>(channel); i < samples.size(); i += 2) {
      power += double(samples[i]) * samples[i];
      if (before < 0 && samples[i] >= 0) ++crossings;
      before = samples[i];
    }
    const double pairs = static_cast<double>(samples.size()) / 2;
    return {std::sqrt(power / pairs), crossings * rate / pairs};
  }

  TempDir dir;
  fs::path spool = dir / "spool";
  TempStore store;
  domain::Call call = a_call();
  async::SystemClock clock;
  async::WorkerPool workers{"files", 1};
  FileStore files{{dir / "objects", dir / "known"}, workers};
  CountingStore objects{files};
  Playback playback{*store, objects, workers, spool};
};

TEST_F(PlaybackTest, a_running_call_is_not_ready_and_an_unknown_one_not_found) {
  EXPECT_EQ(store.run(playback.find(call.org, call.id)).error().code, "recording_not_ready");
  EXPECT_EQ(store.run(playback.find(call.org, CallId{"none"})).error().code, "recording_not_found");
  EXPECT_EQ(store.run(playback.find(voxanne::test::rival, call.id)).error().code, "recording_not_found");
  EXPECT_EQ(open().error().kind, Fault::not_found);
}

TEST_F(PlaybackTest, before_it_is_stored_it_plays_from_the_spool) {
  record();
  const auto about = store.run(playback.find(call.org, call.id)).value();
  EXPECT_EQ(about.key, recording_key(call.org, call.id));
  EXPECT_DOUBLE_EQ(about.seconds, 3.0);
  for (const char* format : {"", "wav"}) {
    auto sound = open(format).value();
    EXPECT_EQ(sound->content_type(), "audio/wav");
    EXPECT_EQ(sound->size(), 44 + slots * 160 * 4);
    const auto wav = all(*sound, 100'000);
    ASSERT_EQ(wav.size(), sound->size());
    EXPECT_EQ(wav.substr(0, 4), "RIFF");
    EXPECT_NEAR(left_of(wav, 8'000).second, 440, 2);
    EXPECT_EQ(left_of(wav, 8'000, 1).first, 0) << "the assistant said nothing";
  }
}

TEST_F(PlaybackTest, ranges_of_a_spooled_recording_are_parts_of_the_whole) {
  record();
  auto sound = open().value();
  const auto wav = all(*sound, 1 << 20);
  for (const std::uint64_t offset : {0u, 1u, 43u, 44u, 45u, 46u, 47u, 683u, 684u, 5'000u, 95'999u}) {
    for (const std::size_t length : {1u, 2u, 3u, 700u, 4'096u}) {
      const auto part = store.run(sound->read(offset, length)).value();
      EXPECT_EQ(part, wav.substr(offset, length)) << offset << "+" << length;
    }
  }
  EXPECT_EQ(store.run(sound->read(sound->size(), 10)).value(), "");
  EXPECT_EQ(all(*sound, 777), wav);
}

TEST_F(PlaybackTest, stored_it_is_served_as_it_is_kept_or_decoded) {
  record();
  keep();
  auto kept = open().value();
  EXPECT_EQ(kept->content_type(), "audio/ogg");
  EXPECT_EQ(all(*kept, 1'000).substr(0, 4), "OggS");

  auto sound = open("wav").value();
  EXPECT_EQ(sound->content_type(), "audio/wav");
  EXPECT_NE(sound->etag(), kept->etag());
  EXPECT_NEAR(static_cast<double>(sound->size() - 44) / 4 / 16'000, 3.0, 0.02);
  const auto wav = all(*sound, 10'001);
  ASSERT_EQ(wav.size(), sound->size());
  EXPECT_NEAR(left_of(wav, 16'000).second, 440, 3);
  EXPECT_GT(left_of(wav, 16'000).first, 20 * left_of(wav, 16'000, 1).first);
  const int fetched = objects.reads;
  // Somewhere else, as a player that seeks asks for it.
  auto again = open("wav").value();
  const auto part = store.run(again->read(100'000, 32'000)).value();
  ASSERT_EQ(part.size(), 32'000u);
  EXPECT_NEAR(left_of(std::string(44, ' ') + part, 16'000).second, 440, 10);
  EXPECT_EQ(objects.reads, fetched) << "a player that seeks does not fetch it all again";
}

TEST_F(PlaybackTest, a_fault_of_the_store_is_no_absence) {
  record();
  keep();
  fs::remove(dir / "objects" / recording_key(call.org, call.id));
  for (const char* format : {"", "wav"}) {
    const auto lost = open(format);
    ASSERT_FALSE(lost);
    EXPECT_EQ(lost.error().kind, Fault::internal);
    EXPECT_EQ(lost.error().code, "recording_missing_in_store");
  }
}

TEST_F(PlaybackTest, while_the_store_s_directory_is_gone_it_is_away_and_nothing_is_said_to_be_lost) {
  record();
  keep();
  fs::rename(dir / "objects", dir / "elsewhere");
  EXPECT_EQ(store.run(playback.find(call.org, call.id)).error().code, "object_store_unavailable");
  for (const char* format : {"", "wav"}) EXPECT_EQ(open(format).error().kind, Fault::unavailable) << format;
  fs::rename(dir / "elsewhere", dir / "objects");
  EXPECT_TRUE(open());
}

TEST_F(PlaybackTest, a_spool_file_that_is_gone_is_a_fault_too) {
  record();
  EXPECT_EQ(store.run(playback.find(call.org, call.id)).value().object_key, "");
  fs::remove(spool_path(spool, call.org, call.id));
  EXPECT_EQ(open().error().code, "recording_missing_in_spool");
  EXPECT_EQ(store.run(playback.find(call.org, call.id)).error().code, "recording_missing_in_spool");
}

TEST_F(PlaybackTest, what_was_fetched_of_a_call_is_forgotten_with_it) {
  record();
  keep();
  const auto costs = [&] {
    const int before = objects.reads;
    EXPECT_TRUE(open("wav"));
    return objects.reads - before;
  };
  EXPECT_GT(costs(), 0);
  EXPECT_EQ(costs(), 0);
  playback.forget(call.org, CallId{"call_other"});
  playback.forget(OrgId{"other"}, call.id);
  playback.forget_old();
  EXPECT_EQ(costs(), 0);
  playback.forget(call.org, call.id);
  EXPECT_GT(costs(), 0);
  // Forgotten while it is fetched.
  playback.forget(call.org, call.id);
  objects.on_read = [&] { playback.forget(call.org, call.id); };
  EXPECT_GT(costs(), 0);
  objects.on_read = nullptr;
  EXPECT_GT(costs(), 0) << "nothing was kept of it";
  EXPECT_EQ(costs(), 0);
}

// 150 slots of one side are 25 kB, and one read.
TEST_F(PlaybackTest, a_spool_that_cannot_be_read_is_a_fault_and_no_shorter_call) {
  record();
  auto sound = open().value();
  workers.post([] { test::cannot_read_from(1); });
  const auto cut = store.run(sound->read(0, sound->size()));
  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error().kind, Fault::unavailable);
  EXPECT_EQ(cut.error().code, "spool_read_failed");
  EXPECT_EQ(open().error().code, "spool_read_failed");
}

TEST_F(PlaybackTest, a_damaged_object_is_a_fault_and_no_crash) {
  record();
  keep();
  fs::resize_file(dir / "objects" / recording_key(call.org, call.id), 20);
  EXPECT_EQ(open("wav").error().code, "recording_damaged");
}

TEST_F(PlaybackTest, an_unknown_format_is_refused) {
  EXPECT_EQ(open("mp3").error().code, "recording_format_unknown");
}

}  // namespace
}  // namespace voxanne::recordings
