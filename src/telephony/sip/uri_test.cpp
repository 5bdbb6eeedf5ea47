#include "telephony/sip/uri.h"

#include <gtest/gtest.h>

namespace voxanne::telephony::sip {
namespace {

TEST(uri, is_read_and_written_back) {
  for (const char* text : {"sip:demo@127.0.0.1:5060;transport=tcp", "sip:127.0.0.1",
                           "sip:a%20b@trunk.example", "sip:+447700900123@[2001:db8::1]:5080;transport=udp"})
    EXPECT_EQ(to_string(parse_uri(text).value()), text);
  const Uri uri = parse_uri("SIP:demo@host:5070;TRANSPORT=TCP").value();
  EXPECT_EQ(uri, (Uri{"demo", "host", 5070, Transport::tcp}));
}

TEST(uri, that_could_write_headers_of_its_own_is_refused) {
  for (const char* text : {"",
                           "sip:",
                           "sips:a@b",
                           "tel:+44",
                           "demo@host",
                           "sip:@host",
                           "sip:a@",
                           "sip:a b@host",
                           "sip:a@host\r\nX: y",
                           "sip:a\"@host",
                           "sip:<a>@host",
                           "sip:a@ho st",
                           "sip:a@host:0",
                           "sip:a@host:65536",
                           "sip:a@host:x",
                           "sip:a@host;lr",
                           "sip:a@host;transport=tls",
                           "sip:a%2@host",
                           "sip:a%0d%0a@host",
                           "sip:a@[::1",
                           "sip:a@[x]",
                           "sip:a@-host",
                           "sip:a@host?X=y"}) {
    const auto uri = parse_uri(text);
    ASSERT_FALSE(uri) << text;
    EXPECT_EQ(uri.error().code, "invalid_sip_uri");
  }
}

TEST(uri, hosts_that_are_addresses_are_known_without_dns) {
  EXPECT_EQ(parse_uri("sip:a@localhost").value().address()->to_string(), "127.0.0.1");
  EXPECT_EQ(parse_uri("sip:a@[::1]").value().address()->to_string(), "::1");
  EXPECT_FALSE(parse_uri("sip:a@trunk.example").value().address());
}

TEST(uri, user_parts_are_escaped_and_unescaped) {
  EXPECT_EQ(escape_user("+44 7700<>\"%@:\r\n"), "+44%207700%3C%3E%22%25%40%3A%0D%0A");
  EXPECT_EQ(unescape_user("a%40b%c3%a9").value(), "a@b\xc3\xa9");
  for (const char* text : {"%", "%4", "%zz", "a%0ab", "a%00"}) EXPECT_FALSE(unescape_user(text)) << text;
}

}  // namespace
}  // namespace voxanne::telephony::sip
