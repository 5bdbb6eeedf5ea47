// Runs a program and kills it right before its n-th change of the file system: what a crash at that point
// leaves. Making, opening for writing, writing, cutting, syncing, renaming, linking and removing are changes;
// what goes to pipes and terminals is not. A sweep runs it for n = 1, 2, … until it ends by itself.
//
//   for (int n = 1; ; ++n) {
//     const auto run = run_until_change({program, "restore", file}, {{"DATA_DIR", home}}, n);
//     if (!run.killed) break;      // run.exit_code
//     …                            // run.before: the change that did not happen any more
//   }
//
// By ptrace(2), so that the program is the built one and knows nothing of it. Blocks.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace voxanne::test {

struct RunUntilChange {
  bool killed = false;
  int exit_code = -1;  // when it was not; 128 + signal where a signal ended it
  std::string before{};
};

RunUntilChange run_until_change(std::vector<std::string> command,
                                std::map<std::string, std::string> environment, int change);

}  // namespace voxanne::test
