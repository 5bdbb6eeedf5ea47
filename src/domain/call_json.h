// Calls and turns as clients see them (contracts.md's Call): every field always present, null where
// unknown. The one place that writes them, for answers and live events alike.
#pragma once

#include "domain/call.h"

#include <optional>
#include <string>
#include <string_view>

namespace voxanne::domain {

// A call's fields as they are written, wherever they come from; empty texts are null.
struct CallFields {
  std::string_view id, org, assistant, phone_number, direction, channel, status, ended_reason;
  std::string_view customer_number, customer_name, contact{};
  UtcTime created_at;
  std::optional<UtcTime> started_at, answered_at, ended_at;
  std::optional<double> duration, cost_cents{}, sentiment_score{};
  bool has_recording = false, has_transcript = false, is_test = false;
  std::string_view recording_status, summary{}, outcome{}, sentiment_label{};
  std::string_view tools_used{};  // JSON array
  std::string_view appointment{};
  std::string_view metadata;  // JSON object
};

void append_call(std::string& out, const CallFields& call);
void append_call(std::string& out, const Call& call);

// "reason":…,"fault":…,"detail":…, for an object that says more.
void append_verdict(std::string& out, const Verdict& verdict);

// {id, speaker, text, startMs, endMs, confidence, interrupted, source, latency:{…}}
void append_turn(std::string& out, const Turn& turn);

}  // namespace voxanne::domain
