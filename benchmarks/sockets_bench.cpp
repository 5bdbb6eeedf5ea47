// Live connections: what ten thousand of them hold, what one event to all of them takes, what coming and
// going costs; the built program beside npm's ws and a bare epoll loop, through the same clients in the
// same run. Then a hundred thousand connections of six endings against the program alone: memory and
// descriptors are where they were.
//
//   sockets_bench [LISTENERS] [ROUNDS] [ENDINGS]      10000, 9 and 100000 when not told otherwise
//
// Holds: 10,000 idle listeners under 120 MB in all; one event to them under 100 ms (median); no more CPU an
// event and listener, a connection, and no more memory than ws; memory after the endings within 8 MB of
// before. Exits 1 when one does not.
#include "process_cpu.h"
#include "sockets_floor.h"
#include "support/http.h"
#include "support/sockets/crowd.h"

#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <future>
#include <thread>

namespace {

using namespace voxanne;
using namespace std::chrono_literals;

constexpr double megabyte = 1'000'000;

struct Target {
  std::string name;
  int pid = 0;
  test::Swarm::Options clients;
  std::function<int()> publish;
};

struct Measured {
  double resident_mb = 0, bytes_each = 0, fan_out_ms = 0, fan_out_us = 0, connection_us = 0;
};

// What an event of ours sets off besides (a document is embedded, a language model built) is not what is
// measured.
void wait_for_rest(int pid) {
  for (int i = 0; i < 50; ++i) {
    const double before = bench::cpu_micros_of(pid);
    std::this_thread::sleep_for(200ms);
    if (bench::cpu_micros_of(pid) - before < 4'000) return;
  }
}

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "sockets_bench: %s\n", why.c_str());
  std::exit(1);
}

Measured measure(const Target& target, std::size_t listeners, int rounds) {
  Measured measured;
  {
    test::Swarm coming{target.clients};
    coming.add(listeners / 4, test::Ending::clean);  // warm
    if (!coming.run_until([&] { return coming.ended() == listeners / 4; }, 60s))
      give_up(target.name + " is stuck");
    const double before = bench::cpu_micros_of(target.pid);
    coming.add(listeners, test::Ending::clean);
    if (!coming.run_until([&] { return coming.ended() == listeners + listeners / 4; }, 120s))
      give_up(target.name + " is stuck");
    if (!coming.wrong().empty()) give_up(target.name + ": " + test::said(coming.wrong()));
    measured.connection_us = (bench::cpu_micros_of(target.pid) - before) / double(listeners);
  }
  const auto before = test::resident_bytes_of(target.pid);
  test::Swarm swarm{target.clients};
  swarm.add(listeners, test::Ending::stays);
  if (!swarm.run_until([&] { return swarm.subscribed() == listeners; }, 120s))
    give_up(target.name + " is stuck");
  const auto with = test::resident_bytes_of(target.pid);
  measured.resident_mb = double(with) / megabyte;
  measured.bytes_each = double(with - std::min(before, with)) / double(listeners);

  std::vector<double> times;
  double cpu = 0;
  for (int i = 0; i < rounds; ++i) {
    wait_for_rest(target.pid);
    swarm.reset_events();
    const double cpu_before = bench::cpu_micros_of(target.pid);
    auto sent = std::async(std::launch::async, target.publish);
    if (!swarm.run_until([&] { return swarm.events() == listeners; }, 30s))
      give_up(target.name + ": events are missing");
    if (sent.get() != 200) give_up(target.name + ": could not publish");
    cpu += bench::cpu_micros_of(target.pid) - cpu_before;
    times.push_back(swarm.slowest_event_ms());
  }
  measured.fan_out_us = cpu / double(rounds) / double(listeners);
  std::ranges::sort(times);
  measured.fan_out_ms = times[times.size() / 2];
  return measured;
}

int post(std::uint16_t port) {
  return test::http_post_json("http://127.0.0.1:" + std::to_string(port) + "/publish", {}).status;
}

bool held(bool holds, const char* what) {
  if (!holds) std::printf("NOT HELD: %s\n", what);
  return holds;
}

}  // namespace

