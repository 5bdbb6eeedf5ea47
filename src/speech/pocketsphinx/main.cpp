// The worker as a program of its own, for tests; the server runs `voxanne speech-worker`.
#include "speech/pocketsphinx/worker.h"

int main() {
  return voxanne::speech::pocketsphinx::speech_worker_main(voxanne::speech::pocketsphinx::worker_descriptor);
}
