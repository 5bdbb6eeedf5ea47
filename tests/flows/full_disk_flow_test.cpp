// The disk becomes full in the middle of a call: the call goes on to its end, the recording stops and
// says so, health shows it, nothing crashes; what was recorded plays, and once there is space again
// the next call is recorded whole.
#include "audio/wav.h"
#include "support/http.h"
#include "support/live.h"
#include "support/server.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <thread>

namespace voxanne::test {
namespace {

namespace json = boost::json;
using std::chrono::milliseconds;
using std::chrono::seconds;

// A small file system of the test's own, in memory.
class SmallDisk {
 public:
  SmallDisk()
      : mounted_(mount("voxanne-test", path().c_str(), "tmpfs", 0, "size=600m") == 0), error_(errno) {}
  ~SmallDisk() {
    if (mounted_) umount2(path().c_str(), MNT_DETACH);
  }
  bool mounted() const { return mounted_; }
  std::string why_not() const { return std::strerror(error_); }
  std::string path() const { return directory_.path().string(); }
  std::string filler() const { return path() + "/filler"; }

  // Most of it at once, the rest until nothing fits any more: the server writes meanwhile.
  void fill() {
    struct statvfs status{};
    ASSERT_EQ(statvfs(path().c_str(), &status), 0);
    const int file = open(filler().c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    constexpr off_t rest = 4 << 20;
    ASSERT_EQ(posix_fallocate(file, 0, static_cast<off_t>(status.f_bavail * status.f_frsize) - rest), 0);
    static constexpr std::array<char, 4'096> page{};
    while (write(file, page.data(), page.size()) > 0) {
    }
    EXPECT_EQ(errno, ENOSPC);
    close(file);
  }
  void make_room() { ASSERT_EQ(unlink(filler().c_str()), 0); }

 private:
  TempDir directory_;
  bool mounted_;
  int error_;
};

template <class Condition>
bool soon(Condition condition, milliseconds limit) {
  for (const auto end = std::chrono::steady_clock::now() + limit; std::chrono::steady_clock::now() < end;
       std::this_thread::sleep_for(milliseconds{20}))
    if (condition()) return true;
  return false;
}

std::string place_call(Server& server) {
  const auto placed = http_post_json(
      server.url("/api/calls"),
      json::parse(
          R"({"assistantId":"test-assistant-123","phoneNumberId":"test-phone-123","customer":{"number":"+447700900000"}})"));
  EXPECT_EQ(placed.status, 200) << placed.body;
  return std::string{placed.json().at("id").as_string()};
}

bool recording_healthy(Server& server) {
  return http_get(server.url("/health")).json().at("services").at("recording").as_bool();
}

bool wait_until_stored(Live& live, const std::string& call) {
  return live
      .wait_for(
          [&](const json::object& event) {
            return event.at("type").as_string() == "call.updated" && event.at("callId").is_string() &&
                   event.at("callId").as_string() == call &&
                   json::serialize(event).find(R"("recordingStatus":"stored")") != std::string::npos;
          },
          seconds{90})
      .has_value();
}

// Of a WAV: a stored recording plays at another rate than its spool. Stereo, 16 bit.
std::uint32_t rate_of(const std::string& wav) {
  std::uint32_t rate = 0;
  if (wav.size() >= audio::wav_header_size) std::memcpy(&rate, wav.data() + 24, sizeof rate);
  return rate;
}

struct Kept {
  double call = 0, recording = 0;
};

Kept lengths(Server& server, const std::string& id) {
  const json::value call = http_get(server.url("/api/calls/" + id)).json();
  EXPECT_EQ(call.at("status").as_string(), "ended") << json::serialize(call);
  EXPECT_EQ(call.at("endedReason").as_string(), "customer-ended-call") << json::serialize(call);
  const auto link = http_get(server.url("/api/calls/" + id + "/recording?format=wav"));
  EXPECT_EQ(link.status, 200) << link.body;
  const auto file = http_get(std::string{link.json().at("recordingUrl").as_string()});
  EXPECT_EQ(file.status, 200);
  return {.call = call.at("duration").to_number<double>(),
          .recording = double(file.body.size() - audio::wav_header_size) / (4.0 * rate_of(file.body))};
}

// `fill` and `make_room` make writing impossible and possible again.
void run_out_of_space(Server& server, const std::filesystem::path& data, const std::function<void()>& fill,
                      const std::function<void()>& make_room) {
  Live live{server.ws_url("/ws/live-calls")};
  ASSERT_TRUE(soon([&] { return recording_healthy(server); }, seconds{10}));
  const std::string id = place_call(server);
  // Two seconds of the greeting, of one side.
  ASSERT_TRUE(soon(
      [&] {
        std::error_code none;
        return std::filesystem::file_size(data / "spool" / "demo" / (id + ".spool"), none) > 16'000 && !none;
      },
      seconds{20}));
  const std::size_t seen = server.process().line_count();
  ASSERT_NO_FATAL_FAILURE(fill());
  EXPECT_TRUE(server.process().wait_for_line("\"recording.stopped\"", seconds{10}, seen));
  EXPECT_TRUE(soon([&] { return !recording_healthy(server); }, seconds{5})) << "an outage shows within 5 s";
  EXPECT_EQ(http_get(server.url("/health")).status, 503);
  EXPECT_EQ(http_get(server.url("/health/live")).status, 200);
  const auto ended = server.process().wait_for_line("\"call.ended\"", seconds{20}, seen);
  ASSERT_TRUE(ended) << "the call goes on to its end";
  EXPECT_NE(ended->find("customer-ended-call"), std::string::npos) << *ended;

  ASSERT_NO_FATAL_FAILURE(make_room());
  EXPECT_TRUE(soon([&] { return recording_healthy(server); }, seconds{5}));
  ASSERT_TRUE(wait_until_stored(live, id)) << server.process().output();
  const Kept cut = lengths(server, id);
  EXPECT_GT(cut.recording, 0.9);
  EXPECT_LT(cut.recording, cut.call - 1);

  const std::string next = place_call(server);
  ASSERT_TRUE(wait_until_stored(live, next));
  const Kept whole = lengths(server, next);
  EXPECT_NEAR(whole.recording, whole.call, 0.3);
}

TEST(FullDisk, cuts_the_recording_and_not_the_call) {
  SmallDisk disk;
  if (!disk.mounted()) GTEST_SKIP() << "a file system cannot be mounted here: " << disk.why_not();
  Server server{{{"DATA_DIR", disk.path()}}};
  run_out_of_space(server, disk.path(), [&] { disk.fill(); }, [&] { disk.make_room(); });
}

// A limit of the process on the size of files would kill it by SIGXFSZ were that not ignored.
TEST(FileSizeLimit, cuts_the_recording_and_not_the_call) {
  Server server;
  const auto limit_to = [&](rlim_t bytes) {
    const rlimit limit{bytes, RLIM_INFINITY};
    ASSERT_EQ(prlimit(server.process().pid(), RLIMIT_FSIZE, &limit, nullptr), 0) << std::strerror(errno);
  };
  run_out_of_space(server, server.data(), [&] { limit_to(0); }, [&] { limit_to(RLIM_INFINITY); });
}

}  // namespace
}  // namespace voxanne::test
