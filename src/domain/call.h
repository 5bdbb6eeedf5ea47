// A call and its one verdict: how it ended and whose fault a failure was. Values only.
#pragma once

#include "base/ids.h"
#include "base/time.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace voxanne::domain {

enum class Direction { inbound, outbound };
enum class Channel { sip, twilio, browser, vapi };
enum class CallStatus { queued, ringing, in_progress, ended, failed };
enum class RecordingStatus { none, recording, queued, uploading, stored, failed };

// The industry's words ("in-progress"), as contracts.md lists them; parse answers nullopt on others.
std::string_view to_string(Direction value);
std::string_view to_string(Channel value);
std::string_view to_string(CallStatus value);
std::string_view to_string(RecordingStatus value);
std::optional<Direction> parse_direction(std::string_view text);
std::optional<Channel> parse_channel(std::string_view text);
std::optional<CallStatus> parse_call_status(std::string_view text);
std::optional<RecordingStatus> parse_recording_status(std::string_view text);

// How a call ended. `reason` is the word in `endedReason`; `fault` says who has to mend something.
enum class FaultParty { nobody, caller, carrier, provider, us };
std::string_view to_string(FaultParty value);
std::optional<FaultParty> parse_fault_party(std::string_view text);

struct Verdict {
  CallStatus status = CallStatus::ended;  // ended or failed
  std::string reason;                     // "customer-ended-call", "call.start.error-…", …
  FaultParty fault = FaultParty::nobody;
  std::string detail;  // for the operator; no personal data
};

namespace ended {
inline constexpr std::string_view customer = "customer-ended-call";
inline constexpr std::string_view assistant = "assistant-ended-call";
inline constexpr std::string_view forwarded = "assistant-forwarded-call";
inline constexpr std::string_view silence = "silence-timed-out";
inline constexpr std::string_view max_duration = "exceeded-max-duration";
inline constexpr std::string_view no_answer = "customer-did-not-answer";
inline constexpr std::string_view busy = "customer-busy";
inline constexpr std::string_view voicemail = "voicemail";
inline constexpr std::string_view canceled = "manually-canceled";
inline constexpr std::string_view shutdown = "worker-shutdown";
}  // namespace ended

struct Customer {
  std::string number;  // E.164 where it is one, else the SIP user or empty
  std::string name;
};

struct Call {
  CallId id;
  OrgId org;
  AssistantId assistant;
  PhoneNumberId phone_number;  // empty where none was involved
  Direction direction = Direction::inbound;
  Channel channel = Channel::sip;
  CallStatus status = CallStatus::queued;
  std::string ended_reason;
  Customer customer;
  UtcTime created_at{};
  std::optional<UtcTime> started_at, answered_at, ended_at;
  std::optional<double> duration;  // seconds, answer to end
  RecordingStatus recording_status = RecordingStatus::none;
  bool is_test = false;
  std::string metadata = "{}";  // JSON object, as the creator gave it

  // Known once the call has been looked back on; empty until then.
  ContactId contact;
  AppointmentId appointment;
  std::optional<double> cost_cents;
  bool has_recording = false;  // it can be played
  bool has_transcript = false;
  std::string summary, outcome;
  std::string sentiment_label;
  std::optional<double> sentiment_score;
  std::string tools_used = "[]";  // JSON array of tool names
  FaultParty fault = FaultParty::nobody;
};

// One turn of a conversation, as it is kept in call_transcripts.
enum class Speaker { caller, assistant };
std::string_view to_string(Speaker value);
std::optional<Speaker> parse_speaker(std::string_view text);

// Where the milliseconds of an answer went, from the caller's last speech to the first frame out.
struct TurnLatency {
  std::optional<int> endpointing_ms{};  // end of speech → end of turn decided
  std::optional<int> recognition_ms{};  // decided → final hypothesis
  std::optional<int> thinking_ms{};     // hypothesis → first sentence of the reply
  std::optional<int> first_audio_ms{};  // sentence → first frame at the pacer
};

struct Turn {
  TurnId id;
  Speaker speaker = Speaker::caller;
  std::string text;  // assistant: cut at the word last heard
  int start_ms = 0;  // from answer
  int end_ms = 0;
  std::optional<double> confidence{};  // caller only, 0–1
  bool interrupted = false;            // assistant: the caller barged in
  std::string source{};                // assistant: where the answer comes from (document title), or empty
  TurnLatency latency{};
};

}  // namespace voxanne::domain
