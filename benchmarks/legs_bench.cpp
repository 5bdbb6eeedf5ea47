// How many calls one media shard carries: PCMU legs on loopback, a third of the callers talking at
// any time, each leg with activity detection, a scripted reply to what it hears and a recorder. The
// floor is the same legs that only echo. The callers are another thread's; its CPU is not counted.
//
//   legs_bench [legs] [seconds]        1,000 legs for 10 s when not told otherwise
//
// Holds: p99 of the tick lag under 5 ms and no frame lost. Fails (exit 1) when one does not.
#include "async/thread.h"
#include "audio/activity.h"
#include "audio/g711.h"
#include "media/shard.h"
#include "media/tee.h"
#include "recordings/recorder.h"
#include "support/sound/sound.h"
#include "support/temp_dir.h"
#include "telephony/rtp/packet.h"
#include "telephony/rtp/session.h"

#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <future>
#include <thread>

using namespace voxanne;
namespace rtp = telephony::rtp;

namespace {

const rtp::Address loopback = boost::asio::ip::make_address("127.0.0.1");

double cpu_seconds(int who) {
  rusage usage{};
  getrusage(who, &usage);
  const auto of = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return of(usage.ru_utime) + of(usage.ru_stime);
}

// Runs on the shard and waits for it.
template <class F>
auto on(media::Shard& shard, F f) {
  std::promise<decltype(f())> done;
  boost::asio::post(shard.executor(), [&] {
    if constexpr (std::is_void_v<decltype(f())>) {
      f();
      done.set_value();
    } else {
      done.set_value(f());
    }
  });
  return done.get_future().get();
}

// Speech for a third of the time, a line's noise for the rest, as PCMU; and a reply, as samples.
struct Sounds {
  Sounds() {
    using namespace test;
    const auto talk = speech("demo-congrats");
    const int talk_ms = static_cast<int>(talk.size() / 8);
    Samples line = white_noise(audio::narrowband, 3 * talk_ms, -60);
    line = mix(std::move(line), talk);
    line.resize(line.size() / 160 * 160);
    caller.resize(line.size());
    audio::g711_encode(audio::Law::mu, line, caller);
    reply = speech("vm-intro");
  }
  std::vector<std::uint8_t> caller;
  test::Samples reply;
};

// The callers: one packet per leg each 20 ms, a quarter of the legs each 5 ms, from one socket.
class Callers {
 public:
  Callers(rtp::PortPool& ports, const Sounds& sounds)
      : sounds_(sounds), ports_(ports.lease(loopback).value()) {
    constexpr int room = 8 << 20;
    setsockopt(ports_.rtp(), SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
    setsockopt(ports_.rtp(), SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room);
  }
  ~Callers() { stop(); }
  const rtp::Endpoint& endpoint() const { return ports_.local(); }
  void add(const rtp::Endpoint& leg) {
    legs_.push_back({.to = leg, .sequence = 0, .at = legs_.size() * 1'237 * 160 % sounds_.caller.size()});
  }
  void start() {
    thread_ = std::thread{[this] { run(); }};
  }
  void stop() {
    stopping_ = true;
    if (thread_.joinable()) thread_.join();
  }
  double cpu() const { return cpu_; }
  std::uint64_t sent() const { return sent_; }
  std::uint64_t received() const { return received_; }

 private:
  struct Leg {
    rtp::Endpoint to;
    std::uint16_t sequence;
    std::size_t at;
  };

  void run() {
    async::prepare_thread("callers", -10);
    // As punctual as the shard where that is permitted: its lateness would look like the network's.
    const sched_param lowest{.sched_priority = 1};
    sched_setscheduler(0, SCHED_RR, &lowest);
    auto next = std::chrono::steady_clock::now();
    for (std::size_t tick = 0; !stopping_; ++tick) {
      std::this_thread::sleep_until(next += media::tick_interval);
      for (std::size_t i = tick % 4; i < legs_.size(); i += 4) send(static_cast<std::uint32_t>(i));
      receive();
    }
    receive();
    cpu_ = cpu_seconds(RUSAGE_THREAD);
  }

  void send(std::uint32_t index) {
    Leg& leg = legs_[index];
    std::array<std::uint8_t, rtp::header_size> header;
    rtp::write({.sequence = leg.sequence, .timestamp = leg.sequence * 160u, .ssrc = index + 1}, header);
    ++leg.sequence;
    iovec parts[2] = {{header.data(), header.size()},
                      {const_cast<std::uint8_t*>(sounds_.caller.data()) + leg.at, 160}};
    leg.at = (leg.at + 160) % sounds_.caller.size();
    msghdr message{};
    message.msg_name = leg.to.data();
    message.msg_namelen = static_cast<socklen_t>(leg.to.size());
    message.msg_iov = parts;
    message.msg_iovlen = 2;
    sent_ += sendmsg(ports_.rtp(), &message, 0) > 0;
  }

  void receive() {
    static char buffers[64][256];
    mmsghdr messages[64]{};
    iovec parts[64];
    for (std::size_t i = 0; i < 64; ++i) {
      parts[i] = {buffers[i], sizeof buffers[i]};
      messages[i].msg_hdr.msg_iov = &parts[i];
      messages[i].msg_hdr.msg_iovlen = 1;
    }
    for (int got; (got = recvmmsg(ports_.rtp(), messages, 64, MSG_DONTWAIT, nullptr)) > 0;)
      received_ += static_cast<std::uint64_t>(got);
  }

  const Sounds& sounds_;
  rtp::PortPair ports_;
  std::vector<Leg> legs_;
  std::thread thread_;
  std::atomic<bool> stopping_{false};
  double cpu_ = 0;
  std::uint64_t sent_ = 0, received_ = 0;
};

class Echo final : public media::Exchange {
 public:
  void exchange(const audio::Frame& heard, audio::Frame& said) override { said = heard; }
};

// Answers every stretch of speech with the reply; talks on when it is interrupted.
class Answering final : public media::Exchange {
 public:
  explicit Answering(const test::Samples& reply) : reply_(reply) {}
  void exchange(const audio::Frame& heard, audio::Frame& said) override {
    const auto activity = detector_.process(heard);
    speech_ += activity.speech;
    if (activity.edge == audio::ActivityDetector::Edge::offset && at_ >= reply_.size()) at_ = 0;
    if (at_ >= reply_.size()) return;
    const auto n = std::min(said.samples().size(), reply_.size() - at_);
    std::copy_n(reply_.begin() + static_cast<std::ptrdiff_t>(at_), n, said.pcm.begin());
    said.kind = audio::Frame::Kind::voice;
    at_ += n;
  }
  std::uint64_t speech() const { return speech_; }

 private:
  const test::Samples& reply_;
  std::size_t at_ = SIZE_MAX;
  audio::ActivityDetector detector_;
  std::uint64_t speech_ = 0;
};

struct Nobody final : rtp::SessionObserver {
  void on_digit(char) override {}
  void on_media_timeout() override {}
};

struct Leg {
  std::unique_ptr<media::Exchange> inner;
  std::unique_ptr<recordings::Recorder> recorder;
  std::unique_ptr<media::Tee> tee;
  std::unique_ptr<rtp::Session> session;
};

bool measure(const char* name, std::size_t count, int seconds, const Sounds& sounds, bool full) {
  const test::TempDir dir;
  async::LoopThread loop{"bench"};
  auto ports = rtp::PortPool::open(10'000, 59'999).value();
  media::Shard shard{"media"};
  recordings::SpoolWriter writer{{.spool = dir.path(), .min_free_bytes = 0}};
  Callers callers{*ports, sounds};
  Nobody nobody;
  std::vector<Leg> legs(count);

  for (std::size_t i = 0; i < count; ++i) {
    Leg& leg = legs[i];
    leg.session = rtp::Session::open(shard, *ports, {.bind_address = loopback}).value();
    callers.add(leg.session->local_endpoint());
    if (!full) {
      leg.inner = std::make_unique<Echo>();
      continue;
    }
    leg.inner = std::make_unique<Answering>(sounds.reply);
    leg.recorder = std::make_unique<recordings::Recorder>(
        writer, recordings::SpoolHeader{.call = CallId{"call_" + std::to_string(i)}, .org = OrgId{"demo"}});
    leg.tee = std::make_unique<media::Tee>(*leg.inner, *leg.recorder);
  }
  // In batches, as calls arrive, not all in one tick.
  for (std::size_t begin = 0; begin < count; begin += 20) {
    on(shard, [&] {
      for (std::size_t i = begin; i < std::min(begin + 20, count); ++i) {
        media::Exchange& exchange =
            legs[i].tee ? static_cast<media::Exchange&>(*legs[i].tee) : *legs[i].inner;
        legs[i].session->configure({.codec = rtp::Codec::pcmu, .payload_type = 0, .event_type = 101},
                                   callers.endpoint(), rtp::Direction::send_recv);
        legs[i].session->start(nobody, exchange, audio::narrowband);
      }
    });
    std::this_thread::sleep_for(milliseconds{2});
  }
  callers.start();
  std::this_thread::sleep_for(std::chrono::seconds{2});  // until the buffers have found their depth

  const auto totals = [&] {
    telephony::MediaStats sum;
    for (const auto& leg : legs) {
      const auto stats = leg.session->stats();
      sum.received += stats.received;
      sum.lost += stats.lost;
      sum.late += stats.late;
      sum.concealed += stats.concealed;
      sum.sent += stats.sent;
    }
    return sum;
  };
  const auto before = on(shard, totals);
  const double shard_before = on(shard, [] { return cpu_seconds(RUSAGE_THREAD); });
  const auto skipped_before = shard.tick_lag().missed;
  const double all_before = cpu_seconds(RUSAGE_SELF);
  std::this_thread::sleep_for(std::chrono::seconds{seconds});
  const double shard_cpu = on(shard, [] { return cpu_seconds(RUSAGE_THREAD); }) - shard_before;
  const auto after = on(shard, totals);
  const auto lag = shard.tick_lag();
  const double all_cpu = cpu_seconds(RUSAGE_SELF) - all_before;
  callers.stop();
  // The callers' thread ran for the whole time, two seconds of which were not measured.
  const double callers_cpu = callers.cpu() * seconds / (seconds + 2.0);
  on(shard, [&] {
    for (auto& leg : legs) leg.session.reset();
  });
  std::uint64_t unrecorded = 0, speech = 0;
  for (auto& leg : legs) {
    if (!leg.recorder) continue;
    unrecorded += async::run_on(loop.executor(), leg.recorder->finish()).lost;
    speech += static_cast<const Answering&>(*leg.inner).speech();
  }
  shard.stop();

  const auto frames = static_cast<double>(after.sent - before.sent);
  const auto due = 50.0 * static_cast<double>(count) * seconds;
  const auto lost = after.lost - before.lost, late = after.late - before.late,
             concealed = after.concealed - before.concealed;
  const auto ms = [](std::chrono::microseconds us) { return static_cast<double>(us.count()) / 1'000; };
  std::printf("%s: %zu legs, %d s\n", name, count, seconds);
  std::printf(
      "  CPU            shard %5.1f %% of a core (%.3f %% a leg, %.1f us a slot); writers and rest %.1f %%\n",
      100 * shard_cpu / seconds, 100 * shard_cpu / seconds / static_cast<double>(count),
      1e6 * shard_cpu / frames, 100 * (all_cpu - shard_cpu - callers_cpu) / seconds);
  std::printf("  tick lag       p50 %.2f ms, p99 %.2f ms, worst %.2f ms; %llu ticks skipped\n", ms(lag.p50),
              ms(lag.p99), ms(lag.worst), static_cast<unsigned long long>(lag.missed - skipped_before));
  std::printf(
      "  frames         sent %.1f %% of those due; lost %llu, late %llu, concealed %llu, not recorded %llu\n",
      100 * frames / due, static_cast<unsigned long long>(lost), static_cast<unsigned long long>(late),
      static_cast<unsigned long long>(concealed), static_cast<unsigned long long>(unrecorded));
  if (full)
    std::printf("  callers heard  speaking in %.0f %% of the slots\n",
                100.0 * static_cast<double>(speech) / static_cast<double>(after.sent));
  return ms(lag.p99) < 5 && lost == 0 && late == 0 && unrecorded == 0;
}

}  // namespace

int main(int argc, char** argv) {
  const int legs = argc > 1 ? std::atoi(argv[1]) : 1'000;
  const int seconds = argc > 2 ? std::atoi(argv[2]) : 10;
  if (legs < 1 || legs > 10'000 || seconds < 1) {
    std::fprintf(stderr, "usage: legs_bench [legs: 1-10000] [seconds]\n");
    return 2;
  }
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);

  const Sounds sounds;
  const bool floor = measure("floor: echo", static_cast<std::size_t>(legs), seconds, sounds, false);
  const bool full =
      measure("activity, replies, recording", static_cast<std::size_t>(legs), seconds, sounds, true);
  return floor && full ? 0 : 1;
}
