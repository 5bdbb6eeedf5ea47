#include "telephony/sip/offer_answer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace voxanne::telephony::sip {
namespace {

using rtp::Codec;
using rtp::Direction;
using testing::HasSubstr;
using testing::Not;

sdp::Description offer(const std::string& media, const std::string& address = "IN IP4 192.0.2.1") {
  return sdp::parse("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=" + address + "\r\nt=0 0\r\n" + media)
      .value();
}

Local local(const char* address = "198.51.100.1") {
  return {{7, 3, boost::asio::ip::make_address(address)}, 20'000};
}

TEST(offer_answer, our_order_of_preference_decides_and_static_types_need_no_rtpmap) {
  const auto wide =
      choose(offer("m=audio 4000 RTP/AVP 0 8 9 101\r\na=rtpmap:101 telephone-event/8000\r\n")).value();
  EXPECT_EQ(wide.format.codec, Codec::g722);
  EXPECT_EQ(wide.format.payload_type, 9);
  EXPECT_EQ(wide.format.event_type, 101);
  EXPECT_EQ(wide.remote.address().to_string(), "192.0.2.1");
  EXPECT_EQ(wide.remote.port(), 4000);
  EXPECT_EQ(wide.direction, Direction::send_recv);
  EXPECT_FALSE(wide.held());
  EXPECT_EQ(choose(offer("m=audio 4000 RTP/AVP 8 0\r\n")).value().format.codec, Codec::pcmu);
  EXPECT_EQ(choose(offer("m=audio 4000 RTP/AVP 8\r\n")).value().format.codec, Codec::pcma);
  EXPECT_FALSE(choose(offer("m=audio 4000 RTP/AVP 8\r\n")).value().format.event_type);
}

TEST(offer_answer, mappings_overrule_static_types) {
  const auto moved =
      choose(offer("m=audio 4000 RTP/AVP 96 0\r\na=rtpmap:96 g722/8000\r\na=rtpmap:0 GSM/8000\r\n")).value();
  EXPECT_EQ(moved.format.codec, Codec::g722);
  EXPECT_EQ(moved.format.payload_type, 96);
  EXPECT_EQ(choose(offer("m=audio 4000 RTP/AVP 0\r\na=rtpmap:0 GSM/8000\r\n")).error().code,
            "no_common_codec");
  EXPECT_EQ(choose(offer("m=audio 4000 RTP/AVP 97\r\na=rtpmap:97 PCMU/16000\r\n")).error().code,
            "no_common_codec");
}

TEST(offer_answer, a_codec_in_use_is_kept_where_it_is_offered) {
  EXPECT_EQ(choose(offer("m=audio 4000 RTP/AVP 9 0\r\n"), Codec::pcmu).value().format.codec, Codec::pcmu);
  EXPECT_EQ(choose(offer("m=audio 4000 RTP/AVP 9\r\n"), Codec::pcmu).value().format.codec, Codec::g722);
}

TEST(offer_answer, hold_in_both_styles) {
  const auto modern = choose(offer("m=audio 4000 RTP/AVP 0\r\na=sendonly\r\n")).value();
  EXPECT_EQ(modern.direction, Direction::recv_only);
  EXPECT_TRUE(modern.held());
  EXPECT_EQ(choose(offer("m=audio 4000 RTP/AVP 0\r\na=inactive\r\n")).value().direction, Direction::inactive);
  EXPECT_EQ(choose(offer("m=audio 4000 RTP/AVP 0\r\na=recvonly\r\n")).value().direction,
            Direction::send_only);
  const auto old = choose(offer("m=audio 4000 RTP/AVP 0\r\n", "IN IP4 0.0.0.0")).value();
  EXPECT_EQ(old.direction, Direction::recv_only);
  EXPECT_TRUE(old.remote.address().is_unspecified());
  EXPECT_EQ(choose(offer("m=audio 4000 RTP/AVP 0\r\na=recvonly\r\n", "IN IP6 ::")).value().direction,
            Direction::inactive);
}

TEST(offer_answer, our_audio_is_not_sent_inside_for_somebody_outside) {
  const auto to = [](const char* address) {
    return choose(offer("m=audio 4000 RTP/AVP 0\r\n", address)).value();
  };
  const auto outside = boost::asio::ip::make_address("192.0.2.9");
  const auto inside = boost::asio::ip::make_address("::ffff:127.0.0.1");
  EXPECT_TRUE(leads_inside(to("IN IP4 127.0.0.1"), outside));
  EXPECT_TRUE(leads_inside(to("IN IP4 127.8.8.8"), outside));
  EXPECT_TRUE(leads_inside(to("IN IP6 ::1"), outside));
  EXPECT_FALSE(leads_inside(to("IN IP4 127.0.0.1"), inside));
  EXPECT_FALSE(leads_inside(to("IN IP4 192.0.2.1"), outside));
  EXPECT_EQ(choose(offer("m=audio 4000 RTP/AVP 0\r\n", "IN IP6 ::ffff:127.0.0.1")).error().code,
            "bad_address");
}

TEST(offer_answer, an_answer_has_every_section_and_rejects_all_but_one) {
  const auto theirs = offer(
      "m=video 5000 RTP/AVP 31 32\r\nm=audio 0 RTP/AVP 0\r\nm=audio 4000 RTP/SAVP 0\r\n"
      "m=audio 4002 RTP/AVPF 8 101\r\na=rtpmap:101 telephone-event/8000\r\na=sendonly\r\nm=audio 4004 "
      "RTP/AVP 0\r\n");
  const auto agreement = choose(theirs).value();
  EXPECT_EQ(agreement.section, 3U);
  EXPECT_EQ(write_answer(theirs, agreement, local()),
            "v=0\r\no=- 7 3 IN IP4 198.51.100.1\r\ns=-\r\nc=IN IP4 198.51.100.1\r\nt=0 0\r\n"
            "m=video 0 RTP/AVP 31 32\r\nm=audio 0 RTP/AVP 0\r\nm=audio 0 RTP/SAVP 0\r\n"
            "m=audio 20000 RTP/AVPF 8 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
            "a=fmtp:101 0-15\r\na=ptime:20\r\na=recvonly\r\nm=audio 0 RTP/AVP 0\r\n");
}

TEST(offer_answer, what_cannot_be_agreed_says_why) {
  EXPECT_EQ(choose(offer("m=video 5000 RTP/AVP 31\r\n")).error().code, "no_audio");
  EXPECT_EQ(choose(offer("m=audio 0 RTP/AVP 0\r\n")).error().code, "no_audio");
  EXPECT_EQ(choose(offer("m=audio 4000 RTP/SAVP 0\r\n")).error().code, "no_audio");
  EXPECT_EQ(choose(offer("m=audio 4000 RTP/AVP 18 96\r\na=rtpmap:96 opus/48000/2\r\n")).error().code,
            "no_common_codec");
  EXPECT_EQ(choose(offer("m=audio 4000 RTP/AVP 0\r\n", "IN IP4 phone.example")).error().code, "bad_address");
  EXPECT_EQ(choose(offer("m=audio 4000 RTP/AVP 0\r\n", "IN IP4 224.2.1.1/127")).error().code, "bad_address");
  EXPECT_EQ(choose(offer("m=audio 4000 RTP/AVP 0\r\n", "IN IP4 255.255.255.255")).error().code,
            "bad_address");
}

TEST(offer_answer, our_own_offer_is_one_that_we_would_take) {
  const std::string text = write_offer(all_codecs, local("2001:db8::1"));
  EXPECT_THAT(text, HasSubstr("c=IN IP6 2001:db8::1\r\n"));
  EXPECT_THAT(text, HasSubstr("m=audio 20000 RTP/AVP 9 0 8 101\r\na=rtpmap:9 G722/8000\r\n"));
  const auto agreement = choose(sdp::parse(text).value()).value();
  EXPECT_EQ(agreement.format.codec, Codec::g722);
  EXPECT_EQ(agreement.format.event_type, 101);
  EXPECT_THAT(write_offer(narrowband_codecs, local()), Not(HasSubstr("G722")));
}

TEST(offer_answer, of_several_codecs_in_an_answer_the_first_is_used) {
  const auto chosen =
      accept(offer("m=audio 4000 RTP/AVP 97 8 0 101\r\na=rtpmap:97 GSM/8000\r\n"), all_codecs);
  EXPECT_EQ(chosen.value().format.codec, Codec::pcma);
  EXPECT_EQ(chosen.value().format.payload_type, 8);
}

TEST(offer_answer, an_answer_to_our_offer_must_choose_from_it) {
  const auto agreement =
      accept(offer("m=audio 6000 RTP/AVP 8 101\r\na=rtpmap:101 telephone-event/8000\r\n"), all_codecs)
          .value();
  EXPECT_EQ(agreement.format.codec, Codec::pcma);
  EXPECT_EQ(agreement.format.event_type, 101);
  EXPECT_EQ(accept(offer("m=audio 6000 RTP/AVP 9\r\n"), narrowband_codecs).error().code, "no_common_codec");
  EXPECT_EQ(accept(offer("m=audio 0 RTP/AVP 0\r\n"), all_codecs).error().code, "no_audio");
  EXPECT_EQ(accept(offer("m=image 6000 udptl t38\r\n"), all_codecs).error().code, "no_audio");
}

}  // namespace
}  // namespace voxanne::telephony::sip
