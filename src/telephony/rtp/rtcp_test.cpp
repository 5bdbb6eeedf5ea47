#include "telephony/rtp/rtcp.h"

#include "telephony/rtp/reception.h"

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <vector>

namespace voxanne::telephony::rtp {
namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes written(const std::optional<SenderInfo>& sender, const std::optional<ReportBlock>& block,
              std::string_view cname = "voxanne", bool bye = false) {
  std::array<std::uint8_t, max_rtcp_size> buffer;
  const auto size = write_rtcp(buffer, 0x01020304, sender, block, cname, bye);
  return {buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(size)};
}

const SenderInfo info{.ntp = 0x8000000012345678, .rtp = 99, .packets = 7, .octets = 1'120};
const ReportBlock block{.ssrc = 0xAABBCCDD,
                        .fraction_lost = 12,
                        .cumulative_lost = -3,
                        .highest_sequence = 0x10005,
                        .jitter = 40,
                        .last_sender_report = 0x11112222,
                        .delay_since_sender_report = 65'536};

TEST(RtcpTest, reads_what_it_writes) {
  for (const bool sends : {true, false})
    for (const bool bye : {true, false})
      for (std::size_t name = 0; name <= 32; ++name) {
        const auto bytes =
            written(sends ? std::optional{info} : std::nullopt, block, std::string(name, 'x'), bye);
        EXPECT_EQ(bytes.size() % 4, 0u);
        Report report;
        ASSERT_EQ(parse_rtcp(bytes, 0xAABBCCDD, report), Flaw::none) << name;
        EXPECT_EQ(report.ssrc, 0x01020304u);
        EXPECT_EQ(report.bye, bye);
        ASSERT_EQ(report.sender.has_value(), sends);
        if (sends) {
          EXPECT_EQ(report.sender->ntp, info.ntp);
          EXPECT_EQ(report.sender->octets, info.octets);
        }
        ASSERT_TRUE(report.about_us);
        EXPECT_EQ(report.about_us->fraction_lost, 12);
        EXPECT_EQ(report.about_us->cumulative_lost, -3);
        EXPECT_EQ(report.about_us->jitter, 40u);
        EXPECT_EQ(report.about_us->delay_since_sender_report, 65'536u);
      }
}

TEST(RtcpTest, blocks_about_others_are_not_about_us) {
  Report report;
  ASSERT_EQ(parse_rtcp(written(info, block), 1, report), Flaw::none);
  EXPECT_FALSE(report.about_us);
}

TEST(RtcpTest, a_long_name_is_cut) {
  EXPECT_LE(written(info, block, std::string(300, 'x'), true).size(), max_rtcp_size);
}

TEST(RtcpTest, names_what_is_wrong) {
  Report report;
  const auto good = written(info, block);
  EXPECT_EQ(parse_rtcp({}, 1, report), Flaw::too_short);
  for (std::size_t n = 8; n < good.size(); ++n)
    EXPECT_NE(parse_rtcp(std::span{good}.first(n), 1, report), n == 52 ? Flaw::bad_length : Flaw::none)
        << n << " (52 bytes are the report by itself)";
  auto version = good;
  version[0] &= 0x3F;
  EXPECT_EQ(parse_rtcp(version, 1, report), Flaw::wrong_version);
  auto count = good;
  count[0] |= 0x1F;
  EXPECT_EQ(parse_rtcp(count, 1, report), Flaw::bad_length) << "more blocks than bytes";
  auto sdes_first = good;
  sdes_first[1] = 202;
  EXPECT_EQ(parse_rtcp(sdes_first, 1, report), Flaw::not_rtcp);
  auto padded = good;
  padded[52] |= 0x20;
  padded.back() = 3;
  EXPECT_EQ(parse_rtcp(padded, 1, report), Flaw::bad_padding);
}

TEST(RtcpTest, any_bytes_are_refused_or_understood) {
  std::mt19937 random{4};
  int understood = 0;
  for (int i = 0; i < 200'000; ++i) {
    auto bytes = written(info, block, "a", i % 3 == 0);
    for (int k = static_cast<int>(random() % 4); k > 0; --k)
      bytes[random() % bytes.size()] = static_cast<std::uint8_t>(random());
    bytes.resize(bytes.size() - (i % 7 == 0 ? random() % bytes.size() : 0));
    Report report;
    understood += parse_rtcp(bytes, 1, report) == Flaw::none;
  }
  EXPECT_GT(understood, 10'000);
}

TEST(ReceptionTest, counts_what_is_missing_from_the_sequence) {
  Reception reception;
  for (std::uint32_t i = 0; i < 1'000; ++i)
    if (i % 10 != 5) reception.on_packet(1, static_cast<std::uint16_t>(65'000 + i), i * 160, i * 160, true);
  EXPECT_EQ(reception.received(), 900u);
  EXPECT_EQ(reception.lost(), 100u);
  EXPECT_EQ(reception.jitter_ticks(), 0u);
  const auto interval = reception.take_interval();
  EXPECT_EQ(interval.fraction_lost, 25);
  EXPECT_EQ(interval.cumulative_lost, 100);
  EXPECT_EQ(interval.highest_sequence, 0x10000u + 65'999u);
  EXPECT_EQ(reception.take_interval().fraction_lost, 0);
}

TEST(ReceptionTest, reordered_and_repeated_packets_are_not_lost) {
  Reception reception;
  for (const std::uint16_t sequence : {10, 12, 11, 13, 13, 9, 14})
    reception.on_packet(1, sequence, 0, 0, false);
  EXPECT_EQ(reception.lost(), 0u);
}

TEST(ReceptionTest, jitter_is_that_of_the_rfc) {
  Reception reception;
  for (std::uint32_t i = 0; i < 1'000; ++i)
    reception.on_packet(1, static_cast<std::uint16_t>(i), i * 160, i * 160 + (i % 2) * 80, true);
  EXPECT_NEAR(reception.jitter_ticks(), 80, 1) << "each transit differs by 10 ms from the one before";
  reception.on_packet(1, 1'000, 160'000, 160'000 + 80'000'000, true);
  EXPECT_NEAR(reception.jitter_ticks(), 80, 1) << "a clock that was set";
}

TEST(ReceptionTest, a_new_stream_counts_on_and_one_stray_does_not_begin_one) {
  Reception reception;
  for (std::uint16_t i = 0; i < 10; ++i)
    if (i != 5) reception.on_packet(1, i, 0, 0, false);
  reception.on_packet(1, 30'000, 0, 0, false);
  EXPECT_EQ(reception.lost(), 1u);
  reception.on_packet(1, 10, 0, 0, false);
  EXPECT_EQ(reception.lost(), 1u);
  for (std::uint16_t i = 0; i < 10; ++i)
    if (i != 5) reception.on_packet(2, static_cast<std::uint16_t>(500 + i), 0, 0, false);
  EXPECT_EQ(reception.lost(), 2u);
  EXPECT_EQ(reception.received(), 19u);
  EXPECT_EQ(reception.ssrc(), 2u);
}

}  // namespace
}  // namespace voxanne::telephony::rtp
