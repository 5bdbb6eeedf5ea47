// One call's life, from its leg to its verdict.
//
//   ring ─▶ answer ─▶ converse, recorded ─▶ hang up ─▶ file: verdict, summary, recording queued
//
// Whatever happens on the way, file() ends with exactly one verdict written and one call.ended
// published, unless the process dies, and then recovery writes it.
//
// Lifecycle: construct, co_await run(), co_await file(), destroy. The line is free after run(): records
// may take as long as the disk does. end() and say() may come at any time before that. Owner: the
// Switchboard. Executor: the leg's shard.
#pragma once

#include "calls/ledger.h"
#include "calls/services.h"
#include "calls/summary.h"
#include "media/tee.h"
#include "recordings/recorder.h"
#include "telephony/leg.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace voxanne::calls {

class Session final : private telephony::LegObserver, private conversation::ConversationObserver {
 public:
  // Turns as they become final and partials, for a leg that shows them to its caller (a browser).
  using OnTranscript = std::function<void(domain::Speaker, std::string_view text, bool final)>;

  // `stored`: the call's row is durable already (it was placed through the API).
  Session(Services& services, std::unique_ptr<telephony::Leg> leg, Subject subject, bool stored,
          OnTranscript on_transcript = {});
  ~Session() override;

  // Until the leg has ended.
  async::Task<> run();
  // Until all of it is durable, or a minute has passed; does not throw.
  async::Task<> file();
  // Ends the call now, with this verdict unless it has one already.
  void end(domain::Verdict why);
  // Set once the verdict is durable; it may outlive the session, and then stays as it was.
  std::shared_ptr<async::Event> filed() const { return filed_; }
  // The assistant says this next. Error: conflict (call_not_answered).
  Result<> say(std::string text);

  const domain::Call& call() const noexcept { return call_; }
  const Trace& trace() const noexcept { return trace_; }

 private:
  void on_ringing() override;
  void on_answered() override;
  void on_digit(char digit) override;
  void on_hold(bool held) override;
  void on_ended(const telephony::LegEnd& end) override;

  void on_turn(domain::Turn turn) override;
  void on_partial(domain::Speaker speaker, std::string_view text) override;
  void on_event(std::string_view name, conversation::EventDetails details) override;
  void on_clear_playout() override;

  void open();
  void note_answer();
  async::Task<> talk();
  async::Task<domain::Verdict> converse();
  async::Task<> hang_up();
  async::Task<> write_down();
  async::Task<> guarded(async::Task<> step);  // an exception is logged, and the verdict
  void start_recording(UtcTime at);
  Hands hands();
  async::Task<Result<>> take_message(conversation::TakenMessage taken);
  std::shared_ptr<Ledger::Ticket> write_message(const MessageId& id, conversation::TakenMessage taken);
  void open_gap(std::string question);

  store::CallKey key() const { return {call_.org, call_.id}; }
  void log(std::string type, std::string data = "{}");
  void publish(events::EventType type, std::string data);
  void publish_figures();
  void publish_partials();
  void forget_partial(domain::Speaker speaker);
  std::string call_json() const;

  Services& services_;
  Subject subject_;
  domain::Call& call_ = subject_.call;
  bool stored_;
  OnTranscript on_transcript_;
  const Trace trace_;
  CallFacts facts_;
  int unwritten_turns_ = 0;  // final, and not durable yet
  SteadyTime unwritten_since_{};
  std::vector<std::pair<domain::Speaker, std::string>> partials_;  // the latest of each, to be published
  std::optional<domain::Verdict> verdict_;
  std::unordered_map<MessageId, std::shared_ptr<Ledger::Ticket>> messages_;  // taken down so far

  // Between the call's audio and its recorder, which may come later than the answer.
  class RecordingTap final : public media::Tap {
   public:
    void on_frames(const audio::Frame& heard, const audio::Frame& said) override {
      if (recorder) recorder->on_frames(heard, said);
    }
    void on_skipped(int slots) override {
      if (recorder) recorder->on_skipped(slots);
    }
    std::unique_ptr<recordings::Recorder> recorder;
  };
  RecordingTap tap_;
  std::optional<milliseconds> recorded_since_;  // from answer; while it is recorded
  std::unique_ptr<conversation::Conversation> conversation_;
  std::unique_ptr<media::Tee> tee_;
  std::unique_ptr<telephony::Leg> leg_;  // before what it calls into
  async::Event answered_, leg_ended_;
  const std::shared_ptr<async::Event> filed_;
  Ledger ledger_;
};

}  // namespace voxanne::calls
