// The two halves of retrieval_bench. Each prints what it measured and returns the program's exit status.
#pragma once

#include <string>

namespace voxanne::bench {

// Files of benchmarks/retrieval/.
int recall(const std::string& labelled, const std::string& vectors);
int speed(int rounds);

}  // namespace voxanne::bench
