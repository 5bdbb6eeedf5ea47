#include "telephony/rtp/session.h"

#include "audio/tone.h"
#include "support/sound/sound.h"
#include "telephony/rtp/codec.h"
#include "telephony/rtp/dtmf.h"
#include "telephony/rtp/packet.h"
#include "telephony/rtp/rtcp.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>

#include <atomic>
#include <functional>
#include <future>
#include <string>
#include <thread>
#include <tuple>

#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace voxanne::telephony::rtp {
namespace {

using namespace voxanne::test;
using audio::Sample;

const Address loopback = boost::asio::ip::make_address("127.0.0.1");

// The far end: one of our port pairs, driven by hand.
class Peer {
 public:
  explicit Peer(PortPool& ports, const Address& address = loopback) : ports_(ports.lease(address).value()) {}

  const Endpoint& endpoint() const { return ports_.local(); }
  void call(const Endpoint& to) { to_ = to; }

  void send(std::span<const std::uint8_t> bytes) { send(ports_.rtp(), to_, bytes); }
  void send_rtcp(std::span<const std::uint8_t> bytes) {
    send(ports_.rtcp(), {to_.address(), static_cast<std::uint16_t>(to_.port() + 1)}, bytes);
  }
  // One packet; the stream's position moves on by the payload.
  void send(std::uint8_t type, std::span<const std::uint8_t> payload, bool advance = true) {
    std::vector<std::uint8_t> bytes(header_size + payload.size());
    write({.payload_type = type, .sequence = sequence++, .timestamp = timestamp, .ssrc = ssrc},
          std::span{bytes}.first<header_size>());
    std::copy(payload.begin(), payload.end(), bytes.begin() + header_size);
    if (advance) timestamp += static_cast<std::uint32_t>(payload.size());
    send(bytes);
  }
  void send_silence(int ms = 20) {
    send(0, std::vector<std::uint8_t>(static_cast<std::size_t>(8 * ms), 0xFF));
  }

  // What the session sent since the last call.
  struct Received {
    Header header;
    std::vector<std::uint8_t> payload;
  };
  std::vector<Received> receive() {
    std::vector<Received> got;
    for (const auto& bytes : drain(ports_.rtp())) {
      Packet packet;
      EXPECT_EQ(parse(bytes, packet), Flaw::none);
      got.push_back({packet.header, {packet.payload.begin(), packet.payload.end()}});
    }
    return got;
  }
  std::vector<Report> receive_rtcp(std::uint32_t about) {
    std::vector<Report> got;
    for (const auto& bytes : drain(ports_.rtcp())) {
      Report report;
      EXPECT_EQ(parse_rtcp(bytes, about, report), Flaw::none);
      got.push_back(report);
    }
    return got;
  }

  std::uint16_t sequence = 65'500;
  std::uint32_t timestamp = 0xFFFFF000, ssrc = 77;

