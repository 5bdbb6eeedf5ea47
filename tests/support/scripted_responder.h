// A responder whose replies are written beforehand. Each respond() takes the next ScriptedReply;
// when none is left it says "Certainly."
//
//   responder->script = {{.parts = {{.text = "We open at nine."}}, .thinking = 300ms}};
//
// Header only: it stands on conversation/responder.h, which only conversation's own tests link.
#pragma once

#include "async/clock.h"
#include "conversation/responder.h"

#include <deque>
#include <optional>
#include <string>
#include <vector>

namespace voxanne::test {

struct ScriptedReply {
  std::vector<conversation::ReplyPart> parts{};
  milliseconds thinking{0};  // before the first part
  milliseconds between{0};   // before each further part
  // Before this part: an error, or nothing ever again.
  std::optional<std::size_t> fail_before{}, hang_before{};
};

class ScriptedResponder final : public conversation::Responder {
 public:
  explicit ScriptedResponder(async::Clock& clock, std::string name = "scripted")
      : clock_(clock), name_(std::move(name)) {}

  std::string_view name() const override { return name_; }
  std::unique_ptr<conversation::Reply> respond(const conversation::CallerInput& input) override {
    inputs.push_back(input);
    ScriptedReply reply{.parts = {{.text = "Certainly."}}};
    if (!script.empty()) {
      reply = std::move(script.front());
      script.pop_front();
    }
    return std::make_unique<ReplyOf>(clock_, std::move(reply));
  }
  void interrupted(std::string_view text) override { heard.emplace_back(text); }
  bool expects_digits() const override { return digits; }
  bool takes_number() const override { return number; }
  bool expects_message() const override { return message; }
  bool in_dialogue() const override { return dialogue; }

  std::deque<ScriptedReply> script;
  bool digits = false, number = false, message = false, dialogue = false;

  // What happened.
  std::vector<conversation::CallerInput> inputs;
  std::vector<std::string> heard;  // what interrupted() was told

 private:
  class ReplyOf final : public conversation::Reply {
   public:
    ReplyOf(async::Clock& clock, ScriptedReply reply) : clock_(clock), reply_(std::move(reply)) {}

    async::Task<Result<std::optional<conversation::ReplyPart>>> next() override {
      const auto wait = at_ == 0 ? reply_.thinking : reply_.between;
      if (wait.count() > 0) co_await clock_.sleep_for(wait);
      if (reply_.hang_before == at_) co_await clock_.sleep_until(SteadyTime::max());
      if (reply_.fail_before == at_) co_return unavailable("responder_gone", "the scripted responder failed");
      if (at_ >= reply_.parts.size()) co_return std::nullopt;
      co_return reply_.parts[at_++];
    }

   private:
    async::Clock& clock_;
    ScriptedReply reply_;
    std::size_t at_ = 0;
  };

  async::Clock& clock_;
  std::string name_;
};

}  // namespace voxanne::test
