// A whole call on a virtual clock: a leg that exchanges a frame every 20 ms, a caller who speaks,
// presses keys and hangs up when told to, and a record of everything that was said, by slot.
//
//   CallScene scene;
//   scene.caller_says(3s, 1500ms, {.text = "when are you open"});
//   scene.start();
//   scene.run_until(10s);
//   scene.turns, scene.events, scene.is_audible(4s) …
//
// Header only: it stands on conversation/, which only its own tests link.
#pragma once

#include "async/task_group.h"
#include "conversation/conversation.h"
#include "support/scripted_recognizer.h"
#include "support/scripted_responder.h"
#include "support/scripted_synthesizer.h"
#include "support/virtual_clock.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace voxanne::test {

class CallScene final : public conversation::ConversationObserver {
 public:
  struct Event {
    milliseconds at;
    std::string name;
    conversation::EventDetails details;
  };

  CallScene() {
    options.assistant.greeting = "Hello.";
    options.assistant.goodbye = "Bye.";
    options.org = "demo";
    options.playout_delay = [this] { return playout_delay; };
    options.voice_detector = [](const audio::Frame& frame) {
      return conversation::Voiced{.speech = std::abs(frame.pcm[0]) > 500};
    };
    recognizers = {{recognizer}};
    synthesizers = {{synthesizer}};
    responders = {{responder}};
  }
  ~CallScene() override { end(); }

  // Before start(), or while running for what is still to come.
  void caller_says(milliseconds at, milliseconds lasting, ScriptedUtterance heard_as) {
    caller_sounds(at, lasting);
    recognizer->script.push_back(std::move(heard_as));
  }
  // Real sound instead, at the call's rate, from `at` on; with a voice detector that listens.
  void caller_plays(milliseconds at, std::vector<audio::Sample> sound) {
    sound_.resize(std::max(sound_.size(), sample_at(at)));
    sound_.insert(sound_.begin() + static_cast<std::ptrdiff_t>(sample_at(at)), sound.begin(), sound.end());
  }
  void caller_sounds(milliseconds at, milliseconds lasting) { speech_.emplace_back(at, at + lasting); }
  void caller_presses(milliseconds at, std::string keys) {
    for (const char key : keys) {
      at_[at].push_back([this, key] { conversation->on_digit(key); });
      at += milliseconds{100};
    }
  }
  void at(milliseconds time, std::function<void()> what) { at_[time].push_back(std::move(what)); }

  void start() {
    conversation = std::make_unique<conversation::Conversation>(
        loop.get_executor(), clock, options, conversation::Providers{recognizers, synthesizers, responders},
        *this);
    group_.spawn([](CallScene& scene) -> async::Task<> {
      scene.verdict = co_await scene.conversation->run();
      scene.ended_at = scene.now;
    }(*this));
    clock.settle();
  }

