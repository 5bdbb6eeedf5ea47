// What a process has used of the processors, for benchmarks whose servers are processes of their own.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>

namespace voxanne::bench {

// Microseconds, user and system, of all threads that are there.
inline double cpu_micros_of(int pid) {
  double nanoseconds = 0;
  for (const auto& thread : std::filesystem::directory_iterator{"/proc/" + std::to_string(pid) + "/task"}) {
    std::ifstream file{thread.path() / "schedstat"};
    double running = 0;
    file >> running;
    nanoseconds += running;
  }
  return nanoseconds / 1e3;
}

}  // namespace voxanne::bench