int main(int argc, char** argv) {
  const auto argument = [&](int i, long otherwise) { return argc > i ? std::atol(argv[i]) : otherwise; };
  const auto listeners = std::size_t(argument(1, 10'000)), endings = std::size_t(argument(3, 100'000));
  const int rounds = int(argument(2, 9));
  if (!test::permit_descriptors(listeners + 2'000)) give_up("too few descriptors: raise ulimit -Hn");

  // The floor is forked first, while there is one thread.
  bench::SocketsFloor floor;
  const pid_t floor_pid = ::fork();
  if (floor_pid == 0) floor.run();

  Measured floored, peered, ours;
  {
    test::Swarm::Options clients{.port = floor.port()};
    floored = measure({"floor", floor_pid, clients, [&] { return post(floor.port()); }}, listeners, rounds);
    ::kill(floor_pid, SIGKILL);
    ::waitpid(floor_pid, nullptr, 0);
  }
  {
    test::Process peer{
        {.command = {"node", PEER "/server.js", test::crowd_secret()}, .environment = {}, .directory = {}}};
    const auto line = peer.wait_for_line("listening ", 20s);
    if (!line) give_up("the ws peer did not start:\n" + peer.output());
    const auto port = std::uint16_t(std::stoi(line->substr(10)));
    auto clients = test::crowd_clients(port, "acme");
    peered = measure({"ws", peer.pid(), clients, [&] { return post(port); }}, listeners, rounds);
  }
  {
    test::Server server{test::crowd_environment()};
    int number = 0;
    const auto publish = [&] { return test::publish_one(server, "acme", ++number); };
    if (publish() != 200) give_up("could not publish");
    ours = measure({"voxanne", server.process().pid(), test::listeners(server, "acme"), publish}, listeners,
                   rounds);
  }
  std::printf("%zu listeners, one event to all of them %d times (median), and as many coming and going\n\n",
              listeners, rounds);
  std::printf("%-34s %10s %10s %10s\n", "", "voxanne", "ws (npm)", "floor");
  const auto row = [](const char* what, double a, double b, double c) {
    std::printf("%-34s %10.1f %10.1f %10.1f\n", what, a, b, c);
  };
  row("resident with them, MB", ours.resident_mb, peered.resident_mb, floored.resident_mb);
  row("more than before, bytes each", ours.bytes_each, peered.bytes_each, floored.bytes_each);
  row("event to the last of them, ms", ours.fan_out_ms, peered.fan_out_ms, floored.fan_out_ms);
  row("CPU an event and listener, us", ours.fan_out_us, peered.fan_out_us, floored.fan_out_us);
  row("CPU a connection, us", ours.connection_us, peered.connection_us, floored.connection_us);
  std::fflush(stdout);
  bool all = held(ours.resident_mb < 120, "idle listeners under 120 MB");
  all = held(ours.fan_out_ms < 100, "one event to all under 100 ms") && all;
  all = held(ours.fan_out_us <= peered.fan_out_us, "an event costs no more CPU than with ws") && all;
  all =
      held(ours.connection_us <= peered.connection_us, "a connection costs no more CPU than with ws") && all;
  all = held(ours.bytes_each <= peered.bytes_each, "a listener holds no more than with ws") && all;
  if (endings == 0) return all ? 0 : 1;

  test::Server server{test::crowd_environment({{"WEBSOCKET_PING_SECONDS", "2"}})};
  const int pid = server.process().pid();
  const auto come_and_go = [&](std::size_t count) {
    if (const auto wrong = test::six_endings(server, count); !wrong.empty()) give_up(wrong);
  };
  // The recordings of the last calls are still written for a while, and freed memory goes back slowly.
  const auto settle = [&] {
    test::settle(server);
    std::this_thread::sleep_for(15s);
  };
  // Events are kept for whoever comes back, and are not the connections'.
  const auto kept = [&] { return test::metric(server, "voxanne_live_ring_bytes"); };
  constexpr std::size_t at_once = 10'000;
  come_and_go(std::min(at_once, endings));
  settle();
  const double before = double(test::resident_bytes_of(pid)) - kept();
  const auto descriptors = test::descriptors_of(pid);
  for (std::size_t done = 0; done < endings; done += at_once) come_and_go(std::min(at_once, endings - done));
  settle();
  const double after = double(test::resident_bytes_of(pid)) - kept();
  std::printf(
      "\n%zu connections of six endings, after as many as are open at once: resident %.1f -> %.1f MB "
      "(and %.1f MB of events), descriptors %zu -> %zu\n",
      endings, before / megabyte, after / megabyte, kept() / megabyte, descriptors,
      test::descriptors_of(pid));
  all = held(after <= before + 8 * megabyte, "memory is where it was") && all;
  all = held(test::descriptors_of(pid) <= descriptors + 2, "descriptors are where they were") && all;
  return all ? 0 : 1;
}
