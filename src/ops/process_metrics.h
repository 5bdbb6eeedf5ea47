// The process itself, as the kernel tells it: processor time, memory, descriptors, threads. Names as
// Prometheus' own clients have them.
#pragma once

#include "ops/metrics.h"

#include <filesystem>

namespace voxanne::ops {

void add_process_metrics(Metrics& metrics);
// Bytes free for us on this directory's disk; nullopt-like -1 when it cannot be told.
double free_bytes(const std::filesystem::path& directory);

}  // namespace voxanne::ops
