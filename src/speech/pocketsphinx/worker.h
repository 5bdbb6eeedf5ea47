// The child process `voxanne speech-worker`: decodes the streams of one connection, one decoder each,
// in one thread, in the order of the messages. Idle decoders are kept for the next caller with the
// same model.
//
// Two qualities, chosen anew for every utterance by what those who talk cost now, as measured here:
//
//   closed    the organization's model alone: always
//   general   another decoder hears the utterance too, with that model interpolated with general English,
//             at four times the cost; while there is room. What the first one doubts, it may know.
//
// Where decoding falls behind in mid-utterance the second one is let go at once. Decoders of that kind are
// made on a thread of their own and belong to whoever talks. It ends when the connection does, and with its
// parent.
#pragma once

namespace voxanne::speech::pocketsphinx {

// Where the parent puts the connection.
inline constexpr int worker_descriptor = 3;

struct WorkerLimits {
  // Callers at a time who are understood with general English as well (stock_model.h), each 50 MB;
  // 0: nobody, and the stock model is not loaded.
  unsigned general_callers = 2;
  // Share of a core that those who talk may cost together for one more to be understood so.
  double general_share = 0.6;
  // Audio that may wait to be decoded meanwhile.
  unsigned general_behind_ms = 400;
};

// Serves protocol.h on the connected socket `fd`, at nice 10, and closes every other descriptor above
// 2. Returns the exit status: 0 when the peer closed, 2 when it does not speak the protocol.
int speech_worker_main(int fd, const WorkerLimits& limits = {});

}  // namespace voxanne::speech::pocketsphinx
