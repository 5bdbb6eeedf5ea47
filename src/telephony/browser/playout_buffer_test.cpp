#include "telephony/browser/playout_buffer.h"

#include <gtest/gtest.h>

namespace voxanne::telephony::browser {
namespace {

using Kind = audio::Frame::Kind;

audio::Frame numbered(int number) {
  audio::Frame frame;
  frame.rate = audio::wideband;
  frame.kind = Kind::voice;
  frame.pcm.fill(static_cast<audio::Sample>(number));
  return frame;
}

TEST(PlayoutBufferTest, waits_until_it_has_some_in_hand_and_keeps_the_order) {
  PlayoutBuffer buffer;
  EXPECT_EQ(buffer.pop().kind, Kind::silence);
  buffer.push(numbered(1));
  buffer.push(numbered(2));
  EXPECT_EQ(buffer.pop().kind, Kind::silence);
  buffer.push(numbered(3));
  for (int i = 1; i <= 3; ++i) EXPECT_EQ(buffer.pop().pcm[0], i);
}

TEST(PlayoutBufferTest, a_gap_fades_out_and_playing_begins_anew) {
  PlayoutBuffer buffer;
  for (int i = 0; i < 3; ++i) buffer.push(numbered(1000));
  for (int i = 0; i < 3; ++i) buffer.pop();
  const auto fade = buffer.pop();
  EXPECT_EQ(fade.kind, Kind::concealed);
  EXPECT_EQ(fade.pcm[0], 1000);
  EXPECT_LT(fade.pcm[319], 10);
  EXPECT_EQ(buffer.pop().kind, Kind::silence);
  EXPECT_EQ(buffer.concealed(), 1u);
  buffer.push(numbered(1));
  EXPECT_EQ(buffer.pop().kind, Kind::silence);
}

TEST(PlayoutBufferTest, a_burst_loses_its_oldest) {
  PlayoutBuffer buffer;
  for (int i = 0; i < 100; ++i) buffer.push(numbered(i));
  EXPECT_EQ(buffer.size(), PlayoutBuffer::capacity);
  EXPECT_EQ(buffer.dropped(), 100 - PlayoutBuffer::capacity);
  EXPECT_EQ(buffer.pop().pcm[0], 85);
}

TEST(PlayoutBufferTest, delay_that_is_never_needed_shrinks) {
  PlayoutBuffer buffer;
  for (int i = 0; i < 12; ++i) buffer.push(numbered(i));
  for (int slot = 0; slot < 100 * 12; ++slot) {
    EXPECT_EQ(buffer.pop().kind, Kind::voice);
    buffer.push(numbered(slot));
  }
  EXPECT_LE(buffer.size(), PlayoutBuffer::in_hand + 1);
  EXPECT_GE(buffer.size(), PlayoutBuffer::in_hand - 1);
  const auto dropped = buffer.dropped();
  for (int slot = 0; slot < 1000; ++slot) {
    buffer.pop();
    buffer.push(numbered(slot));
  }
  EXPECT_EQ(buffer.dropped(), dropped) << "what is needed stays";
}

}  // namespace
}  // namespace voxanne::telephony::browser
