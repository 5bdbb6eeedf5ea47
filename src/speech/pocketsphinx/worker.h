// The child process in which speech is recognized: `voxanne speech-worker --fd N`. It serves many
// streams of one socket, one decoder each, and ends when the socket does. PocketSphinx may end it at
// any time; the parent then takes the next rung for its calls and starts another.
#pragma once

namespace voxanne::speech::pocketsphinx {

// Blocks until the parent is gone. The exit code.
int speech_worker_main(int descriptor);

}  // namespace voxanne::speech::pocketsphinx
