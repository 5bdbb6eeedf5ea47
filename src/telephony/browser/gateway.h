// `WS /ws/web-call?assistantId=…`: calls from a browser, or from `voxanne call --to ws://…`. With
// `&isTest=true` they are test calls.
//
//   caller                                      gateway
//   {"type":"subscribe","token":"…"}        →   within 5 s, else close 1008
//                                           ←   {"type":"subscribed","orgId"}
//   {"type":"start"}                        →   the call begins: on_call(leg, …)
//                                           ←   {"type":"ready","callId","sampleRate","frameMs"}
//   binary: 20 ms of PCM16LE mono 16 kHz   ⇄    binary: the same
//   {"type":"dtmf","digit":"5"}             →
//   {"type":"mark","name"} when played      ⇄   {"type":"mark","name"}
//                                           ←   {"type":"clear"}: drop what is buffered (barge-in)
//                                           ←
//                                           {"type":"transcript.partial"|"transcript.final","speaker","text"}
//   {"type":"subscribe","token":"…"}        →   at any time: a fresh token of the same organization
//   {"type":"hangup"}                       →
//                                           ←   {"type":"ended","reason"}, close 1000
//
// Close codes: 1008 no or bad token, one that has expired or was revoked meanwhile, a message out of turn,
// more than real time, or than 20 control messages a second; 1007 a control message or an audio frame that
// cannot be read; 1013 no line free (the reason says when), too much asked by the organization, or the server
// cannot check tokens now, which ends no call that has begun.
//
// Owner: app; one for all web shards, outlives the server. serve() runs on the socket's loop.
#pragma once

#include "async/clock.h"
#include "net/http.h"
#include "telephony/browser/leg.h"

#include <functional>
#include <memory>
#include <optional>

namespace voxanne::telephony::browser {

// Whose token it is, and until when.
struct Caller {
  OrgId org;
  // For how long the caller may stay before they are asked again, or why not at all. Empty: for good. Runs
  // on the connection's loop and ends by cancellation.
  std::function<async::Task<Result<milliseconds>>()> may_stay{};
};
// Who shows this token; an empty one stands for none. Runs on the connection's loop.
using CheckToken = std::function<async::Task<Result<Caller>>(std::string token)>;

struct InboundCall {
  InboundInfo info;  // call_id is set
  OrgId org;
  AssistantId assistant;
  std::shared_ptr<CallSide> side;  // the way to show transcripts
};
// Called on the leg's shard; the receiver owns the leg.
using OnCall = std::function<void(std::unique_ptr<Leg>, InboundCall)>;

class Gateway {
 public:
  struct Options {
    milliseconds subscribe_within{5'000};
    milliseconds start_within{30'000};
    milliseconds renew_within{1'000};  // which a call's audio may wait for
  };

  // `choose_shard`: where the next call shall live; any thread.
  Gateway(Options options, async::Clock& clock, std::function<media::Shard&()> choose_shard, OnCall on_call);

  // The route's answer: the upgrade, or malformed (missing_parameter, invalid_parameter). `known`: who
  // it is, when the handshake carried an Authorization.
  Result<net::Response> open(const net::Request& request, CheckToken check, std::optional<Caller> known = {});

 private:
  struct Session;
  struct Wanted {
    AssistantId assistant;
    bool is_test;
  };
  async::Task<> serve(net::WebSocket& socket, Wanted wanted, std::string source, CheckToken check,
                      std::optional<Caller> known);

  const Options options_;
  async::Clock& clock_;
  const std::function<media::Shard&()> choose_shard_;
  const OnCall on_call_;
};

}  // namespace voxanne::telephony::browser
