#include "ops/process_metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <sstream>

namespace voxanne::ops {
namespace {

// Of /proc/self/stat, counted from 1 (proc(5)); the second is a name and may hold anything.
double stat_field(int wanted) {
  std::ifstream file{"/proc/self/stat"};
  std::string text{std::istreambuf_iterator<char>{file}, {}};
  const auto name_end = text.rfind(')');
  if (name_end == std::string::npos) return 0;
  std::istringstream rest{text.substr(name_end + 1)};
  std::string field;
  for (int at = 3; rest >> field; ++at)
    if (at == wanted) return std::strtod(field.c_str(), nullptr);
  return 0;
}

double boot_time() {
  std::ifstream file{"/proc/stat"};
  for (std::string word; file >> word;)
    if (word == "btime") {
      double seconds = 0;
      file >> seconds;
      return seconds;
    }
  return 0;
}

}  // namespace

double free_bytes(const std::filesystem::path& directory) {
  std::error_code failed;
  const auto space = std::filesystem::space(directory, failed);
  return failed ? -1 : double(space.available);
}

void add_process_metrics(Metrics& metrics) {
  const double ticks = double(sysconf(_SC_CLK_TCK)), page = double(sysconf(_SC_PAGESIZE));
  metrics.counter("process_cpu_seconds_total", "user and system time", {},
                  [ticks] { return (stat_field(14) + stat_field(15)) / ticks; });
  metrics.gauge("process_resident_memory_bytes", "resident memory", {},
                [page] { return stat_field(24) * page; });
  metrics.gauge("process_virtual_memory_bytes", "virtual memory", {}, [] { return stat_field(23); });
  metrics.gauge("process_threads", "threads", {}, [] { return stat_field(20); });
  metrics.gauge("process_open_fds", "open descriptors", {}, [] {
    std::error_code failed;
    const auto entries = std::filesystem::directory_iterator{"/proc/self/fd", failed};
    return failed ? 0.0 : double(std::distance(begin(entries), end(entries)) - 1);
  });
  metrics.gauge("process_max_fds", "descriptors that may be open", {}, [] {
    rlimit files{};
    getrlimit(RLIMIT_NOFILE, &files);
    return double(files.rlim_cur);
  });
  metrics.gauge("process_start_time_seconds", "when the process started, since 1970", {},
                [start = boot_time() + stat_field(22) / ticks] { return start; });
}

}  // namespace voxanne::ops
