// Finding knowledge: how well, and how fast.
//
//   retrieval_bench recall LABELLED WORD_VECTORS   recall at 5 of words, vectors and both over the labelled
//                                                  set: each organization by itself, and all of it as one's
//   retrieval_bench speed [ROUNDS]                 10,000 passages × 1,536 dimensions, beside the memory's
//                                                  floor
#include "retrieval_bench.h"

#include <iostream>
#include <stdexcept>

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  try {
    if (what == "recall" && argc == 4) return voxanne::bench::recall(argv[2], argv[3]);
    if (what == "speed" && argc <= 3) return voxanne::bench::speed(argc == 3 ? std::stoi(argv[2]) : 200);
  } catch (const std::exception& e) {
    std::cerr << "retrieval_bench: " << e.what() << "\n";
    return 1;
  }
  std::cerr << "usage: retrieval_bench recall LABELLED WORD_VECTORS | speed [ROUNDS]\n";
  return 2;
}
