#include "telephony/sip/sdp.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace voxanne::telephony::sip::sdp {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(sdp, is_read_with_what_the_session_level_says_for_all) {
  const auto description =
      parse(
          "v=0\r\no=alice 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\na=sendonly\r\nt=0 0\r\n"
          "m=audio 49170/2 RTP/AVP 0 96 telephone x\r\na=rtpmap:96 OPUS/48000/2\r\na=unknown:x\r\n"
          "m=video 51372 RTP/AVP 31\r\nc=IN IP6 2001:db8::2\r\na=inactive\r\n")
          .value();
  ASSERT_EQ(description.media.size(), 2U);
  const Media& audio = description.media[0];
  EXPECT_EQ(audio.kind, "audio");
  EXPECT_EQ(audio.port, 49170);
  EXPECT_EQ(audio.transport, "RTP/AVP");
  EXPECT_EQ(audio.formats, "0 96 telephone x");
  EXPECT_THAT(audio.payload_types, ElementsAre(0, 96));
  EXPECT_THAT(audio.mappings, ElementsAre(Mapping{96, "opus", 48000, 2}));
  EXPECT_EQ(audio.connection->to_string(), "192.0.2.1");
  EXPECT_EQ(audio.direction, Direction::send_only);
  EXPECT_EQ(description.media[1].connection->to_string(), "2001:db8::2");
  EXPECT_EQ(description.media[1].direction, Direction::inactive);
}

TEST(sdp, takes_bare_line_feeds_and_host_names) {
  const auto description = parse("v=0\nc=IN IP4 phone.example\nm=audio 4000 RTP/AVP 0\n").value();
  EXPECT_FALSE(description.media[0].connection);
}

TEST(sdp, that_cannot_be_read_names_the_line) {
  const struct {
    const char *text, *message;
  } cases[] = {
      {"", "no media section"},
      {"v=0\r\n", "no media section"},
      {"v=1\r\nm=audio 1 RTP/AVP 0\r\n", "line 1"},
      {"m=audio 1 RTP/AVP 0\r\n", "line 1"},
      {"v=0\r\nhello\r\n", "line 2"},
      {"v=0\r\nm=audio\r\n", "line 2"},
      {"v=0\r\nm=audio 65536 RTP/AVP 0\r\n", "line 2"},
      {"v=0\r\nm=audio -1 RTP/AVP 0\r\n", "line 2"},
      {"v=0\r\nm=audio 1 RTP/AVP\r\n", "line 2"},
      {"v=0\r\nm=audio 1 RTP/AVP 0\x01\r\n", "line 2"},
      {"v=0\r\nc=IN IP4\r\nm=audio 1 RTP/AVP 0\r\n", "line 2"},
      {"v=0\r\nc=IN IP6 1.2.3.4\r\nm=audio 1 RTP/AVP 0\r\n", "line 2"},
      {"v=0\r\nc=IN IP9 1.2.3.4\r\nm=audio 1 RTP/AVP 0\r\n", "line 2"},
      {"v=0\r\nm=audio 1 RTP/AVP 0\r\na=rtpmap:128 PCMU/8000\r\n", "line 3"},
      {"v=0\r\nm=audio 1 RTP/AVP 0\r\na=rtpmap:0 PCMU\r\n", "line 3"},
  };
  for (const auto& bad : cases) {
    const auto description = parse(bad.text);
    ASSERT_FALSE(description) << bad.text;
    EXPECT_EQ(description.error().code, "bad_sdp");
    EXPECT_THAT(description.error().message, HasSubstr(bad.message)) << bad.text;
  }
}

TEST(sdp, is_bounded) {
  std::string formats;
  for (int i = 0; i < 65; ++i) formats += " 0";
  EXPECT_FALSE(parse("v=0\r\nm=audio 1 RTP/AVP" + formats + "\r\n"));
  std::string sections = "v=0\r\n";
  for (int i = 0; i < 17; ++i) sections += "m=audio 1 RTP/AVP 0\r\n";
  EXPECT_FALSE(parse(sections));
  EXPECT_FALSE(parse("v=0\r\n" + std::string(max_text, 'a')));
}

}  // namespace
}  // namespace voxanne::telephony::sip::sdp
