#include "telephony/rtp/dtmf.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace voxanne::telephony::rtp {
namespace {

std::optional<char> receive(DigitReceiver& receiver, std::uint32_t timestamp, const Event& event) {
  return receiver.on_packet(timestamp, write_event(event));
}

TEST(DtmfTest, reads_what_it_writes) {
  for (const Event& event : {Event{.code = 11, .end = true, .volume = 63, .duration = 0xFFFF}, Event{}}) {
    const auto bytes = write_event(event);
    const auto back = parse_event(bytes);
    ASSERT_TRUE(back);
    EXPECT_EQ(back->code, event.code);
    EXPECT_EQ(back->end, event.end);
    EXPECT_EQ(back->volume, event.volume);
    EXPECT_EQ(back->duration, event.duration);
    EXPECT_FALSE(parse_event(std::span{bytes}.first(3)));
  }
}

TEST(DtmfTest, every_key_has_its_code) {
  const std::string keys = "0123456789*#ABCD";
  for (std::uint8_t code = 0; code < 16; ++code) {
    EXPECT_EQ(digit_of(code), keys[code]);
    EXPECT_EQ(code_of(keys[code]), code);
  }
  EXPECT_EQ(code_of('d'), 15);
  EXPECT_FALSE(digit_of(16)) << "hook flash";
  for (const char other : {'e', 'E', ' ', '\0', '+'}) EXPECT_FALSE(code_of(other));
}

TEST(DtmfTest, a_press_is_one_digit_however_many_packets_tell_of_it) {
  DigitReceiver receiver;
  EXPECT_EQ(receive(receiver, 1'000, {.code = 5, .duration = 160}), '5');
  for (std::uint16_t d = 320; d <= 800; d += 160)
    EXPECT_FALSE(receive(receiver, 1'000, {.code = 5, .duration = d}));
  for (int i = 0; i < 3; ++i)
    EXPECT_FALSE(receive(receiver, 1'000, {.code = 5, .end = true, .duration = 800}));
  EXPECT_EQ(receive(receiver, 3'000, {.code = 5, .duration = 160}), '5') << "the same key again";
}

TEST(DtmfTest, the_last_packet_alone_suffices) {
  DigitReceiver receiver;
  EXPECT_EQ(receive(receiver, 1'000, {.code = 10, .end = true, .duration = 800}), '*');
  EXPECT_FALSE(receive(receiver, 1'000, {.code = 10, .end = true, .duration = 800}));
}

TEST(DtmfTest, a_reordered_packet_of_an_earlier_press_is_no_press) {
  DigitReceiver receiver;
  EXPECT_EQ(receive(receiver, 0xFFFFFF00, {.code = 1, .duration = 160}), '1');
  EXPECT_EQ(receive(receiver, 0x00000100, {.code = 2, .duration = 160}), '2') << "over the wrap";
  EXPECT_FALSE(receive(receiver, 0xFFFFFF00, {.code = 1, .end = true, .duration = 800}));
  EXPECT_FALSE(receive(receiver, 0x00000100, {.code = 2, .end = true, .duration = 800}));
}

TEST(DtmfTest, a_stream_that_begins_anew_may_begin_earlier_but_tells_of_no_press_twice) {
  DigitReceiver receiver;
  EXPECT_EQ(receive(receiver, 9'000, {.code = 5, .duration = 160}), '5');
  receiver.restart();
  EXPECT_FALSE(receive(receiver, 9'000, {.code = 5, .duration = 320})) << "the same press";
  EXPECT_EQ(receive(receiver, 1'000, {.code = 5, .duration = 160}), '5');
  EXPECT_FALSE(receive(receiver, 1'000, {.code = 5, .end = true, .duration = 800}));
  EXPECT_FALSE(receive(receiver, 500, {.code = 4, .end = true, .duration = 800})) << "reordered";
  receiver.restart();
  EXPECT_EQ(receive(receiver, 1'000, {.code = 6, .duration = 160}), '6') << "by chance at the same time";
}

TEST(DtmfTest, a_key_held_for_longer_than_a_duration_can_say_is_one_press) {
  DigitReceiver receiver;
  EXPECT_EQ(receive(receiver, 0, {.code = 7, .duration = 160}), '7');
  EXPECT_FALSE(receive(receiver, 0, {.code = 7, .duration = 0xFFFF}));
  EXPECT_FALSE(receive(receiver, 0xFFFF, {.code = 7, .duration = 160}));
  EXPECT_FALSE(receive(receiver, 0xFFFF, {.code = 7, .end = true, .duration = 900}));
  EXPECT_EQ(receive(receiver, 0x20000, {.code = 7, .duration = 160}), '7');
}

TEST(DtmfTest, what_is_no_key_is_nothing) {
  DigitReceiver receiver;
  EXPECT_FALSE(receive(receiver, 1'000, {.code = 16, .duration = 160}));
  EXPECT_FALSE(receiver.on_packet(1'000, {}));
  EXPECT_EQ(receive(receiver, 1'000, {.code = 3, .duration = 160}), '3') << "and took no timestamp";
}

TEST(DtmfTest, presses_are_sent_in_order_with_three_ends_and_a_pause) {
  DigitSender sender;
  sender.queue("1x#");
  std::string line;
  std::uint32_t now = 500;
  std::vector<DigitSender::Due> packets;
  for (int slot = 0; slot < 24; ++slot, now += 160) {
    const auto due = sender.next(now);
    line += !due ? '.' : due->event.end ? 'E' : due->first ? 'F' : 'e';
    if (due) packets.push_back(*due);
  }
  EXPECT_EQ(line, "FeeeEEE...FeeeEEE.......");
  EXPECT_TRUE(sender.idle());
  ASSERT_EQ(packets.size(), 14u);
  for (std::size_t i = 0; i < 7; ++i) {
    EXPECT_EQ(packets[i].timestamp, 500u);
    EXPECT_EQ(packets[i].event.code, 1);
    EXPECT_EQ(packets[i].event.duration, std::min<std::size_t>(i + 1, 5) * 160);
    EXPECT_EQ(packets[i + 7].timestamp, 500u + 10 * 160);
    EXPECT_EQ(packets[i + 7].event.code, 11);
  }
}

TEST(DtmfTest, what_is_sent_is_received_though_packets_are_lost) {
  for (unsigned lost = 0; lost < 7; ++lost) {
    DigitSender sender;
    DigitReceiver receiver;
    sender.queue("0123456789*#ABCD");
    std::string got;
    std::uint32_t now = 0;
    unsigned index = 0;
    while (!sender.idle()) {
      if (const auto due = sender.next(now); due && index++ % 7 != lost)
        if (const auto digit = receive(receiver, due->timestamp, due->event)) got += *digit;
      now += 160;
    }
    EXPECT_EQ(got, "0123456789*#ABCD");
  }
}

TEST(DtmfTest, the_queue_is_bounded) {
  DigitSender sender;
  sender.queue(std::string(1'000, '1'));
  int presses = 0;
  for (std::uint32_t now = 0; !sender.idle(); now += 160) {
    const auto due = sender.next(now);
    presses += due && due->first;
  }
  EXPECT_EQ(presses, static_cast<int>(DigitSender::max_queued));
}

}  // namespace
}  // namespace voxanne::telephony::rtp
