// Our gateway with the peers of the trade: sipp's scenarios and baresip. What is asserted is what
// happened on our side; sipp ends with 0 even where a scenario took another branch.
#include "audio/wav.h"
#include "support/process.h"
#include "support/temp_dir.h"
#include "telephony/sip/client.h"
#include "telephony/sip/test_gateway.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <numbers>
#include <random>

namespace voxanne::telephony::sip {
namespace {

using test::Process;
using testing::ElementsAre;
using testing::HasSubstr;
using Cause = LegEnd::Cause;

bool is_free(int type, std::uint16_t port) {
  const int socket = ::socket(AF_INET, type | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  const bool bound = bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  close(socket);
  return bound;
}

// Below the range of ephemeral ports, where any program's next connection may take it; for a peer
// that listens on it over UDP and TCP and on the next over TLS.
std::uint16_t free_port() {
  static std::mt19937 random{std::random_device{}()};
  std::uniform_int_distribution<int> ports{10'000, 19'900};
  for (;;) {
    const auto port = static_cast<std::uint16_t>(ports(random));
    if (is_free(SOCK_DGRAM, port) && is_free(SOCK_STREAM, port) &&
        is_free(SOCK_STREAM, static_cast<std::uint16_t>(port + 1)))
      return port;
  }
}

// Each peer ends by its own limit too, and is killed with the process that started it.
class Flow : public testing::Test {
 protected:
  struct Sipp {
    std::string scenario;
    Transport transport = Transport::udp;
    int calls = 1, rate = 10, pause_ms = 200;
    std::uint16_t port = free_port();
  };

  std::unique_ptr<Process> sipp(const Sipp& run) {
    return std::make_unique<Process>(
        Process::Options{.command = {"timeout",
                                     "60",
                                     "sipp",
                                     "-sf",
                                     std::string{SCENARIOS} + "/" + run.scenario,
                                     "-i",
                                     "127.0.0.1",
                                     "-p",
                                     std::to_string(run.port),
                                     "-mp",
                                     std::to_string(free_port()),
                                     "-t",
                                     run.transport == Transport::udp ? "u1" : "t1",
                                     "-s",
                                     "demo",
                                     "-m",
                                     std::to_string(run.calls),
                                     "-r",
                                     std::to_string(run.rate),
                                     "-l",
                                     "1000",
                                     "-d",
                                     std::to_string(run.pause_ms),
                                     "-timeout",
                                     "40s",
                                     "-timeout_error",
                                     "-nostdin",
                                     "127.0.0.1:" + std::to_string(gateway.port(run.transport))},
                         .environment = {{"TERM", "dumb"}},
                         .directory = directory.path().string()});
  }
  void succeeds(const Sipp& run) {
    const auto process = sipp(run);
    EXPECT_EQ(process->wait(seconds{60}), 0) << process->output().substr(0, 4'000);
  }
  std::map<Cause, int> ends(std::size_t calls) {
    std::map<Cause, int> counted;
    for (std::size_t i = 0; i < calls; ++i) {
      EXPECT_TRUE(gateway.call(i).wait_for("ended")) << "call " << i;
      ++counted[gateway.call(i).end().cause];
    }
    return counted;
  }

  test::TempDir directory;
  SipThread thread;
  TestGateway gateway{thread};
};

TEST_F(Flow, sipp_calls_over_udp_and_tcp) {
  succeeds({.scenario = "call.xml"});
  succeeds({.scenario = "call.xml", .transport = Transport::tcp});
  EXPECT_EQ(ends(2), (std::map<Cause, int>{{Cause::remote_hung_up, 2}}));
}

TEST_F(Flow, sipp_offers_late) {
  succeeds({.scenario = "late_offer.xml"});
  succeeds({.scenario = "late_offer.xml", .transport = Transport::tcp});
  EXPECT_EQ(ends(2), (std::map<Cause, int>{{Cause::remote_hung_up, 2}}));
}

TEST_F(Flow, sipp_holds_and_resumes) {
  succeeds({.scenario = "hold.xml"});
  EXPECT_EQ(ends(1), (std::map<Cause, int>{{Cause::remote_hung_up, 1}}));
  EXPECT_THAT(gateway.call().events(), ElementsAre("answered", "hold", "resume", "ended"));
}

TEST_F(Flow, a_hundred_calls_at_once_all_complete) {
  succeeds({.scenario = "call.xml", .calls = 100, .rate = 100, .pause_ms = 2'000});
  ASSERT_EQ(gateway.arrived(), 100U);
  EXPECT_EQ(ends(100), (std::map<Cause, int>{{Cause::remote_hung_up, 100}}));
  EXPECT_EQ(gateway.gateway().health().calls, 0U);
}

TEST_F(Flow, sipp_is_called_and_hung_up_by_us) {
  const std::uint16_t port = free_port();
  const auto callee = sipp({.scenario = "callee.xml", .port = port});
  // Nothing tells when sipp listens: the INVITE is repeated until it does, as UDP demands anyway.
  const auto leg =
      gateway.dial({.to = "sip:anna@127.0.0.1:" + std::to_string(port), .from_number = "", .from_name = ""});
  ASSERT_TRUE(leg->wait_for("answered", seconds{10}));
  leg->hang_up();
  EXPECT_EQ(callee->wait(seconds{20}), 0) << callee->output().substr(0, 4'000);
  EXPECT_THAT(leg->events(), ElementsAre("ringing", "answered", "ended"));
}

TEST_F(Flow, sipp_is_busy) {
  const std::uint16_t port = free_port();
  const auto callee = sipp({.scenario = "busy.xml", .port = port});
  const auto leg =
      gateway.dial({.to = "sip:anna@127.0.0.1:" + std::to_string(port), .from_number = "", .from_name = ""});
  ASSERT_TRUE(leg->wait_for("ended", seconds{10}));
  EXPECT_EQ(leg->end().cause, Cause::busy);
  EXPECT_EQ(callee->wait(seconds{20}), 0);
}

// Half a minute of a tone.
void write_tone(const std::filesystem::path& path, int rate) {
  std::vector<audio::Sample> samples(static_cast<std::size_t>(30 * rate));
  for (std::size_t n = 0; n < samples.size(); ++n)
    samples[n] = static_cast<audio::Sample>(
        8'000 * std::sin(2 * std::numbers::pi * 440 * static_cast<double>(n) / rate));
  ASSERT_TRUE(audio::write_wav_file(path, rate, 1, samples));
}

// baresip says a tone from a file instead of reading a microphone.
class Baresip : public Flow {
 protected:
  Baresip() {
    std::ofstream{directory / "config"}
        << "poll_method epoll\nsip_listen 127.0.0.1:" << port
        << "\ncall_max_calls 4\nmodule_path /usr/lib/baresip/modules\nmodule g722.so\n"
           "module g711.so\nmodule aufile.so\nmodule cons.so\n"
           "module_app account.so\nmodule_app menu.so\n"
           "audio_source aufile,"
        << (directory / "tone.wav").string()
        << "\n"
           "audio_player aufile,"
        << (directory / "heard.wav").string() << "\ncons_listen 127.0.0.1:" << console << "\n";
  }

  std::unique_ptr<Process> baresip(const std::string& codec, int rate, std::vector<std::string> more = {}) {
    write_tone(directory / "tone.wav", rate);
    std::ofstream{directory / "accounts"}
        << "<sip:anna@127.0.0.1>;regint=0;answermode=auto;audio_codecs=" << codec << "\n";
    std::vector<std::string> command{"baresip", "-4", "-t", "40", "-f", directory.path().string()};
    command.insert(command.end(), more.begin(), more.end());
    return std::make_unique<Process>(Process::Options{.command = std::move(command),
                                                      .environment = {{"TERM", "dumb"}},
                                                      .directory = directory.path().string()});
  }
  void press(const std::string& keys) {
    const int socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(console);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (const char key : keys)
      EXPECT_EQ(sendto(socket, &key, 1, 0, reinterpret_cast<const sockaddr*>(&address), sizeof address), 1);
    close(socket);
  }

  const std::uint16_t port = free_port(), console = free_port();
};

TEST_F(Baresip, calls_in_wideband_and_presses_keys) {
  const auto phone = baresip("G722/16000/1", 16'000, {"-e", "/dial " + gateway.uri("demo")});
  test::LegRecorder& leg = gateway.call();
  EXPECT_TRUE(leg.wait_for_voice(50)) << phone->output();
  EXPECT_EQ(leg.sample_rate(), 16'000);
  press("5");
  EXPECT_TRUE(leg.wait_for("digit 5"));
  leg.hang_up();
  EXPECT_TRUE(phone->wait_for_line("terminated", seconds{5})) << phone->output();
  EXPECT_EQ(leg.digits(), "5");
  leg.on_shard([](Leg& ended) { EXPECT_GT(ended.media_stats().received, 50U); });
}

TEST_F(Baresip, is_called_in_narrowband) {
  const auto phone = baresip("PCMA/8000/1", 8'000);
  ASSERT_TRUE(phone->wait_for_line("ready", seconds{10})) << phone->output();
  const auto leg =
      gateway.dial({.to = "sip:anna@127.0.0.1:" + std::to_string(port), .from_number = "", .from_name = ""});
  ASSERT_TRUE(leg->wait_for("answered", seconds{10})) << phone->output();
  EXPECT_TRUE(leg->wait_for_voice(50)) << phone->output();
  EXPECT_EQ(leg->sample_rate(), 8'000);
  leg->hang_up();
  EXPECT_TRUE(phone->wait_for_line("terminated", seconds{5})) << phone->output();
}

}  // namespace
}  // namespace voxanne::telephony::sip
