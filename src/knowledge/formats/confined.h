// A program of others that reads hostile input, run as a child that can do nothing but read what it is given
// and write what it found: no network, none of our files, no new ones, no other programs, bounded memory,
// processor time, output and real time; as nobody where we are root.
//
// Blocks: call it on a worker. The child is always gone when it returns.
#pragma once

#include "base/result.h"
#include "base/time.h"

#include <string>
#include <string_view>
#include <vector>

namespace voxanne::knowledge::formats {

struct Confines {
  std::size_t max_memory = 1u << 30;  // address space
  unsigned max_cpu_seconds = 15;
  milliseconds within{20'000};
  std::size_t max_output = 32u << 20;
};

struct ChildOutput {
  enum class End { exited, killed, out_of_time, too_much_output } end = End::exited;
  int status = 0;  // of an exit; the signal that killed it
  std::string out, err;
};

// `command[0]` is looked for in PATH; `input` is its standard input, seekable. Errors: unavailable
// (program_missing, child_not_started).
Result<ChildOutput> run_confined(const std::vector<std::string>& command, std::string_view input,
                                 const Confines& confines);

}  // namespace voxanne::knowledge::formats
