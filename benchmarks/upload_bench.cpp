// What it costs to bring recordings from the spool into an S3 service: CPU of this process, whose
// service is another one on this machine. Floors: the same bytes PUT by plain libcurl; and, under the whole
// queue, the same spools encoded and PUT like that, without rows, leases, signatures and checksums. Peer of
// the store: AWS's own client for Node.
//
//   upload_bench [recordings] [seconds of audio each]     exits 1 when the queue costs over 1.3x its floor
#include "async/thread.h"
#include "jobs/runner.h"
#include "recordings/key.h"
#include "recordings/recorder.h"
#include "recordings/s3/s3_store.h"
#include "recordings/test_frames.h"
#include "recordings/upload_queue.h"
#include "support/process.h"
#include "support/s3_imposter.h"
#include "support/store/temp_store.h"

#include <curl/curl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <boost/json.hpp>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <future>
#include <iterator>
#include <vector>

using namespace voxanne;
namespace fs = std::filesystem;

namespace {

// In a process of its own, so that its CPU is not ours. Before the first thread.
std::pair<pid_t, std::string> start_service() {
  int told[2];
  if (pipe(told) != 0) std::abort();
  const pid_t child = fork();
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    test::S3Imposter service;
    const std::string endpoint = service.endpoint();
    if (write(told[1], endpoint.c_str(), endpoint.size() + 1) < 0) _exit(1);
    for (;;) pause();
  }
  char endpoint[64] = {};
  if (read(told[0], endpoint, sizeof endpoint - 1) <= 0) std::abort();
  return {child, endpoint};
}

struct Cost {
  double cpu = 0, wall = 0;
};

template <class F>
Cost measure(F work) {
  const auto cpu = [] {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
  };
  const double before = cpu();
  const auto begun = std::chrono::steady_clock::now();
  work();
  return {cpu() - before, std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count()};
}

std::string bytes_of(const fs::path& path) {
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}

// One connection, as the store keeps one.
class PlainPut {
 public:
  explicit PlainPut(std::string endpoint) : endpoint_(std::move(endpoint)), easy_(curl_easy_init()) {}
  ~PlainPut() { curl_easy_cleanup(easy_); }
  void operator()(const std::string& name, const std::string& body) {
    const auto url = endpoint_ + "/calls/plain/" + name;
    curl_slist* headers = curl_slist_append(nullptr, "Expect:");
    curl_easy_setopt(easy_, CURLOPT_URL, url.c_str());
    curl_easy_setopt(easy_, CURLOPT_CUSTOMREQUEST, "PUT");
    curl_easy_setopt(easy_, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(body.size()));
    curl_easy_setopt(easy_, CURLOPT_POSTFIELDS, body.data());
    curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, headers);
    if (curl_easy_perform(easy_) != CURLE_OK) std::abort();
    curl_slist_free_all(headers);
  }

 private:
  const std::string endpoint_;
  CURL* easy_;
};

void print(const char* name, const Cost& cost, double mib, int recordings) {
  std::printf("%-50s %7.2f ms CPU a MiB   %7.1f ms CPU a recording   %7.1f MiB/s\n", name,
              1'000 * cost.cpu / mib, 1'000 * cost.cpu / recordings, mib / cost.wall);
}

}  // namespace

