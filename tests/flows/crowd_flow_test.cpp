// sipp places 10 and then 100 calls at a time, with audio and digits: all complete, every recording is
// stored and as long as its call. So it is where recognition has room for two.
#include "support/browser_caller.h"
#include "support/http.h"
#include "support/live.h"
#include "support/patience.h"
#include "support/server.h"
#include "support/spoken.h"

#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <thread>

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

Process callers(int count, int per_second, const Server& server, const TempDir& files) {
  std::ofstream{files / "caller.xml"} << scenario;
  return Process{{.command = {"timeout", "100", "sipp", "127.0.0.1:" + std::to_string(server.sip_udp_port()),
                              "-sf", (files / "caller.xml").string(), "-i", "127.0.0.1", "-m",
                              std::to_string(count), "-l", std::to_string(count), "-r",
                              std::to_string(per_second), "-nostdin", "-timeout", "90", "-trace_err"},
                  .environment = {{"TERM", "dumb"}},
                  .directory = files.path().string()}};
}

TEST_P(Crowd, every_call_completes_and_every_recording_is_as_long_as_its_call) {
  const int calls = GetParam();
  Server server;
  TempDir files;
  Live live{server.ws_url("/ws/live-calls")};
  auto sipp = callers(calls, 20, server, files);
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

// The value of the first metric whose line begins so.
double metric(const Server& server, const std::string& name) {
  const std::string text = "\n" + http_get(server.url("/metrics")).body;
  const auto at = text.find("\n" + name);
  if (at == std::string::npos) throw std::runtime_error("there is no metric " + name);
  const auto line = text.substr(at + 1, text.find('\n', at + 1) - at - 1);
  return std::stod(line.substr(line.rfind(' ') + 1));
}

// Recognition hears two callers here; a crowd comes on top. Nobody is refused: the others are guided by
// keys, and may leave a message with them. The two go on being understood, and nobody's audio suffers.
TEST(CrowdBeyondRecognition, is_guided_by_keys_and_disturbs_nobody) {
  constexpr int crowd = 30;
  Server server{{{"SPEECH_WORKERS", "1"}, {"SPEECH_CALLERS", "2"}, {"SIP_LISTEN", "udp:127.0.0.1:0"}}};
  TempDir files;
  const auto url = server.ws_url("/ws/web-call?assistantId=test-assistant-123");
  BrowserCaller first{url}, second{url};
  ASSERT_TRUE(first.wait_for_words("", seconds{20}));
  ASSERT_TRUE(second.wait_for_words("", seconds{20})) << "the greeting";
  // A greeting may be heard before the model is read that understands its answer.
  const auto until = std::chrono::steady_clock::now() + patient(seconds{10});
  while (metric(server, "voxanne_recognition_streams") < 2 && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(std::chrono::milliseconds{50});
  EXPECT_EQ(metric(server, "voxanne_recognition_streams"), 2);
  EXPECT_EQ(metric(server, "voxanne_recognition_capacity"), 2);

  auto sipp = callers(crowd, 15, server, files);
  BrowserCaller third{url};
  ASSERT_TRUE(third.wait_for_words("your keypad works", seconds{45})) << "told what to do";
  auto question = spoken("What are your opening hours?", audio::wideband);
  question.resize(question.size() + audio::wideband);  // and quiet after it
  first.say(question);
  EXPECT_TRUE(first.wait_for_words("Monday", seconds{20})) << "heard as well as ever";
  ASSERT_EQ(third.leave_a_message(spoken("Please call me about my crown.", audio::wideband), "07700900123"),
            "");
  ASSERT_TRUE(third.wait_for_words("Your message has been taken", seconds{20}));
  EXPECT_EQ(http_get(server.url("/api/messages")).json().at("messages").as_array().size(), 1u);

  EXPECT_EQ(sipp.wait(seconds{110}), 0) << sipp.output().substr(0, 4'000);
  const double lag = metric(server, "voxanne_media_tick_lag_p99_seconds");
  std::printf("recognition full: tick lag p99 %.2f ms\n", lag * 1'000);
  EXPECT_LT(lag, 0.005);
  for (auto* caller : {&first, &second, &third}) caller->hang_up();

  // The crowd's own records: each was taken without ears, its keys were, and it lost nothing.
  int deaf = 0, keys = 0, ended = 0;
  const json::value page = http_get(server.url("/api/calls-dashboard?limit=100")).json();
  for (const auto& call : page.at("calls").as_array()) {
    if (call.at("channel").as_string() != "sip") continue;
    const std::string id{call.at("id").as_string()};
    EXPECT_EQ(call.at("endedReason").as_string(), "customer-ended-call") << json::serialize(call);
    const json::value log = http_get(server.url("/api/calls/" + id + "/events")).json();
    for (const auto& event : log.at("events").as_array()) {
      const auto& type = event.at("type").as_string();
      deaf += type == "deaf";
      keys += type == "keys";
      if (type != "call.ended") continue;
      ++ended;
      EXPECT_EQ(event.at("data").at("packetsLost").as_int64(), 0) << json::serialize(event);
      // 6 s of them: what was not sent would be a gap.
      EXPECT_GT(event.at("data").at("packetsSent").as_int64(), 290) << json::serialize(event);
    }
  }
  EXPECT_EQ(ended, crowd);
  EXPECT_EQ(deaf, crowd);
  EXPECT_GE(keys, crowd);
}

INSTANTIATE_TEST_SUITE_P(Callers, Crowd, testing::Values(10, 100), testing::PrintToStringParamName());

}  // namespace
}  // namespace voxanne::test
