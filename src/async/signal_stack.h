// A stack of its own for the calling thread's signal handlers (SA_ONSTACK), until it ends: one that has run
// over its own can still say so. Threads of the house have one (prepare_thread). At most once per thread;
// where there is no room for one it goes on as it was.
#pragma once

namespace voxanne::async {

void give_signal_stack();

}  // namespace voxanne::async