int main(int argc, char** argv) {
  const int count = argc > 1 ? std::atoi(argv[1]) : 10;
  const int duration = argc > 2 ? std::atoi(argv[2]) : 120;
  const auto [service, endpoint] = start_service();
  curl_global_init(CURL_GLOBAL_DEFAULT);

  const test::TempDir dir;
  const auto spool = dir / "spool";
  test::TempStore store;
  async::SystemClock clock;
  async::WorkerPool workers{"bench", 2};
  async::LoopThread loop{"bench"};
  recordings::s3::S3Store objects{loop.executor(),
                                  clock,
                                  workers,
                                  "bench",
                                  {.endpoint = endpoint,
                                   .region = "us-east-1",
                                   .bucket = test::S3Imposter::bucket,
                                   .prefix = "voxanne/",
                                   .access_key_id = Secret{"AKID"},
                                   .secret_access_key = Secret{"secret"}}};

  std::vector<domain::Call> calls;
  const auto slots = std::uint64_t(duration) * 50;
  {
    recordings::SpoolWriter writer{{.spool = spool, .threads = 1, .gather = 0ms, .min_free_bytes = 0}};
    for (int n = 0; n < count; ++n) {
      auto call = test::a_call();
      call.id = CallId::make();
      recordings::Recorder recorder{writer, {.call = call.id, .org = call.org, .started_at = test::noon}};
      for (std::uint64_t i = 0; i < slots; ++i)
        recorder.on_frames(recordings::test::frame(i, 0), recordings::test::frame(i, 1));
      if (store.run(recorder.finish()).slots != slots) std::abort();
      calls.push_back(std::move(call));
    }
  }

  const auto encodings = dir / "encoded";
  fs::create_directory(encodings);
  double mib = 0;
  std::vector<std::pair<fs::path, std::string>> encoded;  // with their checksums
  const Cost encoding = measure([&] {
    for (const auto& call : calls) {
      const auto source = recordings::spool_path(spool, call.org, call.id);
      const auto target = encodings / (call.id.str() + ".ogg");
      auto encoder = recordings::SpoolEncoder::open(source, target).value();
      while (!encoder.step(3'000).value()) continue;
      encoded.emplace_back(target, encoder.encoded().sha256);
      mib += double(encoder.encoded().bytes) / (1 << 20);
    }
  });
  PlainPut plain{endpoint};
  const Cost put = measure([&] {
    for (const auto& [path, sum] : encoded) plain(path.filename().string(), bytes_of(path));
  });
  const Cost stored = measure([&] {
    for (const auto& [path, sum] : encoded)
      async::run_on(loop.executor(), objects.put("bench/" + path.filename().string(), path, sum)).value();
  });

  std::promise<void> all;
  int left = count;
  recordings::UploadQueue queue{*store,
                                objects,
                                workers,
                                clock,
                                {.spool = spool,
                                 .node = test::this_boot.node,
                                 .boot = test::this_boot.boot,
                                 .on_stored = [&](const store::Upload&) {
                                   if (--left == 0) all.set_value();
                                 }}};
  for (const auto& call : calls)
    store
        .write([&](store::Batch& batch) {
          store::insert_call(batch, call, test::this_boot);
          store::enqueue_upload(
              batch, recordings::upload_of(call.org, call.id, test::this_boot.node, slots, test::noon));
        })
        .value();
  log::init(log::Level::error, log::Format::text);
  std::optional<jobs::Runner<store::Upload>> runner;
  runner.emplace(store.executor(), clock, queue, recordings::upload_runner_options());
  const Cost whole = measure([&] {
    async::asio::post(store.executor(), [&] { runner->start(); });
    all.get_future().wait();
  });
  store.run(runner->stop());

  // AWS's own client, in Node, with the same files: signed and sent, nothing encoded.
  test::Process node{
      {.command = {"node", PEER "/uploads.js", endpoint, test::S3Imposter::bucket, encodings.string()},
       .environment = {},
       .directory = {}}};
  if (node.wait(std::chrono::minutes{2}) != 0) {
    std::fprintf(stderr, "benchmarks/peers/node/uploads.js (npm ci there first, as ./bench does): %s\n",
                 node.output().c_str());
    return 1;
  }
  const auto theirs = boost::json::parse(node.out());
  const Cost sdk{theirs.at("cpu").to_number<double>(), theirs.at("wall").to_number<double>()};

  std::printf("%d recordings of %d s, %.1f MiB encoded\n", count, duration, mib);
  print("plain libcurl PUT (floor)", put, mib, count);
  print("object store: read, checked, signed, PUT", stored, mib, count);
  print("AWS SDK for JavaScript 3: read, signed, PUT (peer)", sdk, mib, count);
  const Cost floor{encoding.cpu + put.cpu, encoding.wall + put.wall};
  print("encoded, then plain PUT (floor)", floor, mib, count);
  print("queue: claimed, encoded, stored, finished", whole, mib, count);
  const double ratio = whole.cpu / floor.cpu;
  std::printf("the queue costs %.2fx its floor (wanted: at most 1.3x)\n", ratio);
  kill(service, SIGKILL);
  waitpid(service, nullptr, 0);
  return ratio <= 1.3 ? 0 : 1;
}
