// The child process `voxanne speech-worker`: decodes the streams of one connection, one decoder each,
// in one thread, in the order of the messages. Idle decoders are kept for the next caller with the
// same model. It ends when the connection does, and with its parent.
#pragma once

namespace voxanne::speech::pocketsphinx {

// Where the parent puts the connection.
inline constexpr int worker_descriptor = 3;

// Serves protocol.h on the connected socket `fd`, at nice 10, and closes every other descriptor above
// 2. Returns the exit status: 0 when the peer closed, 2 when it does not speak the protocol.
int speech_worker_main(int fd);

}  // namespace voxanne::speech::pocketsphinx
