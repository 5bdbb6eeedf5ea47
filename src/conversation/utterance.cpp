#include "conversation/utterance.h"

#include "conversation/phrases.h"

#include <algorithm>

namespace voxanne::conversation {
namespace {

constexpr std::size_t longest_sentence = 2'000;     // characters
constexpr std::size_t longest_audio_seconds = 180;  // of one sentence

// Never inside a character: the cut falls before the last space.
std::string bounded(std::string text) {
  if (text.size() <= longest_sentence) return text;
  const auto space = text.rfind(' ', longest_sentence);
  text.resize(space == std::string::npos ? 0 : space);
  return text;
}

}  // namespace

Utterance::Utterance(async::Executor executor, int rate)
    : rate_(rate), changed_(executor), drained_(executor), finished_(executor) {}

void Utterance::add(std::string_view text, std::string source, Part part) {
  if (closed_ || interrupted_) return;
  // One by one: the first is heard sooner, and a prompt that is kept as audio is found by its text.
  for (auto& sentence : sentences_of(text))
    if (auto kept = bounded(std::move(sentence)); !kept.empty())
      sentences_.push_back({.text = std::move(kept), .source = source, .part = part});
  changed_.set();
}

void Utterance::add_tone() {
  if (closed_ || interrupted_) return;
  sentences_.push_back({.text = {}, .source = {}, .part = Part::tone});
  changed_.set();
}

void Utterance::close() {
  closed_ = true;
  changed_.set();
}

void Utterance::interrupt() {
  interrupted_ = closed_ = true;
  changed_.set();
  drained_.set();
  finished_.set();
}

async::Task<std::optional<std::size_t>> Utterance::next_unspoken() {
  while (unspoken_ >= sentences_.size()) {
    if (closed_) co_return std::nullopt;
    changed_.reset();
    co_await changed_.wait();
  }
  if (interrupted_) co_return std::nullopt;
  co_return unspoken_++;
}

void Utterance::append(std::size_t index, speech::SpeechChunk chunk, std::size_t from,
                       std::size_t stream_start) {
  auto& sentence = sentences_[index];
  const std::size_t longest = longest_audio_seconds * static_cast<std::size_t>(rate_);
  const std::size_t room = longest - std::min(longest, sentence.made);
  chunk.samples.resize(std::min(chunk.samples.size(), room));
  sentence.samples.insert(sentence.samples.end(), chunk.samples.begin(), chunk.samples.end());
  sentence.made += chunk.samples.size();
  for (const auto& word : chunk.words) {
    speech::SpokenWord placed{std::min(from + word.text_end, sentence.text.size()),
                              stream_start + word.sample_end};
    if (!sentence.words.empty()) {  // marks come from a provider: they must not go back
      placed.text_end = std::max(placed.text_end, sentence.words.back().text_end);
      placed.sample_end = std::max(placed.sample_end, sentence.words.back().sample_end);
    }
    sentence.words.push_back(placed);
  }
}

void Utterance::complete(std::size_t index, bool whole) {
  auto& sentence = sentences_[index];
  sentence.complete = true;
  if (!whole || sentence.made == 0) return;
  // The end of the last word is the end of the sentence, full stop included; a provider without
  // marks has said it all or nothing.
  if (sentence.words.empty()) sentence.words.push_back({0, sentence.made});
  auto& last = sentence.words.back();
  last.text_end = sentence.text.size();
  last.sample_end = std::min(last.sample_end, sentence.made);
}

std::size_t Utterance::cut_to_whole_words(std::size_t index) {
  auto& sentence = sentences_[index];
  while (!sentence.words.empty() && sentence.words.back().sample_end > sentence.made)
    sentence.words.pop_back();
  const std::size_t whole = sentence.words.empty() ? 0 : sentence.words.back().sample_end;
  sentence.made = std::max(whole, sentence.played);
  sentence.samples.resize(sentence.made);
  const std::size_t from = sentence.words.empty() ? 0 : sentence.words.back().text_end;
  const auto next = sentence.text.find_first_not_of(" ,.;:!?", from);
  return next == std::string::npos ? sentence.text.size() : next;
}

milliseconds Utterance::buffered() const {
  std::size_t samples = 0;
  for (std::size_t i = playing_; i < sentences_.size(); ++i)
    samples += sentences_[i].made - sentences_[i].played;
  return duration(samples);
}

async::Task<> Utterance::until_buffered_below(milliseconds level) {
  while (!interrupted_ && buffered() >= level) {
    drained_.reset();
    co_await drained_.wait();
  }
}

std::span<const audio::Sample> Utterance::due(std::size_t count) {
  while (playing_ < sentences_.size()) {
    auto& sentence = sentences_[playing_];
    if (sentence.played < sentence.made)
      return std::span{sentence.samples}.subspan(sentence.played,
                                                 std::min(count, sentence.made - sentence.played));
    if (!sentence.complete) break;
    sentence.samples = {};
    if (++playing_ < sentences_.size()) sentences_[playing_].begin = played_;
  }
  return {};
}

void Utterance::play(std::size_t count) {
  sentences_[playing_].played += count;
  played_ += count;
  drained_.set();
}

void Utterance::tick(milliseconds playout_delay) {
  const auto behind =
      static_cast<std::size_t>(std::max<std::int64_t>(playout_delay.count(), 0)) / audio::frame_ms;
  history_[++slots_ % history_.size()] = played_;
  const auto back = std::min({behind, slots_, history_.size() - 1});
  heard_ = std::max(heard_, history_[(slots_ - back) % history_.size()]);
  if (closed_ && playing_ >= sentences_.size() && heard_ == played_ && !done_) {
    done_ = true;
    finished_.set();
  }
}

void Utterance::rewind_to_word() {
  if (playing_ >= sentences_.size()) return;
  auto& sentence = sentences_[playing_];
  std::size_t start = 0;
  for (const auto& word : sentence.words)
    if (word.sample_end <= sentence.played) start = word.sample_end;
  played_ -= sentence.played - start;
  sentence.played = start;
  heard_ = std::min(heard_, played_);
  history_.fill(played_);
}

std::size_t Utterance::heard_of(const Sentence& sentence) const {
  if (heard_ <= sentence.begin) return 0;
  const std::size_t heard = heard_ - sentence.begin;
  std::size_t end = 0;
  for (const auto& word : sentence.words)
    if (word.sample_end <= heard) end = word.text_end;
  return end;
}

std::string Utterance::heard_text(bool replies_only) const {
  std::string text;
  for (std::size_t i = 0; i < sentences_.size() && i <= playing_; ++i) {
    if (replies_only && sentences_[i].part != Part::sentence) continue;
    const auto heard = heard_of(sentences_[i]);
    if (heard == 0) continue;
    if (!text.empty()) text += ' ';
    text.append(sentences_[i].text, 0, heard);
  }
  return text;
}

bool Utterance::sentence_started() const {
  return std::ranges::any_of(sentences_,
                             [](const Sentence& s) { return s.part == Part::sentence && s.played > 0; });
}

std::string Utterance::text() const {
  std::string text;
  for (const auto& sentence : sentences_) {
    if (sentence.text.empty()) continue;
    if (!text.empty()) text += ' ';
    text += sentence.text;
  }
  return text;
}

std::string Utterance::source() const {
  for (const auto& sentence : sentences_)
    if (!sentence.source.empty() && heard_of(sentence) > 0) return sentence.source;
  return {};
}

}  // namespace voxanne::conversation