  void run_until(milliseconds end) {
    while (now < end) slot();
  }
  // Until the conversation ends by itself; false when it did not by then.
  bool run_to_end(milliseconds latest) {
    while (!verdict && now < latest) slot();
    return verdict.has_value();
  }
  void hang_up() {
    conversation->stop({.status = domain::CallStatus::ended,
                        .reason = std::string{domain::ended::customer},
                        .fault = domain::FaultParty::nobody,
                        .detail = {}});
  }
  // Hangs up, and lets everything end.
  void end() {
    if (!conversation) return;
    hang_up();
    clock.run_for(milliseconds{20'000});
    if (!verdict) std::abort();  // a conversation that cannot be ended
    conversation.reset();
  }

  bool is_audible(milliseconds time) const { return loudest(time, time + milliseconds{20}) > 0; }
  int loudest(milliseconds from, milliseconds to) const {
    int level = 0;
    for (auto i = sample_at(from); i < sample_at(to) && i < said.size(); ++i)
      level = std::max(level, std::abs(said[i]));
    return level;
  }
  // The first slot from `from` on in which something is said.
  std::optional<milliseconds> first_audible(milliseconds from) const {
    for (auto t = from; t < now; t += milliseconds{20})
      if (is_audible(t)) return t;
    return std::nullopt;
  }
  // The longest time in which nobody made a sound, between `from` and `to`.
  milliseconds longest_silence(milliseconds from, milliseconds to) const {
    milliseconds longest{0}, silent{0};
    for (auto t = from; t < std::min(to, now); t += milliseconds{20}) {
      silent = is_audible(t) || caller_speaks(t) ? milliseconds{0} : silent + milliseconds{20};
      longest = std::max(longest, silent);
    }
    return longest;
  }
  // The largest step between neighbouring samples: a click is a step no voice makes.
  int largest_step() const {
    int step = 0;
    for (std::size_t i = 1; i < said.size(); ++i) step = std::max(step, std::abs(said[i] - said[i - 1]));
    return step;
  }

  std::vector<std::string> transcript() const {
    std::vector<std::string> lines;
    for (const auto& turn : turns)
      lines.push_back((turn.speaker == domain::Speaker::caller ? "caller: " : "assistant: ") + turn.text +
                      (turn.interrupted ? " …" : ""));
    return lines;
  }
  const Event* event(std::string_view name) const {
    const auto found = std::ranges::find(events, name, &Event::name);
    return found == events.end() ? nullptr : &*found;
  }
  int count(std::string_view name) const {
    return static_cast<int>(std::ranges::count(events, name, &Event::name));
  }

  async::Loop loop;
  VirtualClock clock{loop};
  std::shared_ptr<ScriptedRecognizer> recognizer =
      std::make_shared<ScriptedRecognizer>(clock, loop.get_executor());
  std::shared_ptr<ScriptedSynthesizer> synthesizer = std::make_shared<ScriptedSynthesizer>(clock);
  std::shared_ptr<ScriptedResponder> responder = std::make_shared<ScriptedResponder>(clock);
  conversation::ConversationOptions options;
  conversation::Ladder<speech::Recognizer> recognizers;
  conversation::Ladder<speech::Synthesizer> synthesizers;
  conversation::Ladder<conversation::Responder> responders;
  milliseconds playout_delay{0};
  // The far end's loudspeaker in its microphone: our own voice comes back.
  double echo = 0;
  milliseconds echo_delay{180};

  std::unique_ptr<conversation::Conversation> conversation;
  milliseconds now{0};  // since answer
  std::vector<audio::Sample> said;
  std::vector<domain::Turn> turns;
  std::vector<Event> events;
  std::vector<std::string> partials;  // "caller: …"
  int clears = 0;
  std::optional<conversation::ConversationEnd> verdict;
  milliseconds ended_at{0};

 private:
  std::size_t sample_at(milliseconds time) const {
    return static_cast<std::size_t>(time.count() * options.rate / 1000);
  }

  bool caller_speaks(milliseconds time) const {
    return std::ranges::any_of(speech_, [&](const auto& s) { return s.first <= time && time < s.second; });
  }

  void slot() {
    while (!at_.empty() && at_.begin()->first <= now) {
      const auto due = at_.extract(at_.begin());
      for (const auto& action : due.mapped()) action();
    }
    audio::Frame heard{.rate = options.rate, .kind = audio::Frame::Kind::voice}, spoken{.rate = options.rate};
    if (caller_speaks(now)) std::ranges::fill(heard.samples(), audio::Sample{3000});
    for (std::size_t i = 0; i < heard.samples().size() && sample_at(now) + i < sound_.size(); ++i)
      heard.samples()[i] = sound_[sample_at(now) + i];
    const auto back = sample_at(echo_delay);
    for (std::size_t i = 0; echo > 0 && i < heard.samples().size(); ++i)
      if (said.size() + i >= back && i < back)
        heard.samples()[i] =
            static_cast<audio::Sample>(heard.samples()[i] + echo * said[said.size() + i - back]);
    conversation->exchange(heard, spoken);
    said.insert(said.end(), spoken.samples().begin(), spoken.samples().end());
    now += milliseconds{audio::frame_ms};
    clock.run_for(milliseconds{audio::frame_ms});
  }

  void on_turn(domain::Turn turn) override { turns.push_back(std::move(turn)); }
  void on_partial(domain::Speaker speaker, std::string_view text) override {
    partials.push_back((speaker == domain::Speaker::caller ? "caller: " : "assistant: ") + std::string{text});
  }
  void on_event(std::string_view name, conversation::EventDetails details) override {
    events.push_back({now, std::string{name}, std::move(details)});
  }
  void on_clear_playout() override { ++clears; }

  std::vector<std::pair<milliseconds, milliseconds>> speech_;
  std::vector<audio::Sample> sound_;
  std::map<milliseconds, std::vector<std::function<void()>>> at_;
  async::TaskGroup group_{loop.get_executor(), "scene"};
};

}  // namespace voxanne::test
