// Who answers: an organization's assistant with its words, voice and limits.
#pragma once

#include "base/ids.h"
#include "base/time.h"

#include <optional>
#include <string>
#include <string_view>

namespace voxanne::domain {

struct Assistant {
  AssistantId id;
  OrgId org;
  std::string name;           // "Harbour Dental reception"
  std::string greeting;       // said at once when the call is answered
  std::string instructions;   // for a language model; the house responder does not read it
  std::string voice = "slt";  // a synthesizer's voice name
  std::string goodbye = "Thank you for calling. Goodbye.";
  milliseconds idle_prompt_after{7'000};  // silence before "are you still there?"; two, then a goodbye
  milliseconds max_duration{30 * 60'000};
  bool record = true;
  // Said before the greeting, and the call is recorded only once it has been heard; nullopt: what the
  // organization says, empty: nothing.
  std::optional<std::string> own_consent_announcement{};
  std::string consent_announcement{};  // what that comes to, where the assistant was read from the store
};

struct Organization {
  OrgId id;
  std::string name;
  std::string timezone = "UTC";
  int max_concurrent_calls = 0;  // 0: the machine's own limit
  // In days; nullopt: as the server is configured, and for ever.
  std::optional<int> recording_retention_days{}, call_retention_days{};
  std::string consent_announcement{};  // of assistants without their own
};

struct PhoneNumber {
  PhoneNumberId id;
  OrgId org;
  AssistantId assistant;  // who answers it
  std::string number;     // E.164, or empty for the built-in one
  enum class Carrier { sip, twilio, vapi, builtin } carrier = Carrier::sip;  // builtin: the synthetic callee
};
std::string_view to_string(PhoneNumber::Carrier value);
std::optional<PhoneNumber::Carrier> parse_carrier(std::string_view text);

// A message taken for the organization.
struct Message {
  MessageId id;
  OrgId org;
  CallId call;
  std::string caller_name;
  std::string number;
  std::string text;
  std::string urgency = "normal";  // normal | urgent
  UtcTime created_at{};
  std::string handled_by;  // who has dealt with it; empty while nobody has
  std::optional<UtcTime> handled_at;
};

}  // namespace voxanne::domain
