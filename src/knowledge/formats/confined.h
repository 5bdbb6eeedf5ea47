// A program that reads hostile input, of others or our own, run as a child that can do nothing but read what
// it is given and write what it found: no network, none of our files, no new ones, no other programs, bounded
// memory, processor time, output and real time; as nobody where we are root.
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

// Whether our own program can be run like this: a sanitizer needs more memory and files than there are.
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
inline constexpr bool confines_our_own = false;
#else
inline constexpr bool confines_our_own = true;
#endif

// Whether the kernel withholds our files from it (Landlock: Linux 5.13, where it is switched on). Where not,
// what it may read is what our user may, or nobody's where we are root; all other confines hold.
bool withholds_files();

// `command[0]` is looked for in PATH, but for one with a slash, which the child may read wherever it lies
// (and must be executable by everybody where we are root); `input` is its standard input, seekable. Errors:
// unavailable (program_missing, child_not_started).
Result<ChildOutput> run_confined(const std::vector<std::string>& command, std::string_view input,
                                 const Confines& confines);

}  // namespace voxanne::knowledge::formats