 private:
  static void send(int socket, const Endpoint& to, std::span<const std::uint8_t> bytes) {
    ASSERT_EQ(sendto(socket, bytes.data(), bytes.size(), 0, to.data(), static_cast<socklen_t>(to.size())),
              static_cast<ssize_t>(bytes.size()));
    // The kernel hands it over within the call or, when it is busy, soon after.
    for (int queued = 1; queued > 0;) {
      ASSERT_EQ(ioctl(socket, SIOCOUTQ, &queued), 0);
      if (queued > 0) std::this_thread::yield();
    }
  }
  static std::vector<std::vector<std::uint8_t>> drain(int socket) {
    std::vector<std::vector<std::uint8_t>> got;
    pollfd waiting{.fd = socket, .events = POLLIN, .revents = 0};
    poll(&waiting, 1, 20);
    std::uint8_t buffer[2'000];
    for (ssize_t n; (n = recv(socket, buffer, sizeof buffer, MSG_DONTWAIT)) >= 0;)
      got.emplace_back(buffer, buffer + n);
    return got;
  }

  PortPair ports_;
  Endpoint to_;
};

// Keeps what it hears, says what it is given.
struct Speaker final : media::Exchange {
  Samples heard, says;
  std::vector<audio::Frame::Kind> kinds;
  int skipped = 0;
  std::function<void()> then = [] {};
  void skip(int slots) override { skipped += slots; }
  void exchange(const audio::Frame& in, audio::Frame& out) override {
    kinds.push_back(in.kind);
    heard.insert(heard.end(), in.samples().begin(), in.samples().end());
    const auto size = std::min(says.size(), out.samples().size());
    std::copy_n(says.begin(), size, out.pcm.begin());
    says.erase(says.begin(), says.begin() + static_cast<std::ptrdiff_t>(size));
    if (size > 0) out.kind = audio::Frame::Kind::voice;
    then();
  }
};

struct Observer final : SessionObserver {
  std::string digits;
  int timeouts = 0;
  std::function<void()> then = [] {};
  void on_digit(char digit) override {
    digits += digit;
    then();
  }
  void on_media_timeout() override {
    ++timeouts;
    then();
  }
};

class SessionTest : public ::testing::Test {
 protected:
  async::Loop loop_{1};
  media::Shard shard_{loop_.get_executor()};
  std::unique_ptr<PortPool> ports_ = PortPool::open(20'000, 59'999).value();
  Peer peer_{*ports_};
  Speaker speaker_;
  Observer observer_;
  std::unique_ptr<Session> session_ = open();
  SteadyTime now_{std::chrono::hours{5}};

