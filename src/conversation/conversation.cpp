#include "conversation/conversation.h"

#include "base/unhandled.h"
#include "conversation/phrases.h"

#include <boost/asio/experimental/awaitable_operators.hpp>

#include <utility>

namespace voxanne::conversation {
namespace {

using namespace async::asio::experimental::awaitable_operators;

// A reply that was heard for less was talked over by a caller who had not finished.
constexpr milliseconds barely_heard{1'000};
// "Yes" over the end of a question answers it if the question ends so soon after.
constexpr milliseconds answer_overlap{1'000};
constexpr std::size_t most_announcements = 16;
constexpr int most_sentences = 60;     // of one reply
constexpr int announcements_said = 2;  // when it is talked over, once more
constexpr int most_failures = 3;       // turns in a row that could not be answered, or not be spoken

SpeakerOptions speaker_options(const ConversationOptions& options) {
  return {.voice = options.assistant.voice, .rate = options.rate, .playout_delay = options.playout_delay};
}

}  // namespace

std::vector<std::string> fixed_sentences(const Prompts& prompts, const domain::Assistant& assistant) {
  const ResponderLadderOptions ladder;
  std::vector<std::string> all;
  for (const auto* text : {&assistant.consent_announcement, &assistant.greeting, &assistant.goodbye,
                           &prompts.filler, &prompts.still_there, &prompts.still_here, &prompts.nobody_there,
                           &prompts.minute_left, &prompts.time_up, &ladder.again, &ladder.apology})
    for (auto& sentence : sentences_of(*text)) all.push_back(std::move(sentence));
  return all;
}

Conversation::Conversation(async::Executor executor, async::Clock& clock, ConversationOptions options,
                           Providers providers, ConversationObserver& observer)
    : clock_(clock),
      options_(std::move(options)),
      observer_(observer),
      speaker_(executor, clock, speaker_options(options_), std::move(providers.synthesizers), observer),
      listener_(executor, clock, {.org = options_.org, .rate = options_.rate}, options_.voice_detector,
                std::move(providers.recognizers), *this, observer),
      responders_(clock, {}, std::move(providers.responders), observer),
      turns_(options_.timing),
      idle_({.prompt_after = options_.assistant.idle_prompt_after,
             .max_duration = options_.assistant.max_duration}),
      wake_(executor),
      interrupted_(executor),
      stopped_(executor),
      tasks_(executor, "conversation", [this](std::exception_ptr) {
        finish("pipeline-error-internal", domain::FaultParty::us, "a task of the conversation failed");
      }) {}

async::Task<ConversationEnd> Conversation::run() {
  tasks_.spawn(listener_.run());
  try {
    co_await (converse() || stopped_.wait());
  } catch (const std::exception&) {
    if (async::is_cancellation(std::current_exception())) {
      finish(domain::ended::shutdown);
    } else {
      log::unhandled("conversation.failed", std::current_exception(),
                     {{"callId", options_.call_id}, {"orgId", options_.org}, {"traceId", options_.trace_id}});
      finish("pipeline-error-internal", domain::FaultParty::us, "an exception ended the conversation");
    }
  }
  // What still runs must end before its owner is destroyed, cancelled or not.
  co_await async::asio::this_coro::reset_cancellation_state(async::asio::disable_cancellation());
  over_ = true;
  speaker_.interrupt();
  end_saying();
  co_await tasks_.stop();
  co_await speaker_.stop();
  co_return *end_;
}

async::Task<> Conversation::converse() {
  if (!options_.assistant.consent_announcement.empty()) co_await announce();
  co_await speak(options_.assistant.greeting);
  while (auto input = co_await next_input()) co_await answer(std::move(*input));
}

// What it is said for (a recording) begins when it has been heard to its end, or not at all.
async::Task<> Conversation::announce() {
  for (int said = 0; said < announcements_said && !end_; ++said) {
    turns_.closing(true);
    const int failures = speaker_.failures();
    const bool heard = co_await speak(options_.assistant.consent_announcement);
    turns_.closing(false);
    if (!heard || speaker_.failures() > failures) continue;
    observer_.on_event(consent_announced, {});
    co_return;
  }
  if (!end_) observer_.on_event("consent_not_announced", {});
}

async::Task<std::optional<Conversation::Input>> Conversation::next_input() {
  while (!end_) {
    if (time_up_) {
      co_await say_goodbye(options_.prompts.time_up, domain::ended::max_duration);
    } else if (failed_for_good()) {
      break;
    } else if (std::exchange(told_deaf_, listener_.deaf()) != listener_.deaf() && listener_.deaf()) {
      co_return Input{.input = {.kind = CallerInput::Kind::deaf}, .known = clock_.now()};
    } else if (auto input = take_input()) {
      co_return input;
    } else if (!announcements_.empty() && !turns_.caller_speaks()) {
      auto text = std::move(announcements_.front());
      announcements_.pop_front();
      co_await speak(std::move(text));
    } else if (nudge_ != Idle::Action::none || filler_due_) {
      co_await follow_nudge();
    } else {
      wake_.reset();
      co_await wake_.wait();
    }
  }
  co_return std::nullopt;
}

// The next input, unless the caller is still adding to it. Keys where keys are asked for do not wait, but for
// those whose reply was withdrawn: what took their reply's turn is still going on.
std::optional<Conversation::Input> Conversation::take_input() {
  using Kind = CallerInput::Kind;
  const bool keys_next = !inputs_.empty() && inputs_.front().input.kind == Kind::digits;
  const bool said_again = unanswered_ && (unanswered_->input.kind == Kind::speech ||
                                          unanswered_->input.kind == Kind::not_understood);
  const bool other_again = unanswered_ && !said_again;
  const bool keys_wanted = responders_.expects_digits() || responders_.takes_number();
  const bool keys_first = keys_next && !other_again && (!said_again || keys_wanted);
  if (!keys_first && (turns_.caller_speaks() || !ended_.empty())) return std::nullopt;
  // Keys and guidance are no beginning of what was said since, and what was said none of keys: each is
  // answered before what came after it.
  if (inputs_.empty() || other_again || (said_again && keys_next && !keys_first))
    return std::exchange(unanswered_, std::nullopt);

  Input taken = std::move(inputs_.front());
  inputs_.pop_front();
  auto before = std::exchange(unanswered_, std::nullopt);
  if (before && taken.input.kind == Kind::not_understood) {
    before->input.end_ms = taken.input.end_ms;
    return before;
  }
  const auto add = [](Input& to, Input&& more) {
    const auto a = static_cast<double>(to.input.text.size()), b = static_cast<double>(more.input.text.size());
    more.input.confidence = (to.input.confidence * a + more.input.confidence * b) / (a + b);
    if (!to.input.text.empty()) more.input.text = to.input.text + " " + more.input.text;
    more.input.start_ms = to.input.start_ms;
    to = std::move(more);
  };
  const auto is_speech = [](const Input& i) { return i.input.kind == Kind::speech; };
  if (before && is_speech(taken)) {
    add(*before, std::move(taken));
    taken = std::move(*before);
  }
  while (is_speech(taken) && !inputs_.empty() && is_speech(inputs_.front())) {
    add(taken, std::move(inputs_.front()));
    inputs_.pop_front();
  }
  return taken;
}

async::Task<> Conversation::answer(Input input) {
  interrupted_.reset();
  bool hang_up = false;
  // Of a message it is the voice that counts.
  const bool again = input.input.kind != CallerInput::Kind::not_understood || responders_.expects_message();
  begin_saying(true);
  saying_->latency = input.latency;
  saying_->input_known = input.known;
  const auto utterance = saying_->utterance;
  waited_since_ = now_;
  turns_.assistant(TurnTaker::Assistant::thinking);
  co_await (deliver(input, utterance, hang_up) || interrupted_.wait());
  waited_since_.reset();
  turns_.closing(false);

  if (utterance->interrupted()) {
    const auto heard = utterance->heard_text(true);
    const bool barely =
        input.input.kind != CallerInput::Kind::digits && utterance->heard_for() < barely_heard;
    const bool unfinished = again && !hang_up && !time_up_ && (heard.empty() || barely);
    responders_.interrupted(unfinished ? std::string_view{} : std::string_view{heard});
    if (unfinished) unanswered_ = std::move(input);
  } else {
    end_saying();
    if (hang_up) finish(domain::ended::assistant);
    take_early_answer();
  }
  early_.reset();
  set_awaiting();
}

// "Yes" over the end of a question that was heard out.
void Conversation::take_early_answer() {
  if (early_ && now_ - milliseconds{early_->input.end_ms} <= answer_overlap + options_.timing.open_pause)
    push(std::move(*early_));
  early_.reset();
}

async::Task<> Conversation::deliver(const Input& input, std::shared_ptr<Utterance> utterance, bool& hang_up) {
  const auto reply = responders_.respond(input.input);
  for (int sentences = 0; sentences < most_sentences; ++sentences) {
    auto part = co_await reply->next();
    set_awaiting();
    if (!part || !*part) break;
    if ((*part)->kind == ReplyPart::Kind::hang_up) {
      hang_up = true;
      turns_.closing(true);
      if (sentences == 0) add_sentence(*utterance, options_.assistant.goodbye, {}, Utterance::Part::sentence);
      break;
    }
    if ((*part)->kind == ReplyPart::Kind::tone)
      utterance->add_tone();
    else
      add_sentence(*utterance, (*part)->text, std::move((*part)->source), Utterance::Part::sentence);
  }
  utterance->close();
  co_await utterance->finished();
}

async::Task<bool> Conversation::speak(std::string text) {
  begin_saying(false);
  const auto utterance = saying_->utterance;
  add_sentence(*utterance, text, {}, Utterance::Part::sentence);
  utterance->close();
  co_await utterance->finished();
  if (utterance->interrupted()) co_return false;
  end_saying();
  take_early_answer();
  co_return true;
}

async::Task<> Conversation::say_goodbye(std::string text, std::string_view reason) {
  turns_.closing(true);
  // On hold nobody hears it, and it would never end.
  const bool said = held_ || co_await speak(std::move(text) + " " + options_.assistant.goodbye);
  turns_.closing(false);
  if (said || reason != domain::ended::silence) finish(reason);
}

async::Task<> Conversation::follow_nudge() {
  if (std::exchange(filler_due_, false)) {
    observer_.on_event("filler", {});
    co_await speak(options_.prompts.filler);
    co_return;
  }
  switch (std::exchange(nudge_, Idle::Action::none)) {
    case Idle::Action::prompt:
      observer_.on_event("idle_prompt", {{"count", idle_.prompted()}});
      // The deaf cannot hear that somebody is there: the keys are said again.
      if (listener_.deaf())
        inputs_.push_back({.input = {.kind = CallerInput::Kind::deaf}, .known = clock_.now()});
      else
        co_await speak(idle_.prompted() == 1 ? options_.prompts.still_there : options_.prompts.still_here);
      break;
    case Idle::Action::give_up:
      observer_.on_event("silence_timed_out", {});
      co_await say_goodbye(options_.prompts.nobody_there, domain::ended::silence);
      break;
    case Idle::Action::warn:
      observer_.on_event("duration_warning", {});
      co_await speak(options_.prompts.minute_left);
      break;
    case Idle::Action::time_up:
    case Idle::Action::none:
      break;
  }
}

bool Conversation::failed_for_good() {
  if (speaker_.failures() >= most_failures)
    finish("pipeline-error-synthesizer", domain::FaultParty::provider, "no synthesizer could speak");
  else if (responders_.failures() >= most_failures)
    finish("pipeline-error-responder", domain::FaultParty::provider, "no responder could answer");
  return end_.has_value();
}

void Conversation::begin_saying(bool reply) {
  end_saying();
  saying_ = Saying{.utterance = speaker_.begin(), .reply = reply};
  turns_.assistant(TurnTaker::Assistant::quiet);
  turns_.assistant_says({});
}

void Conversation::add_sentence(Utterance& utterance, std::string_view text, std::string source,
                                Utterance::Part part) {
  utterance.add(text, std::move(source), part);
  if (!saying_ || saying_->utterance.get() != &utterance) return;
  if (part == Utterance::Part::sentence && !saying_->first_sentence) {
    saying_->first_sentence = clock_.now();
    if (saying_->reply) {
      saying_->latency.thinking_ms =
          static_cast<int>(std::chrono::floor<milliseconds>(clock_.now() - saying_->input_known).count());
      waited_since_.reset();
    }
  }
  const auto all = utterance.text();
  turns_.assistant_says(all);
  observer_.on_partial(domain::Speaker::assistant, all);
}

// The assistant's turn is what the caller heard of it.
void Conversation::end_saying() {
  if (!saying_) return;
  const auto said = *std::exchange(saying_, std::nullopt);
  turns_.assistant(TurnTaker::Assistant::quiet);
  auto text = said.utterance->heard_text();
  if (text.empty()) return;
  observer_.on_turn({.id = TurnId::make(),
                     .speaker = domain::Speaker::assistant,
                     .text = std::move(text),
                     .start_ms = static_cast<int>(said.started.value_or(now_).count()),
                     .end_ms = static_cast<int>(now_.count()),
                     .confidence = std::nullopt,
                     .interrupted = said.utterance->interrupted(),
                     .source = said.utterance->source(),
                     .latency = said.latency});
}

void Conversation::set_awaiting() {
  turns_.await(responders_.expects_message()  ? TurnTaker::Awaiting::message
               : responders_.expects_digits() ? TurnTaker::Awaiting::digits
                                              : TurnTaker::Awaiting::words);
}

void Conversation::finish(std::string_view reason, domain::FaultParty fault, std::string detail) {
  const bool nobody = fault == domain::FaultParty::nobody;
  stop({.status = nobody ? domain::CallStatus::ended : domain::CallStatus::failed,
        .reason = std::string{reason},
        .fault = fault,
        .detail = std::move(detail)});
}

void Conversation::say(std::string text) {
  if (announcements_.size() >= most_announcements) announcements_.pop_front();
  announcements_.push_back(std::move(text));
  wake_.set();
}

void Conversation::stop(ConversationEnd why) {
  if (!end_) end_ = std::move(why);
  stopped_.set();
}

}  // namespace voxanne::conversation
