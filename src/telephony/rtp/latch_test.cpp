#include "telephony/rtp/latch.h"

#include <gtest/gtest.h>

namespace voxanne::telephony::rtp {
namespace {

const Endpoint signalled{boost::asio::ip::make_address("192.0.2.1"), 4'000};
const Endpoint translated{boost::asio::ip::make_address("198.51.100.7"), 50'000};
const Endpoint stranger{boost::asio::ip::make_address("203.0.113.9"), 6'666};

class LatchTest : public ::testing::Test {
 protected:
  LatchTest() { latch_.expect(signalled); }
  bool packet(const Endpoint& from, std::uint16_t sequence, std::uint32_t ssrc = 1) {
    return latch_.admit(from, {.sequence = sequence, .ssrc = ssrc}, now_);
  }
  Latch latch_;
  SteadyTime now_{seconds{100}};
};

TEST_F(LatchTest, sends_to_the_signalled_address_until_somebody_is_heard) {
  EXPECT_EQ(latch_.destination(), signalled);
  EXPECT_FALSE(latch_.latched());
}

TEST_F(LatchTest, believes_the_signalled_address_at_once) {
  EXPECT_TRUE(packet(signalled, 1));
  EXPECT_EQ(latch_.destination(), signalled);
}

TEST_F(LatchTest, believes_a_translated_address_on_its_second_packet) {
  EXPECT_FALSE(packet(translated, 1));
  EXPECT_TRUE(packet(translated, 2));
  EXPECT_EQ(latch_.destination(), translated);
}

TEST_F(LatchTest, two_packets_that_are_no_sequence_are_no_stream) {
  EXPECT_FALSE(packet(translated, 1));
  EXPECT_FALSE(packet(translated, 7));
  EXPECT_FALSE(packet(stranger, 8));
  EXPECT_FALSE(packet(translated, 9));
  EXPECT_FALSE(packet(translated, 10, 2)) << "another stream";
  EXPECT_FALSE(latch_.latched());
}

TEST_F(LatchTest, strangers_do_not_steal_the_stream) {
  packet(signalled, 1);
  for (std::uint16_t i = 0; i < 100; ++i) EXPECT_FALSE(packet(stranger, i, 2));
  now_ += seconds{60};
  for (std::uint16_t i = 0; i < 100; ++i) EXPECT_FALSE(packet(stranger, i, 2)) << "not in silence either";
  for (std::uint16_t i = 2; i < 100; ++i) {
    EXPECT_TRUE(packet(signalled, i));
    EXPECT_FALSE(packet(stranger, i, 1)) << "nor with the SSRC while the stream flows";
  }
  EXPECT_EQ(latch_.destination(), signalled);
}

TEST_F(LatchTest, the_stream_itself_may_move_after_a_silence) {
  packet(signalled, 1);
  now_ += seconds{2};
  EXPECT_FALSE(packet(translated, 100));
  EXPECT_TRUE(packet(translated, 101));
  EXPECT_EQ(latch_.destination(), translated);
}

TEST_F(LatchTest, the_signalled_address_wins_over_a_stranger_who_came_first) {
  packet(stranger, 1);
  ASSERT_TRUE(packet(stranger, 2));
  EXPECT_FALSE(packet(signalled, 50, 2));
  EXPECT_TRUE(packet(signalled, 51, 2));
  EXPECT_EQ(latch_.destination(), signalled);
  EXPECT_FALSE(packet(stranger, 3));
}

TEST_F(LatchTest, a_new_address_begins_anew_and_the_same_one_does_not) {
  packet(translated, 1);
  packet(translated, 2);
  latch_.expect(signalled);
  EXPECT_EQ(latch_.destination(), translated);
  latch_.expect(stranger);
  EXPECT_EQ(latch_.destination(), stranger);
  EXPECT_FALSE(packet(translated, 3));
  EXPECT_TRUE(packet(stranger, 1, 2));
}

TEST_F(LatchTest, the_old_stream_does_not_take_the_place_of_the_new_one) {
  packet(signalled, 1);
  const Endpoint next{boost::asio::ip::make_address("192.0.2.2"), 4'002};
  latch_.expect(next);
  for (std::uint16_t i = 2; i < 30; ++i) EXPECT_FALSE(packet(signalled, i)) << "it flows on for a moment";
  EXPECT_FALSE(packet(translated, 500, 2));
  EXPECT_TRUE(packet(translated, 501, 2)) << "the new one, behind NAT";
  EXPECT_FALSE(packet(signalled, 30));
}

TEST_F(LatchTest, an_old_stream_that_stays_is_the_new_one) {
  packet(translated, 1);
  packet(translated, 2);
  latch_.expect({boost::asio::ip::make_address("10.0.0.9"), 4'002});
  EXPECT_FALSE(packet(translated, 3));
  now_ += seconds{1};
  EXPECT_FALSE(packet(translated, 4));
  EXPECT_TRUE(packet(translated, 5)) << "its private address changed, its public one did not";
}

}  // namespace
}  // namespace voxanne::telephony::rtp
