#include "telephony/sip/dtmf_relay.h"

#include <gtest/gtest.h>

namespace voxanne::telephony::sip {
namespace {

TEST(dtmf_relay, names_one_key) {
  EXPECT_EQ(parse_dtmf_relay("Signal=5\r\nDuration=160\r\n"), '5');
  EXPECT_EQ(parse_dtmf_relay("Duration=160\nsignal = #"), '#');
  EXPECT_EQ(parse_dtmf_relay("Signal= d \r\n"), 'D');
  EXPECT_EQ(parse_dtmf_relay("Signal=10"), '*');
  EXPECT_EQ(parse_dtmf("*"), '*');
  EXPECT_EQ(parse_dtmf(" 11\r\n"), '#');
}

TEST(dtmf_relay, anything_else_is_no_key) {
  for (const char* body : {"", "Signal=", "Signal=12", "Signal=x", "Signal", "=5", "Duration=5"})
    EXPECT_FALSE(parse_dtmf_relay(body)) << body;
  for (const char* body : {"", "55", "E", "\r\n"}) EXPECT_FALSE(parse_dtmf(body)) << body;
}

}  // namespace
}  // namespace voxanne::telephony::sip
