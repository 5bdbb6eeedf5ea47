#include "backup/names.h"

#include "recordings/key.h"

namespace voxanne::backup {

std::optional<Part> part_of(std::string_view name) {
  if (name == about_name) return Part::about;
  if (name == database_name) return Part::database;
  if (name == secret_name) return Part::secret;
  if (name == complete_name) return Part::complete;
  // Segments neither begin with a dot nor hold a slash.
  const auto within = [&](std::string_view prefix) { return name.substr(prefix.size()); };
  if (name.starts_with(journal_prefix))
    return is_sane_id(within(journal_prefix)) ? std::optional{Part::journal} : std::nullopt;
  if (name.starts_with(recordings_prefix))
    return recordings::parse_recording_key(within(recordings_prefix)) ? std::optional{Part::recording}
                                                                      : std::nullopt;
  if (name.starts_with(spool_prefix)) {
    const auto rest = within(spool_prefix);
    const auto slash = rest.find('/');
    if (slash == std::string_view::npos || !rest.ends_with(".spool")) return std::nullopt;
    if (!is_sane_id(rest.substr(0, slash)) || !is_sane_id(rest.substr(slash + 1))) return std::nullopt;
    return Part::spool;
  }
  return std::nullopt;
}

}  // namespace voxanne::backup
