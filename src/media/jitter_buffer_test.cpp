#include "media/jitter_buffer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace voxanne::media {
namespace {

using Kind = JitterBuffer::Kind;
using Put = JitterBuffer::Put;

// The byte that a sender speaks at a timestamp.
std::uint8_t spoken(std::uint32_t timestamp) {
  return static_cast<std::uint8_t>(timestamp * 2'654'435'761u >> 24);
}

// A sender of packets of `ms`, and the playing side, one letter per cell: v(oice), l(ost), n(one).
class JitterBufferTest : public ::testing::Test {
 protected:
  JitterBuffer buffer_;
  std::uint32_t ssrc_ = 7, timestamp_ = 1'000;
  std::uint16_t sequence_ = 100;
  int ms_ = 20;
  std::vector<std::uint8_t> payload_;

  JitterBuffer::Packet packet() {
    const auto ticks = static_cast<std::uint32_t>(8 * ms_);
    payload_.resize(ticks);
    for (std::uint32_t i = 0; i < ticks; ++i) payload_[i] = spoken(timestamp_ + i);
    const JitterBuffer::Packet packet{
        .ssrc = ssrc_, .sequence = sequence_, .timestamp = timestamp_, .audio = true, .payload = payload_};
    ++sequence_;
    timestamp_ += ticks;
    return packet;
  }
  Put send() { return buffer_.put(packet()); }
  void lose() { packet(); }
  Put send_event() {
    return buffer_.put(
        {.ssrc = ssrc_, .sequence = sequence_++, .timestamp = timestamp_, .audio = false, .payload = {}});
  }
  // What a slot of 20 ms plays.
  std::string play(bool quiet = false) {
    std::string cells;
    for (int i = 0; i < 2; ++i) {
      JitterBuffer::Cell cell;
      const Kind kind = buffer_.pop(cell);
      EXPECT_EQ(kind, cell.kind);
      cells += kind == Kind::voice ? 'v' : kind == Kind::lost ? 'l' : 'n';
      if (kind == Kind::voice) check(cell);
      if (kind == Kind::voice && buffer_.should_shorten(quiet)) {
        ++shortened_;
        if (buffer_.pop(cell) == Kind::voice) check(cell);
      }
    }
    return cells;
  }
  // A cell is a stretch of what was spoken, later than the one before.
  void check(const JitterBuffer::Cell& cell) {
    for (std::uint32_t t = played_until_; t != played_until_ + 100'000; ++t) {
      if (spoken(t) != cell.bytes[0]) continue;
      bool same = true;
      for (std::uint32_t i = 1; same && i < cell.bytes.size(); ++i) same = spoken(t + i) == cell.bytes[i];
      if (!same) continue;
      played_until_ = t + JitterBuffer::cell_ticks;
      return;
    }
    ADD_FAILURE() << "a cell that nobody spoke, or out of order";
  }
  void expect_from_here() { played_until_ = timestamp_; }

  std::uint32_t played_until_ = 1'000;
  int shortened_ = 0;
};

TEST_F(JitterBufferTest, plays_a_steady_stream_twenty_milliseconds_late) {
  EXPECT_EQ(play(), "nn");
  send();
  EXPECT_EQ(play(), "nn");
  for (int i = 0; i < 500; ++i) {
    ASSERT_EQ(send(), Put::queued);
    ASSERT_EQ(play(), "vv");
    EXPECT_LE(buffer_.delay_ms(), 20);
  }
  EXPECT_EQ(shortened_, 0);
}

TEST_F(JitterBufferTest, one_lost_packet_is_concealed_once_and_costs_no_delay) {
  send();
  play();
  for (int i = 0; i < 10; ++i) {
    send();
    play();
  }
  lose();
  EXPECT_EQ(play(), "vv") << "the one in hand";
  send();
  EXPECT_EQ(play(), "ll");
  send();
  EXPECT_EQ(play(), "vv");
  send();
  EXPECT_EQ(play(), "vv");
  EXPECT_EQ(buffer_.delay_ms(), 20);
}

TEST_F(JitterBufferTest, a_late_packet_is_waited_for_and_the_delay_grows) {
  for (int i = 0; i < 10; ++i) {
    send();
    play();
  }
  EXPECT_EQ(play(), "vv");
  EXPECT_EQ(play(), "ll") << "nothing came for 40 ms";
  send();
  send();
  send();
  EXPECT_EQ(play(), "vv") << "nothing was left out";
  EXPECT_EQ(buffer_.delay_ms(), 40);
}

TEST_F(JitterBufferTest, reordered_packets_play_in_order) {
  send();
  send();
  send();
  const auto first = packet();
  const std::vector<std::uint8_t> bytes = payload_;
  send();
  EXPECT_EQ(buffer_.put(
                {.ssrc = ssrc_, .sequence = first.sequence, .timestamp = first.timestamp, .payload = bytes}),
            Put::queued);
  EXPECT_EQ(play(), "nn");
  for (int i = 0; i < 5; ++i) EXPECT_EQ(play(), "vv");
}

TEST_F(JitterBufferTest, a_packet_that_comes_after_its_time_is_late) {
  for (int i = 0; i < 10; ++i) {
    send();
    play();
  }
  const auto lost = packet();
  const std::vector<std::uint8_t> bytes = payload_;
  for (int i = 0; i < 3; ++i) {
    play();
    send();
  }
  EXPECT_EQ(
      buffer_.put({.ssrc = ssrc_, .sequence = lost.sequence, .timestamp = lost.timestamp, .payload = bytes}),
      Put::late);
}

TEST_F(JitterBufferTest, a_packet_that_comes_twice_counts_once) {
  const auto twice = packet();
  EXPECT_EQ(buffer_.put(twice), Put::queued);
  EXPECT_EQ(buffer_.put(twice), Put::duplicate);
  play();
  EXPECT_EQ(play(), "vv");
  EXPECT_EQ(buffer_.put(twice), Put::duplicate);
}

TEST_F(JitterBufferTest, sequence_and_timestamp_wrap_around) {
  sequence_ = 65'530;
  timestamp_ = 0xFFFFFFFF - 800;
  expect_from_here();
  send();
  play();
  for (int i = 0; i < 20; ++i) {
    send();
    EXPECT_EQ(play(), "vv") << i;
  }
}

TEST_F(JitterBufferTest, other_packet_lengths_are_cut_and_joined) {
  for (const int ms : {10, 30, 40, 60}) {
    buffer_.reset();
    ms_ = ms;
    expect_from_here();
    std::string cells;
    int sent_ms = 0;
    for (int slot = 0; slot < 60; ++slot) {
      for (; sent_ms <= 20 * slot; sent_ms += ms) ASSERT_EQ(send(), Put::queued);
      cells += play();
    }
    EXPECT_EQ(cells, "nn" + std::string(118, 'v')) << ms << " ms";
  }
}

TEST_F(JitterBufferTest, odd_lengths_fill_cells_together) {
  ms_ = 5;
  send();
  send();
  send();
  send();
  play();
  std::string cells;
  for (int slot = 0; slot < 10; ++slot) {
    for (int i = 0; i < 4; ++i) send();
    cells += play();
  }
  EXPECT_EQ(cells, std::string(20, 'v'));
}

TEST_F(JitterBufferTest, keypad_packets_are_no_losses_and_their_time_is_a_pause) {
  for (int i = 0; i < 10; ++i) {
    send();
    play();
  }
  EXPECT_EQ(play(), "vv");
  for (int i = 0; i < 7; ++i) {
    EXPECT_EQ(send_event(), Put::queued);
    EXPECT_EQ(play(), "nn");
  }
  timestamp_ += 7 * 160;
  send();
  play();
  send();
  EXPECT_EQ(play(), "vv");
}

TEST_F(JitterBufferTest, a_pause_of_the_sender_is_no_loss) {
  for (int i = 0; i < 5; ++i) send();
  play();
  timestamp_ += 3 * 160;  // the sequence goes on
  expect_from_here();
  played_until_ = 1'000;
  send();
  std::string cells;
  for (int i = 0; i < 9; ++i) cells += play();
  EXPECT_EQ(cells,
            "vvvvvvvvvv"
            "nnnnnn"
            "vv");
}

TEST_F(JitterBufferTest, a_stream_that_ends_is_concealed_until_it_has_faded_out) {
  for (int i = 0; i < 10; ++i) {
    send();
    play();
  }
  EXPECT_EQ(play(), "vv");
  std::string cells;
  for (int i = 0; i < 8; ++i) cells += play();
  EXPECT_EQ(cells, std::string(10, 'l') + std::string(6, 'n'));
}

TEST_F(JitterBufferTest, another_source_needs_two_packets) {
  for (int i = 0; i < 10; ++i) {
    send();
    play();
  }
  ssrc_ = 8;
  sequence_ = 40'000;
  timestamp_ = 5;
  EXPECT_EQ(send(), Put::suspect);
  expect_from_here();
  EXPECT_EQ(send(), Put::resynchronized);
  EXPECT_EQ(send(), Put::queued);
  EXPECT_EQ(play(), "nn");
  EXPECT_EQ(play(), "vv");
}

TEST_F(JitterBufferTest, one_stray_packet_disturbs_nothing) {
  for (int i = 0; i < 100; ++i) {
    send();
    if (i > 0) {
      EXPECT_EQ(play(), "vv") << i;
    } else {
      play();
    }
    const JitterBuffer::Packet strays[] = {{.ssrc = 99, .sequence = 1, .timestamp = 1, .payload = payload_},
                                           {.ssrc = ssrc_,
                                            .sequence = static_cast<std::uint16_t>(sequence_ + 20'000),
                                            .timestamp = 5,
                                            .payload = payload_},
                                           {.ssrc = ssrc_,
                                            .sequence = static_cast<std::uint16_t>(sequence_ + 5),
                                            .timestamp = timestamp_ + 900'000,
                                            .payload = payload_}};
    EXPECT_EQ(buffer_.put(strays[i % 3]), Put::suspect);
  }
}

TEST_F(JitterBufferTest, a_leap_of_the_timestamp_resynchronizes) {
  for (const std::uint32_t leap : {1'000'000u, 0u - 1'000'000u}) {
    for (int i = 0; i < 10; ++i) {
      send();
      play();
    }
    timestamp_ += leap;
    expect_from_here();
    EXPECT_EQ(send(), Put::resynchronized) << "next in the sequence";
    play();
    send();
    EXPECT_EQ(play(), "vv");
  }
}

TEST_F(JitterBufferTest, a_burst_after_a_stall_keeps_the_newest_and_is_caught_up) {
  for (int i = 0; i < 10; ++i) {
    send();
    play();
  }
  for (int i = 0; i < 50; ++i) play();
  for (int i = 0; i < 50; ++i) send();
  EXPECT_EQ(buffer_.delay_ms(), 640);
  int slots = 0;
  for (; buffer_.delay_ms() > 80 && slots < 1'000; ++slots) {
    send();
    const auto cells = play();
    EXPECT_EQ(cells.find('l'), cells.npos);
  }
  EXPECT_LT(slots, 50 * 10) << "within ten seconds of unbroken speech";
}

TEST_F(JitterBufferTest, gives_up_spare_delay_where_it_is_quiet) {
  for (int i = 0; i < 8; ++i) send();  // 160 ms at once, and from then on steadily
  play();
  for (int i = 0; i < 400; ++i) {
    send();
    EXPECT_EQ(play(true), "vv");
  }
  EXPECT_LE(buffer_.delay_ms(), 30);
}

TEST_F(JitterBufferTest, clocks_that_drift_even_out) {
  for (const double rate : {0.999, 1.001}) {
    buffer_.reset();
    expect_from_here();
    double sent = 0;
    int lost = 0, most = 0;
    for (int slot = 0; slot < 60 * 50; ++slot) {
      for (; sent <= slot * rate; sent += 1) ASSERT_EQ(send(), Put::queued);
      lost += static_cast<int>(std::ranges::count(play(slot % 3 == 0), 'l'));
      most = std::max(most, buffer_.delay_ms());
    }
    EXPECT_LE(lost, 8) << "a minute at a tenth of a percent is 60 ms";
    EXPECT_LE(most, 80);
  }
}

// Any network: whatever is delivered, late or twice or never, plays in order and nothing is made up.
TEST_F(JitterBufferTest, survives_bad_networks_and_plays_most_of_what_arrives_in_time) {
  for (unsigned seed = 0; seed < 20; ++seed) {
    std::mt19937 random{seed};
    buffer_.reset();
    ms_ = std::array{10, 20, 30, 60}[seed % 4];
    sequence_ = static_cast<std::uint16_t>(random());
    timestamp_ = static_cast<std::uint32_t>(random());
    expect_from_here();
    struct InFlight {
      JitterBuffer::Packet packet;
      std::vector<std::uint8_t> bytes;
    };
    std::multimap<int, InFlight> network;  // by arrival in ms
    const int jitter = 1 + static_cast<int>(random() % 80);
    int sent_ms = 0, voice = 0, total = 0;
    for (int slot = 0; slot < 1'500; ++slot) {
      for (; sent_ms <= 20 * slot; sent_ms += ms_) {
        InFlight flight{packet(), payload_};
        if (random() % 20 == 0) continue;
        const int copies = random() % 20 == 0 ? 2 : 1;
        for (int copy = 0; copy < copies; ++copy)
          network.emplace(sent_ms + static_cast<int>(random()) % jitter, flight);
      }
      while (!network.empty() && network.begin()->first <= 20 * slot) {
        auto& flight = network.begin()->second;
        flight.packet.payload = flight.bytes;
        buffer_.put(flight.packet);
        network.erase(network.begin());
      }
      const auto cells = play(random() % 4 == 0);
      if (slot < 100) continue;  // until it has adapted
      voice += static_cast<int>(std::ranges::count(cells, 'v'));
      total += 2;
      EXPECT_LE(buffer_.delay_ms(), 400) << "seed " << seed;
    }
    EXPECT_GT(voice, total * 85 / 100) << "seed " << seed << ", jitter " << jitter << " ms, 5 % lost";
  }
}

}  // namespace
}  // namespace voxanne::media
