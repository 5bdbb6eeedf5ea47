// What lies where in a backup, and what of it may be restored. Pure.
//
//   voxanne-backup.json     what this is: {"format":1,"version":…,"createdAt":…}
//   journal/NAME            records that waited for the database
//   voxanne.db              the database, in one piece
//   secret.key              the root secret, where it was made by the server
//   spool/ORG/CALL.spool    recordings that were not stored yet
//   recordings/ORG/CALL.ogg stored ones
//   complete.json           {"files":N,"sha256":…} over all before it: without it the backup is torn
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace voxanne::backup {

inline constexpr int format = 1;
inline constexpr std::string_view about_name = "voxanne-backup.json", database_name = "voxanne.db",
                                  secret_name = "secret.key", complete_name = "complete.json",
                                  journal_prefix = "journal/", spool_prefix = "spool/",
                                  recordings_prefix = "recordings/";

enum class Part { about, journal, database, secret, spool, recording, complete };

// Nullopt for every name that a backup of ours does not have, so that none leads out of its place.
std::optional<Part> part_of(std::string_view name);

}  // namespace voxanne::backup
