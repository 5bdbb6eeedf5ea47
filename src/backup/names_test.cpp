#include "backup/names.h"

#include <gtest/gtest.h>

namespace voxanne::backup {
namespace {

TEST(Names, only_what_a_backup_holds_has_a_place) {
  EXPECT_EQ(part_of("voxanne-backup.json"), Part::about);
  EXPECT_EQ(part_of("complete.json"), Part::complete);
  EXPECT_EQ(part_of("voxanne.db"), Part::database);
  EXPECT_EQ(part_of("secret.key"), Part::secret);
  EXPECT_EQ(part_of("journal/00000001.journal"), Part::journal);
  EXPECT_EQ(part_of("spool/org/call_1.spool"), Part::spool);
  EXPECT_EQ(part_of("recordings/org/call_1.ogg"), Part::recording);
  for (const char* name : {"",
                           "/",
                           "..",
                           "/etc/passwd",
                           "../voxanne.db",
                           "./voxanne.db",
                           "voxanne.db/",
                           "journal",
                           "journal/",
                           "journal/..",
                           "journal/.hidden",
                           "journal/a/b",
                           "spool/call.spool",
                           "spool/../x.spool",
                           "spool/org/../x.spool",
                           "spool/org/x.ogg",
                           "spool/org/a/x.spool",
                           "recordings/x.ogg",
                           "recordings/../../x.ogg",
                           "recordings/org/x.wav",
                           "recordings//org/x.ogg",
                           "Voxanne.db",
                           "other"})
    EXPECT_EQ(part_of(name), std::nullopt) << name;
}

}  // namespace
}  // namespace voxanne::backup
