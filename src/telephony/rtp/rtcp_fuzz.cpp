// RTCP compound packets: refused, or a report that reads the same when it is written back.
#include "telephony/rtp/rtcp.h"

#include <array>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace voxanne::telephony::rtp;
  constexpr std::uint32_t us = 0x01020304;
  Report report;
  if (parse_rtcp({data, size}, us, report) != Flaw::none) return 0;
  std::array<std::uint8_t, max_rtcp_size> buffer;
  const auto written = write_rtcp(buffer, report.ssrc, report.sender, report.about_us, "name", report.bye);
  Report again;
  if (parse_rtcp(std::span{buffer}.first(written), us, again) != Flaw::none || again.ssrc != report.ssrc ||
      again.bye != report.bye || again.sender.has_value() != report.sender.has_value() ||
      again.about_us.has_value() != report.about_us.has_value())
    std::abort();
  if (report.sender && again.sender->ntp != report.sender->ntp) std::abort();
  if (report.about_us && again.about_us->cumulative_lost != report.about_us->cumulative_lost) std::abort();
  return 0;
}
