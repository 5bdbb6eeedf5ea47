#include "conversation/responder_ladder.h"

#include <stdexcept>
#include <utility>

namespace voxanne::conversation {

class ResponderLadder::LadderReply final : public Reply {
 public:
  LadderReply(ResponderLadder& ladder, CallerInput input)
      : ladder_(ladder),
        input_(std::move(input)),
        rung_(ladder.first_for(input_)),
        trial_({}, ladder.clock_) {}

  async::Task<Result<std::optional<ReplyPart>>> next() override {
    for (;;) {
      if (!reply_ && !choose()) co_return give_up();
      if (std::exchange(put_again_, false)) co_return ReplyPart{.text = ladder_.options_.again};
      auto part = co_await answer_of(ladder_.clock_, deadline(), reply_->next());
      if (part && *part) {
        spoke_ |= (*part)->kind == ReplyPart::Kind::sentence;
        ladder_.failures_ = 0;
        co_return part;
      }
      if (part && spoke_) {
        trial_.succeeded();
        co_return part;
      }
      failed(part ? internal("empty_reply", "the responder had nothing to say") : part.error());
    }
  }

 private:
  bool last() const { return rung_ + 1 >= ladder_.ladder_.size(); }

  bool choose() {
    while (rung_ < ladder_.ladder_.size()) {
      auto& rung = ladder_.ladder_[rung_];
      if (!may_try(rung, ladder_.clock_.now())) {
        ++rung_;
        continue;
      }
      trial_ = Trial{rung.breaker, ladder_.clock_};
      ladder_.answering_ = rung_;
      try {
        reply_ = rung.provider->respond(input_);
        return true;
      } catch (const std::exception& e) {
        failed(internal("provider_threw", e.what()));
      }
    }
    return false;
  }

  async::Deadline deadline() const {
    const auto& options = ladder_.options_;
    return async::Deadline::after(ladder_.clock_, spoke_   ? options.next_sentence_within
                                                  : last() ? options.last_rung_within
                                                           : options.first_sentence_within);
  }

  void failed(const Error& error) {
    trial_.failed(error);
    ladder_.observer_.on_event("provider_failed",
                               {{"role", "responder"},
                                {"provider", std::string{ladder_.ladder_[rung_].provider->name()}},
                                {"code", error.code}});
    reply_.reset();
    put_again_ = std::exchange(spoke_, false);
    ++rung_;
  }

  std::optional<ReplyPart> give_up() {
    if (std::exchange(apologized_, true)) return std::nullopt;
    ++ladder_.failures_;
    return ReplyPart{.text = ladder_.options_.apology};
  }

  ResponderLadder& ladder_;
  CallerInput input_;
  std::size_t rung_;
  std::unique_ptr<Reply> reply_;
  Trial trial_;
  bool spoke_ = false, put_again_ = false, apologized_ = false;
};

ResponderLadder::ResponderLadder(async::Clock& clock, ResponderLadderOptions options,
                                 Ladder<Responder> ladder, ConversationObserver& observer)
    : clock_(clock), options_(std::move(options)), ladder_(std::move(ladder)), observer_(observer) {
  if (ladder_.empty()) throw std::invalid_argument("a conversation needs at least the house responder");
}

std::unique_ptr<Reply> ResponderLadder::respond(const CallerInput& input) {
  return std::make_unique<LadderReply>(*this, input);
}

std::optional<TakenMessage> ResponderLadder::unfinished() const {
  for (const auto& rung : ladder_)
    if (auto message = rung.provider->unfinished()) return message;
  return std::nullopt;
}

void ResponderLadder::interrupted(std::string_view heard) { answering().interrupted(heard); }

std::size_t ResponderLadder::first_for(const CallerInput& input) const {
  if (answering().in_dialogue()) return answering_;
  if (input.kind == CallerInput::Kind::not_understood || input.kind == CallerInput::Kind::deaf)
    return ladder_.size() - 1;
  return 0;
}

}  // namespace voxanne::conversation
