#include "async/priority.h"

#include <sched.h>

namespace voxanne::async {
namespace {

bool take(int priority) {
  const sched_param parameters{.sched_priority = priority};
  return sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &parameters) == 0;
}

}  // namespace

bool run_in_real_time(RealTime level) {
  const bool two_levels = take(static_cast<int>(RealTime::audio));
  if (level == RealTime::audio) return two_levels || take(static_cast<int>(RealTime::recording));
  return two_levels && take(static_cast<int>(RealTime::recording));
}

}  // namespace voxanne::async
