#include "telephony/rtp/packet.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace voxanne::telephony::rtp {
namespace {

using Bytes = std::vector<std::uint8_t>;

const Header header{
    .marker = true, .payload_type = 101, .sequence = 0xFFFE, .timestamp = 0x89ABCDEF, .ssrc = 0xDEADBEEF};

Bytes datagram(std::size_t payload = 4) {
  Bytes bytes(header_size + payload);
  write(header, std::span{bytes}.first<header_size>());
  for (std::size_t i = 0; i < payload; ++i) bytes[header_size + i] = static_cast<std::uint8_t>(i + 1);
  return bytes;
}

void insert(Bytes& bytes, std::size_t at, const Bytes& what) {
  bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(at), what.begin(), what.end());
}

TEST(RtpPacketTest, reads_what_it_writes) {
  Packet packet;
  const auto bytes = datagram();
  ASSERT_EQ(parse(bytes, packet), Flaw::none);
  EXPECT_TRUE(packet.header.marker);
  EXPECT_EQ(packet.header.payload_type, 101);
  EXPECT_EQ(packet.header.sequence, 0xFFFE);
  EXPECT_EQ(packet.header.timestamp, 0x89ABCDEFu);
  EXPECT_EQ(packet.header.ssrc, 0xDEADBEEFu);
  EXPECT_EQ(Bytes(packet.payload.begin(), packet.payload.end()), (Bytes{1, 2, 3, 4}));
}

TEST(RtpPacketTest, sources_extension_and_padding_are_not_payload) {
  auto bytes = datagram();
  bytes[0] |= 0x20 | 0x10 | 2;
  insert(bytes, header_size, {9, 9, 9, 9, 9, 9, 9, 9, 0xBE, 0xDE, 0, 1, 7, 7, 7, 7});
  bytes.insert(bytes.end(), {0, 0, 3});
  Packet packet;
  ASSERT_EQ(parse(bytes, packet), Flaw::none);
  EXPECT_EQ(Bytes(packet.payload.begin(), packet.payload.end()), (Bytes{1, 2, 3, 4}));
}

TEST(RtpPacketTest, an_empty_payload_is_a_packet) {
  Packet packet;
  const auto bytes = datagram(0);
  ASSERT_EQ(parse(bytes, packet), Flaw::none);
  EXPECT_TRUE(packet.payload.empty());
}

TEST(RtpPacketTest, names_what_is_wrong) {
  Packet packet;
  EXPECT_EQ(parse({}, packet), Flaw::too_short);
  EXPECT_EQ(parse(Bytes(11, 0x80), packet), Flaw::too_short);
  auto version = datagram();
  version[0] = 0x40;
  EXPECT_EQ(parse(version, packet), Flaw::wrong_version);
  auto sources = datagram(4);
  sources[0] |= 2;
  EXPECT_EQ(parse(sources, packet), Flaw::too_short);
  auto extension = datagram(3);
  extension[0] |= 0x10;
  EXPECT_EQ(parse(extension, packet), Flaw::bad_extension) << "no room for its head";
  auto extended = datagram(8);
  extended[0] |= 0x10;
  extended[header_size + 2] = 0xFF;
  EXPECT_EQ(parse(extended, packet), Flaw::bad_extension) << "longer than the packet";
  auto padded = datagram(4);
  padded[0] |= 0x20;
  padded.back() = 5;
  EXPECT_EQ(parse(padded, packet), Flaw::bad_padding);
  padded.back() = 0;
  EXPECT_EQ(parse(padded, packet), Flaw::bad_padding);
  padded.back() = 4;
  EXPECT_EQ(parse(padded, packet), Flaw::none);
}

TEST(RtpPacketTest, any_bytes_are_refused_or_lie_within_the_datagram) {
  std::mt19937 random{3};
  for (int i = 0; i < 200'000; ++i) {
    Bytes bytes(random() % 64);
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
    if (!bytes.empty() && i % 2 == 0) bytes[0] = static_cast<std::uint8_t>(0x80 | (bytes[0] & 0x3F));
    Packet packet;
    if (parse(bytes, packet) != Flaw::none) continue;
    ASSERT_GE(packet.payload.data(), bytes.data() + header_size);
    ASSERT_LE(packet.payload.data() + packet.payload.size(), bytes.data() + bytes.size());
  }
}

}  // namespace
}  // namespace voxanne::telephony::rtp
