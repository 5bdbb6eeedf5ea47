// What a call needs of the house. All of it outlives every call; functions may be called on any
// media shard.
#pragma once

#include "async/clock.h"
#include "base/ids.h"
#include "base/trace.h"
#include "conversation/conversation.h"
#include "conversation/responder.h"
#include "domain/assistant.h"
#include "domain/call.h"
#include "events/bus.h"
#include "media/shard.h"
#include "recordings/spool_writer.h"
#include "store/calls.h"
#include "store/store.h"
#include "telephony/leg.h"

#include <functional>
#include <string>

namespace voxanne::calls {

// One call's hands: what a responder may do in it.
struct Hands {
  conversation::LookUp look_up;
  conversation::TakeMessage take_message;
  std::function<void(std::string question)> on_gap;  // a question that found no answer
  // When in the call its recording began; nullopt: nothing is recorded now.
  std::function<std::optional<milliseconds>()> recorded_since;
};

// Who talks with whom.
struct Subject {
  domain::Call call;
  domain::Assistant assistant;
  domain::Organization organization;
  Trace trace{};  // of the request that placed it; empty: one of its own begins
};

// A call that has ended, for metrics and traces.
struct Ended {
  const domain::Call& call;
  const domain::Verdict& verdict;
  const telephony::MediaStats& media;
  const std::vector<domain::Turn>& turns;
  const Trace& trace;
};

struct Services {
  async::Clock& clock;
  // The journal: takes numbered batches whatever the database does, and answers others within seconds.
  store::Store& store;
  events::Bus& events;
  recordings::SpoolWriter& spool;
  // The ladders of a call on `shard`: shared providers, and responders of its own.
  std::function<conversation::Providers(const media::Shard& shard, const Subject& subject, Hands hands)>
      providers;
  std::function<async::Task<Result<std::optional<conversation::KnowledgeAnswer>>>(OrgId org,
                                                                                  std::string question)>
      look_up;
  // A recording is durable in the queue: work it.
  std::function<void()> upload_queued;
  store::Holder holder;
  // Something to be told outward (webhooks, e-mail) is durable: work it.
  std::function<void()> outward_queued = [] {};
  // Puts the mail that tells of a message into the batch that keeps it; empty: nothing is mailed.
  std::function<void(store::Batch&, const domain::Message&, const domain::Organization&)> mail_message{};
  // Told on the call's shard: neither blocks. May be empty.
  std::function<void(const domain::Turn&)> on_turn{};
  std::function<void(const Ended&)> on_ended{};
};

}  // namespace voxanne::calls