  std::unique_ptr<Session> open() {
    auto session = Session::open(shard_, *ports_, {.bind_address = loopback, .silence_limit = seconds{10}});
    peer_.call(session.value()->local_endpoint());
    return std::move(*session);
  }
  void start(const Format& format = {.event_type = 101}, int rate = audio::narrowband,
             Direction direction = Direction::send_recv) {
    session_->configure(format, peer_.endpoint(), direction);
    session_->start(observer_, speaker_, rate);
  }
  // Slots of 20 ms, each after `before`.
  void run(int slots, const std::function<void()>& before = [] {}) {
    for (int i = 0; i < slots; ++i) {
      before();
      for (int tick = 0; tick < 4; ++tick, now_ += media::tick_interval) shard_.tick(now_);
    }
  }
};

TEST_F(SessionTest, exchanges_once_per_slot_with_and_without_packets_and_format) {
  session_->start(observer_, speaker_, audio::wideband);
  run(50);
  EXPECT_EQ(speaker_.heard.size(), 50u * 320) << "before the answer to a late offer";
  session_->configure({}, peer_.endpoint(), Direction::send_recv);
  run(50);
  run(50, [&] { peer_.send_silence(); });
  session_->configure({}, peer_.endpoint(), Direction::inactive);
  run(50);
  EXPECT_EQ(speaker_.kinds.size(), 200u);
}

TEST_F(SessionTest, tones_pass_both_ways_at_every_pair_of_rates) {
  for (const Codec codec : {Codec::pcmu, Codec::pcma, Codec::g722})
    for (const int rate : {audio::narrowband, audio::wideband}) {
      SCOPED_TRACE(static_cast<int>(codec) * 100'000 + rate);
      session_ = open();
      speaker_ = Speaker{};
      const Format format{.codec = codec, .payload_type = static_payload_type(codec), .event_type = {}};
      start(format, rate);
      speaker_.says = audio::tone(rate, 800, 1'000, -12);
      Encoder encoder{codec};
      Decoder decoder{codec};
      const auto sent = audio::tone(sample_rate(codec), 1'500, 1'000, -12);
      Samples back;
      std::size_t at = 0;
      run(50, [&] {
        std::array<std::uint8_t, 160> bytes;
        const auto size = audio::samples_per_frame(sample_rate(codec));
        encoder.encode(std::span{sent}.subspan(at, size), bytes);
        at += size;
        peer_.send(format.payload_type, bytes);
      });
      for (const auto& packet : peer_.receive()) {
        EXPECT_EQ(packet.header.payload_type, format.payload_type);
        ASSERT_EQ(packet.payload.size(), 160u);
        std::array<Sample, 320> pcm;
        const auto out = std::span{pcm}.first(audio::samples_per_frame(sample_rate(codec)));
        decoder.decode(packet.payload, out);
        back.insert(back.end(), out.begin(), out.end());
      }
      ASSERT_EQ(back.size(), sent.size());
      ASSERT_EQ(speaker_.heard.size(), static_cast<std::size_t>(rate));
      EXPECT_NEAR(level_at(std::span{speaker_.heard}.subspan(4'000), rate, 1'500), -15, 1);
      EXPECT_NEAR(level_at(std::span{back}.subspan(4'000), sample_rate(codec), 800), -15, 1);
      const auto stats = session_->stats();
      EXPECT_EQ(stats.received, 50u);
      EXPECT_EQ(stats.sent, 50u);
      EXPECT_EQ(stats.lost + stats.late + stats.concealed, 0u);
    }
}

TEST_F(SessionTest, other_packet_lengths_are_heard_whole) {
  for (const int ms : {10, 30, 40, 60}) {
    session_ = open();
    speaker_ = Speaker{};
    start();
    const auto tone = audio::tone(audio::narrowband, 500, 3'000, -12);
    int sent_ms = 0, slot = 0;
    run(120, [&] {
      for (; sent_ms <= 20 * slot; sent_ms += ms) {
        std::vector<std::uint8_t> bytes(static_cast<std::size_t>(8 * ms));
        audio::g711_encode(audio::Law::mu,
                           std::span{tone}.subspan(static_cast<std::size_t>(8 * sent_ms), bytes.size()),
                           bytes);
        peer_.send(0, bytes);
      }
      ++slot;
    });
    EXPECT_NEAR(level_at(std::span{speaker_.heard}.subspan(1'600), audio::narrowband, 500), -15, 0.3) << ms;
    EXPECT_EQ(session_->stats().concealed, 0u) << ms;
  }
}

TEST_F(SessionTest, losses_are_concealed_and_counted) {
  start();
  int slot = 0;
  run(100, [&] {
    if (slot++ % 10 == 5) {
      ++peer_.sequence;
      peer_.timestamp += 160;
    } else {
      peer_.send_silence();
    }
  });
  EXPECT_EQ(session_->stats().lost, 10u);
  EXPECT_EQ(session_->stats().received, 90u);
  EXPECT_NEAR(double(session_->stats().concealed), 10, 1);
}

TEST_F(SessionTest, the_stream_we_send_is_continuous_over_hold_and_digits) {
  start();
  run(10);
  session_->configure({.event_type = 101}, peer_.endpoint(), Direction::recv_only);
  run(20);
  session_->configure({.event_type = 101}, peer_.endpoint(), Direction::send_recv);
  session_->send_digits("4");
  run(30);
  const auto packets = peer_.receive();
  ASSERT_EQ(packets.size(), 40u);
  std::string line;
  const auto first = packets.front().header;
  for (std::size_t i = 0; i < packets.size(); ++i) {
    const auto& [header, payload] = packets[i];
    EXPECT_EQ(header.sequence, static_cast<std::uint16_t>(first.sequence + i)) << "no gap";
    EXPECT_EQ(header.ssrc, first.ssrc);
    const auto slot = i < 10 ? i : i + 20;
    if (header.payload_type == 101) {
      EXPECT_EQ(header.timestamp, first.timestamp + 160 * 30) << "where the press began";
    } else {
      EXPECT_EQ(header.timestamp, first.timestamp + 160 * slot) << "time went on";
    }
    line += header.payload_type == 101 ? 'd' : 'a';
    if (header.marker) line += '!';
  }
  EXPECT_EQ(line,
            "a!aaaaaaaaa"
            "d!dddddd"
            "a!" +
                std::string(22, 'a'));
}

TEST_F(SessionTest, on_hold_it_hears_only_what_it_is_to_hear) {
  start();
  const std::vector<std::uint8_t> loud(160, 0x80);
  const auto send = [&] { peer_.send(0, loud); };
  run(10, send);
  EXPECT_EQ(speaker_.kinds.back(), audio::Frame::Kind::voice);
  session_->configure({.event_type = 101}, peer_.endpoint(), Direction::send_only);
  run(10, send);
  EXPECT_EQ(speaker_.kinds.back(), audio::Frame::Kind::silence);
  EXPECT_LT(level_db(std::span{speaker_.heard}.last(1'440)), -100);
  session_->configure({.event_type = 101}, peer_.endpoint(), Direction::recv_only);
  run(10, send);
  EXPECT_EQ(speaker_.kinds.back(), audio::Frame::Kind::voice) << "their music";
  EXPECT_EQ(session_->stats().lost, 0u);
}

TEST_F(SessionTest, sends_nowhere_while_the_address_is_unspecified) {
  session_->configure({}, {boost::asio::ip::make_address("0.0.0.0"), 4'000}, Direction::send_recv);
  session_->start(observer_, speaker_, audio::narrowband);
  run(10);
  EXPECT_EQ(session_->stats().sent, 0u);
  run(10, [&] { peer_.send_silence(); });
  EXPECT_GT(session_->stats().sent, 5u) << "until somebody is heard";
}

TEST_F(SessionTest, digits_come_in_once_each) {
  start();
  DigitSender keys;
  keys.queue("12#*0A");
  run(100, [&] {
    if (const auto due = keys.next(peer_.timestamp)) {
      const auto stream = peer_.timestamp;
      peer_.timestamp = due->timestamp;
      peer_.send(101, write_event(due->event), false);
      peer_.timestamp = stream + 160;
    } else {
      peer_.send_silence();
    }
  });
  EXPECT_EQ(observer_.digits, "12#*0A");
  EXPECT_EQ(session_->stats().lost, 0u);
}

TEST_F(SessionTest, digits_under_an_ssrc_of_their_own_come_in_once_each) {
  // Whether their clock is before or behind that of a press in the audio's stream, and whether audio flows
  // on between them.
  for (const std::uint32_t ahead : {0x10000000u, 0xF0000000u})
    for (const bool beside_audio : {false, true}) {
      SCOPED_TRACE(testing::Message() << ahead << ' ' << beside_audio);
      session_ = open();
      observer_ = Observer{};
      start();
      DigitSender keys;
      keys.queue("1223");
      std::uint16_t sequence = 9;
      run(20, [&] { peer_.send_silence(); });
      peer_.send(101, write_event({.code = 9, .end = true, .duration = 800}), false);
      std::uint32_t events = peer_.timestamp + ahead;
      run(50, [&] {
        const auto due = keys.next(events += 160);
        if (!due || beside_audio) peer_.send_silence();
        if (!due) return;
        const auto audio = std::tuple{peer_.ssrc, peer_.sequence, peer_.timestamp};
        std::tie(peer_.ssrc, peer_.sequence, peer_.timestamp) =
            std::tuple{peer_.ssrc + 1, sequence++, due->timestamp};
        peer_.send(101, write_event(due->event), false);
        std::tie(peer_.ssrc, peer_.sequence, peer_.timestamp) = audio;
      });
      EXPECT_EQ(observer_.digits, "91223");
    }
}

TEST_F(SessionTest, digits_come_in_after_the_stream_set_its_clock_back) {
  start();
  const auto press = [&](std::uint8_t code) {
    peer_.send(101, write_event({.code = code, .end = true, .duration = 800}), false);
  };
  run(20, [&] { peer_.send_silence(); });
  press(9);
  peer_.sequence += 20'000;
  peer_.timestamp -= 0x10000000;
  run(20, [&] { peer_.send_silence(); });
  press(4);
  run(1);
  EXPECT_EQ(observer_.digits, "94");
}

TEST_F(SessionTest, a_far_end_without_events_gets_tones) {
  start({.event_type = {}});
  session_->send_digits("5");
  run(12);
  Samples heard;
  for (const auto& packet : peer_.receive()) {
    EXPECT_EQ(packet.header.payload_type, 0);
    std::array<Sample, 160> pcm;
    audio::g711_decode(audio::Law::mu, packet.payload, pcm);
    heard.insert(heard.end(), pcm.begin(), pcm.end());
  }
  const auto press = std::span{heard}.first(800);
  EXPECT_NEAR(level_at(press, audio::narrowband, 770), -12, 1);
  EXPECT_NEAR(level_at(press, audio::narrowband, 1336), -12, 1);
  EXPECT_LT(level_db(std::span{heard}.subspan(800)), -70);
}

TEST_F(SessionTest, both_ends_of_ours_understand_each_other) {
  auto other = Session::open(shard_, *ports_, {.bind_address = loopback}).value();
  Speaker their_speaker;
  Observer their_observer;
  const Format format{.codec = Codec::g722, .payload_type = 9, .event_type = 96};
  other->configure(format, session_->local_endpoint(), Direction::send_recv);
  session_->configure(format, other->local_endpoint(), Direction::send_recv);
  other->start(their_observer, their_speaker, audio::wideband);
  session_->start(observer_, speaker_, audio::wideband);
  their_speaker.says = speech("vm-intro", audio::wideband);
  const auto said = their_speaker.says;
  session_->send_digits("0123456789*#");
  run(static_cast<int>(said.size() / 320));
  EXPECT_EQ(their_observer.digits, "0123456789*#");
  EXPECT_EQ(session_->stats().concealed, 0u);
  // Before spare delay is given up, which moves what follows.
  const auto heard = std::span{speaker_.heard}.first(24'000);
  const int lag = lag_of(std::span{said}.first(20'000), heard, 1'600);
  EXPECT_LE(lag, 16 * 62) << "a slot of buffering, one of phase, and the codec";
  EXPECT_GT(snr_db(said, heard.subspan(static_cast<std::size_t>(lag))), 15);
}

TEST_F(SessionTest, packets_from_elsewhere_are_not_heard) {
  Peer translated{*ports_}, stranger{*ports_};
  translated.call(session_->local_endpoint());
  stranger.call(session_->local_endpoint());
  start();
  run(10, [&] { translated.send_silence(); });
  EXPECT_EQ(session_->stats().received, 9u) << "the second packet decided it";
  const std::vector<std::uint8_t> loud(160, 0x80);
  run(50, [&] {
    translated.send_silence();
    stranger.send(0, loud);
  });
  EXPECT_LT(level_db(speaker_.heard), -100);
  EXPECT_EQ(session_->ignored(), 51u);
  EXPECT_GT(translated.receive().size(), 50u) << "we answer where the stream comes from";
  EXPECT_TRUE(stranger.receive().empty());
}

TEST_F(SessionTest, what_is_no_packet_of_ours_is_ignored_and_counted) {
  start();
  run(5, [&] { peer_.send_silence(); });
  peer_.send(std::vector<std::uint8_t>{});
  peer_.send(std::vector<std::uint8_t>{0x80, 0});
  peer_.send(std::vector<std::uint8_t>(1'500, 0xFF));
  peer_.send(std::vector<std::uint8_t>(3'000, 0x80));
  peer_.send(18, std::vector<std::uint8_t>(20));
  run(1);
  EXPECT_EQ(session_->ignored(), 4u) << "the datagram that exceeds a packet is not even looked at";
  EXPECT_EQ(session_->stats().received, 5u);
}

TEST_F(SessionTest, silence_of_the_far_end_is_reported_once) {
  start();
  run(500 - 1);
  EXPECT_EQ(observer_.timeouts, 0);
  run(2);
  EXPECT_EQ(observer_.timeouts, 1) << "after ten seconds without any packet";
  run(1'000);
  EXPECT_EQ(observer_.timeouts, 1);
  run(1, [&] { peer_.send_silence(); });
  run(490);
  EXPECT_EQ(observer_.timeouts, 1);
  run(15);
  EXPECT_EQ(observer_.timeouts, 2) << "it spoke and fell silent again";
}

TEST_F(SessionTest, hold_suspends_the_watchdog) {
  start();
  run(400);
  for (const auto direction : {Direction::send_only, Direction::recv_only, Direction::inactive}) {
    session_->configure({.event_type = 101}, peer_.endpoint(), direction);
    run(700);
  }
  EXPECT_EQ(observer_.timeouts, 0);
  session_->configure({.event_type = 101}, peer_.endpoint(), Direction::send_recv);
  run(490);
  EXPECT_EQ(observer_.timeouts, 0) << "the time begins anew";
  run(15);
  EXPECT_EQ(observer_.timeouts, 1);
}

TEST_F(SessionTest, reports_are_exchanged_and_keep_a_silent_line_alive) {
  start();
  run(255, [&] { peer_.send_silence(); });
  const auto sent = peer_.receive();
  const auto ssrc = sent.front().header.ssrc;
  const auto reports = peer_.receive_rtcp(peer_.ssrc);
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_EQ(reports[0].ssrc, ssrc);
  ASSERT_TRUE(reports[0].sender);
  EXPECT_GT(reports[0].sender->packets, 0u);
  EXPECT_EQ(reports[0].sender->octets, 160 * reports[0].sender->packets);
  ASSERT_TRUE(reports[0].about_us);
  EXPECT_EQ(reports[0].about_us->cumulative_lost, 0);

  std::array<std::uint8_t, max_rtcp_size> buffer;
  const auto size = write_rtcp(buffer, peer_.ssrc, SenderInfo{.ntp = 1}, std::nullopt, "peer", false);
  for (int i = 0; i < 4; ++i) {
    peer_.send_rtcp(std::span{buffer}.first(size));
    run(400);
  }
  EXPECT_EQ(observer_.timeouts, 0);

  peer_.receive_rtcp(peer_.ssrc);
  session_->close();
  const auto last = peer_.receive_rtcp(peer_.ssrc);
  ASSERT_EQ(last.size(), 1u);
  EXPECT_TRUE(last[0].bye);
}

TEST_F(SessionTest, playout_is_late_by_half_the_round_trip_that_reports_tell) {
  const auto wall_clock = [] { return std::chrono::system_clock::now(); };
  const auto before = wall_clock();
  start();
  run(250);
  const auto ssrc = peer_.receive().front().header.ssrc;
  const auto reports = peer_.receive_rtcp(peer_.ssrc);
  ASSERT_EQ(reports.size(), 1u);
  ASSERT_TRUE(reports[0].sender);
  EXPECT_EQ(session_->playout_delay(), milliseconds{40}) << "nothing is known yet";

  const auto report = [&](milliseconds ago, milliseconds kept) {
    const auto to_ticks = [](milliseconds time) {
      return static_cast<std::uint32_t>(time.count() * 65'536 / 1'000);
    };
    const ReportBlock block{.ssrc = ssrc,
                            .last_sender_report = middle(reports[0].sender->ntp) - to_ticks(ago),
                            .delay_since_sender_report = to_ticks(kept)};
    std::array<std::uint8_t, max_rtcp_size> buffer;
    const auto size = write_rtcp(buffer, peer_.ssrc, std::nullopt, block, "peer", false);
    peer_.send_rtcp(std::span{buffer}.first(size));
    run(25);
    return std::chrono::ceil<milliseconds>(wall_clock() - before);
  };
  // As if ours had been sent 200 ms earlier; what the test itself takes is part of the round trip.
  auto took = report(milliseconds{200}, milliseconds{0});
  EXPECT_GE(session_->playout_delay(), milliseconds{139});
  EXPECT_LE(session_->playout_delay(), milliseconds{140} + took / 2 + milliseconds{1});
  took = report(milliseconds{1'000}, milliseconds{900});
  EXPECT_GE(session_->playout_delay(), milliseconds{89}) << "what the far end kept it for is no way";
  EXPECT_LE(session_->playout_delay(), milliseconds{90} + took / 2 + milliseconds{1});

  const auto known = session_->playout_delay();
  report(seconds{20}, milliseconds{0});
  EXPECT_EQ(session_->playout_delay(), known) << "longer than any way";
  report(milliseconds{0}, seconds{15});
  EXPECT_EQ(session_->playout_delay(), known) << "kept for longer than it was away";
}

TEST_F(SessionTest, a_codec_that_changes_in_mid_call_leaves_the_rate_of_the_leg) {
  start({.codec = Codec::g722, .payload_type = 9, .event_type = {}}, audio::wideband);
  run(10);
  session_->configure({.codec = Codec::pcma, .payload_type = 8, .event_type = {}}, peer_.endpoint(),
                      Direction::send_recv);
  std::array<std::uint8_t, 160> bytes;
  const auto tone = audio::tone(audio::narrowband, 1'000, 1'000, -12);
  std::size_t at = 0;
  speaker_.heard.clear();
  run(50, [&] {
    audio::g711_encode(audio::Law::a, std::span{tone}.subspan(at, 160), bytes);
    at += 160;
    peer_.send(8, bytes);
  });
  EXPECT_EQ(speaker_.heard.size(), 16'000u);
  EXPECT_NEAR(level_at(std::span{speaker_.heard}.subspan(1'600), audio::wideband, 1'000), -15, 1);
}

TEST_F(SessionTest, may_be_closed_inside_every_callback) {
  const std::function<void()> close = [&] { session_->close(); };
  start();
  speaker_.then = close;
  run(5);
  EXPECT_EQ(speaker_.kinds.size(), 1u);
  EXPECT_EQ(session_->stats().sent, 0u);

  session_ = open();
  speaker_ = Speaker{};
  observer_.then = close;
  start();
  for (int i = 0; i < 3; ++i) peer_.send(101, write_event({.code = 1, .duration = 160}));
  run(5);
  EXPECT_EQ(observer_.digits, "1");
  EXPECT_TRUE(speaker_.kinds.empty());

  session_ = open();
  start();
  run(600);
  EXPECT_EQ(observer_.timeouts, 1);
  EXPECT_EQ(speaker_.kinds.size(), 501u);
  EXPECT_EQ(shard_.size(), 0u);
}

TEST_F(SessionTest, a_stalled_machine_catches_up_and_a_sleeping_one_skips) {
  start();
  run(10);
  now_ += milliseconds{200};
  run(20);
  EXPECT_EQ(speaker_.kinds.size(), 40u);
  EXPECT_EQ(speaker_.skipped, 0);
  now_ += seconds{60};
  run(10);
  EXPECT_LE(speaker_.kinds.size(), 52u);
  EXPECT_EQ(speaker_.kinds.size() + static_cast<std::size_t>(speaker_.skipped), 40u + 3'000 + 10)
      << "what was not exchanged is told";
  const auto packets = peer_.receive();
  const auto ticks = packets.back().header.timestamp - packets.front().header.timestamp;
  EXPECT_NEAR(double(ticks) / 160, 40 + 3'000 + 10, 2) << "the stream's clock went on";
}

TEST_F(SessionTest, what_came_while_it_rang_is_not_played) {
  for (int i = 0; i < 150; ++i) peer_.send(0, std::vector<std::uint8_t>(160, 0x80));
  start();
  run(10);
  EXPECT_LT(level_db(speaker_.heard), -100);
}

TEST_F(SessionTest, works_over_ipv6) {
  const auto address = boost::asio::ip::make_address("::1");
  Peer peer{*ports_, address};
  session_ = Session::open(shard_, *ports_, {.bind_address = address}).value();
  peer.call(session_->local_endpoint());
  session_->configure({}, peer.endpoint(), Direction::send_recv);
  session_->start(observer_, speaker_, audio::narrowband);
  run(10, [&] { peer.send_silence(); });
  EXPECT_EQ(session_->stats().received, 10u);
  EXPECT_EQ(peer.receive().size(), 10u);
}

TEST_F(SessionTest, on_a_real_shard_it_keeps_time) {
  media::Shard shard{"rtp-test"};
  auto session = Session::open(shard, *ports_, {.bind_address = loopback}).value();
  std::atomic<int> exchanges{0};
  speaker_.then = [&] { ++exchanges; };
  const auto began = std::chrono::steady_clock::now();
  boost::asio::post(shard.executor(), [&] {
    session->configure({}, peer_.endpoint(), Direction::send_recv);
    session->start(observer_, speaker_, audio::narrowband);
  });
  while (exchanges.load() < 25) std::this_thread::yield();
  const auto took = std::chrono::steady_clock::now() - began;
  EXPECT_GE(took, milliseconds{470});
  std::promise<void> closed;
  boost::asio::post(shard.executor(), [&] {
    session.reset();
    closed.set_value();
  });
  closed.get_future().wait();
}

}  // namespace
}  // namespace voxanne::telephony::rtp
