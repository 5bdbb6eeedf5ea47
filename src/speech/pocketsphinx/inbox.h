// Where the link's thread leaves a stream's answers. It lives on the stream's shard: the link only
// ever posts to the shard, holding it weakly, so that it dies there too.
#pragma once

#include "async/event.h"
#include "speech/pocketsphinx/protocol.h"

#include <boost/asio/post.hpp>

#include <deque>
#include <functional>
#include <memory>
#include <optional>

namespace voxanne::speech::pocketsphinx {

struct Inbox {
  explicit Inbox(async::Executor executor) : changed(executor) {}

  async::Event changed;
  std::deque<Hypothesis> heard;
  bool opened = false;
  std::optional<Error> gone;
  std::uint32_t utterance = 0;  // the one being spoken; partials of earlier ones are stale
};

// The link's handle on an Inbox. Any thread.
class InboxAddress {
 public:
  InboxAddress(async::Executor shard, std::weak_ptr<Inbox> inbox) : shard_(shard), inbox_(std::move(inbox)) {}

  void opened() const {
    deliver([](Inbox& inbox) { inbox.opened = true; });
  }
  void gone(Error error) const {
    deliver([error = std::move(error)](Inbox& inbox) {
      if (!inbox.gone) inbox.gone = error;
    });
  }
  void heard(Heard answer) const {
    deliver([answer = std::move(answer)](Inbox& inbox) {
      if (answer.hypothesis.final || answer.utterance == inbox.utterance)
        inbox.heard.push_back(answer.hypothesis);
    });
  }

 private:
  template <class Change>
  void deliver(Change change) const {
    boost::asio::post(shard_, [inbox = inbox_, change = std::move(change)] {
      const auto here = inbox.lock();
      if (!here) return;
      change(*here);
      here->changed.set();
    });
  }

  async::Executor shard_;
  std::weak_ptr<Inbox> inbox_;
};

}  // namespace voxanne::speech::pocketsphinx
