#include "recordings/key.h"

#include <algorithm>
#include <stdexcept>

namespace voxanne::recordings {
namespace {

constexpr std::string_view suffix = ".ogg";

}  // namespace

bool is_object_key(std::string_view text) {
  if (text.size() > 512) return false;
  for (int segments = 0; segments < 8; ++segments) {
    const auto slash = text.find('/');
    if (!is_sane_id(text.substr(0, slash))) return false;
    if (slash == std::string_view::npos) return true;
    text.remove_prefix(slash + 1);
  }
  return false;
}

std::string recording_key(const OrgId& org, const CallId& call) {
  if (!is_sane_id(org.str()) || !is_sane_id(call.str()))
    throw std::invalid_argument("a recording's ids must be usable as file names");
  return org.str() + "/" + call.str() + std::string{suffix};
}

std::optional<RecordingName> parse_recording_key(std::string_view key) {
  const auto slash = key.find('/');
  if (slash == std::string_view::npos || !key.ends_with(suffix)) return std::nullopt;
  const auto org = key.substr(0, slash);
  key.remove_prefix(slash + 1);
  key.remove_suffix(std::min(suffix.size(), key.size()));
  if (!is_sane_id(org) || !is_sane_id(key)) return std::nullopt;
  return RecordingName{OrgId{std::string{org}}, CallId{std::string{key}}};
}

}  // namespace voxanne::recordings
