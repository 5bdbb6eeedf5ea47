// sipp places 10 and then 100 calls at a time, with audio and digits: all complete, every recording is
// stored and as long as its call.
#include "support/http.h"
#include "support/live.h"
#include "support/server.h"

#include <gtest/gtest.h>

#include <fstream>

namespace voxanne::test {
namespace {

namespace json = boost::json;
using std::chrono::seconds;

// INVITE, six seconds of recorded audio with two digits in it, BYE.
constexpr const char* scenario = R"(<?xml version="1.0" encoding="UTF-8" ?>
<scenario name="caller with audio and digits">
  <send retrans="500"><![CDATA[
    INVITE sip:demo@[remote_ip]:[remote_port] SIP/2.0
    Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
    From: <sip:caller[call_number]@[local_ip]:[local_port]>;tag=[call_number]
    To: <sip:demo@[remote_ip]:[remote_port]>
    Call-ID: [call_id]
    CSeq: 1 INVITE
    Contact: <sip:caller@[local_ip]:[local_port]>
    Max-Forwards: 70
    Content-Type: application/sdp
    Content-Length: [len]

    v=0
    o=caller 1 1 IN IP4 [local_ip]
    s=-
    c=IN IP4 [media_ip]
    t=0 0
    m=audio [auto_media_port] RTP/AVP 8 101
    a=rtpmap:8 PCMA/8000
    a=rtpmap:101 telephone-event/8000
    a=fmtp:101 0-15
  ]]></send>
  <recv response="100" optional="true"/>
  <recv response="180" optional="true"/>
  <recv response="183" optional="true"/>
  <recv response="200" rtd="true" rrs="true"/>
  <send><![CDATA[
    ACK [next_url] SIP/2.0
    Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
    From: <sip:caller[call_number]@[local_ip]:[local_port]>;tag=[call_number]
    To: <sip:demo@[remote_ip]:[remote_port]>[peer_tag_param]
    Call-ID: [call_id]
    CSeq: 1 ACK
    Max-Forwards: 70
    Content-Length: 0

  ]]></send>
  <nop><action><exec play_pcap_audio="/usr/share/sip-tester/g711a.pcap"/></action></nop>
  <pause milliseconds="4000"/>
  <nop><action><exec play_pcap_audio="/usr/share/sip-tester/dtmf_2833_1.pcap"/></action></nop>
  <pause milliseconds="2000"/>
  <send retrans="500"><![CDATA[
    BYE [next_url] SIP/2.0
    Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
    From: <sip:caller[call_number]@[local_ip]:[local_port]>;tag=[call_number]
    To: <sip:demo@[remote_ip]:[remote_port]>[peer_tag_param]
    Call-ID: [call_id]
    CSeq: 2 BYE
    Max-Forwards: 70
    Content-Length: 0

  ]]></send>
  <recv response="200"/>
</scenario>
)";

class Crowd : public testing::TestWithParam<int> {};

TEST_P(Crowd, every_call_completes_and_every_recording_is_as_long_as_its_call) {
  const int calls = GetParam();
  Server server;
  TempDir files;
  Live live{server.ws_url("/ws/live-calls")};
  std::ofstream{files / "caller.xml"} << scenario;
  Process sipp{
      {.command = {"timeout", "100", "sipp", "127.0.0.1:" + std::to_string(server.sip_udp_port()), "-sf",
                   (files / "caller.xml").string(), "-i", "127.0.0.1", "-m", std::to_string(calls), "-l",
                   std::to_string(calls), "-r", "20", "-nostdin", "-timeout", "90", "-trace_err"},
       .environment = {{"TERM", "dumb"}},
       .directory = files.path().string()}};
  EXPECT_EQ(sipp.wait(seconds{110}), 0) << sipp.output().substr(0, 4'000);

  int stored = 0;
  // Encoding goes on after the calls; each stored recording is told by an event.
  ASSERT_TRUE(live.wait_for(
      [&](const json::object& event) {
        const auto* data = event.if_contains("data");
        const auto* status =
            data && data->is_object() ? data->as_object().if_contains("recordingStatus") : nullptr;
        if (status && event.at("type").as_string() == "call.updated" && status->as_string() == "stored")
          ++stored;
        return stored == calls;
      },
      seconds{60}))
      << stored << " of " << calls << " recordings were stored";

  std::string cursor;
  int seen = 0;
  do {
    const json::value page = http_get(server.url("/api/calls-dashboard?limit=100" + cursor)).json();
    for (const auto& call : page.at("calls").as_array()) {
      ++seen;
      EXPECT_EQ(call.at("status").as_string(), "ended") << json::serialize(call);
      EXPECT_EQ(call.at("endedReason").as_string(), "customer-ended-call");
      EXPECT_EQ(call.at("recordingStatus").as_string(), "stored");
      const std::string id{call.at("id").as_string()};
      const auto link = http_get(server.url("/api/calls/" + id + "/recording"));
      ASSERT_EQ(link.status, 200) << link.body;
      EXPECT_NEAR(link.json().at("duration").to_number<double>(), call.at("duration").to_number<double>(),
                  0.3);
    }
    const auto& next = page.at("pagination").at("nextCursor");
    cursor = next.is_string() ? "&cursor=" + std::string{next.as_string()} : "";
  } while (!cursor.empty());
  EXPECT_EQ(seen, calls);
}

INSTANTIATE_TEST_SUITE_P(Callers, Crowd, testing::Values(10, 100), testing::PrintToStringParamName());

}  // namespace
}  // namespace voxanne::test
