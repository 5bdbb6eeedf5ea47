// Looking back on a call without a language model: what was asked and what came of it, from its
// turns. Pure.
#pragma once

#include "domain/call.h"
#include "store/calls.h"

#include <string>
#include <vector>

namespace voxanne::calls {

struct CallFacts {
  std::vector<domain::Turn> turns;
  int messages_taken = 0;
  int questions_unanswered = 0;
};

// outcome: message-taken, answered, not-answered, talked or no-conversation, in this order of
// precedence. The summary is one to three sentences for a manager who scans a list.
store::CallSummary summarize(const CallFacts& facts);

}  // namespace voxanne::calls
