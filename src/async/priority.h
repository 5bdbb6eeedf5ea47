// Real-time scheduling, where it is permitted: audio above all, and below it the threads that write
// recordings, which need little and must not starve beside a busy machine. Everything else is
// scheduled as usual. Threads made from such a thread do not inherit it.
#pragma once

namespace voxanne::async {

enum class RealTime { recording = 1, audio = 2 };

// The calling thread. False: not permitted, and nothing changed. Where only one level is permitted
// (LimitRTPRIO=1) it is audio's.
bool run_in_real_time(RealTime level);

}  // namespace voxanne::async
