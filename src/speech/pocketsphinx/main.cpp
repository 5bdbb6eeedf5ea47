// The worker as a program of its own, for tests; the server runs `voxanne speech-worker`. Its arguments:
// how many callers are understood with general English, how much audio may wait meanwhile, in ms, and what
// share of a core it may cost.
#include "speech/pocketsphinx/worker.h"

#include <cstdlib>

int main(int count, char** arguments) {
  using namespace voxanne::speech::pocketsphinx;
  WorkerLimits limits;
  if (count > 1) limits.general_callers = static_cast<unsigned>(std::atoi(arguments[1]));
  if (count > 2) limits.general_behind_ms = static_cast<unsigned>(std::atoi(arguments[2]));
  if (count > 3) limits.general_share = std::atof(arguments[3]);
  return speech_worker_main(worker_descriptor, limits);
}
