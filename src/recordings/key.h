// Names under which recordings are kept, in the object store and in URLs. Pure.
#pragma once

#include "base/ids.h"

#include <optional>
#include <string>
#include <string_view>

namespace voxanne::recordings {

// 1–8 sane ids joined by "/", at most 512 characters: no key leads out of its store.
bool is_object_key(std::string_view text);

// "ORG/CALL.ogg": the same for every attempt at a call, so that storing it twice stores it once.
// Throws std::invalid_argument on ids that are not sane.
std::string recording_key(const OrgId& org, const CallId& call);

struct RecordingName {
  OrgId org;
  CallId call;
};
std::optional<RecordingName> parse_recording_key(std::string_view key);

}  // namespace voxanne::recordings
