#include "telephony/browser/leg.h"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

namespace voxanne::telephony::browser {

namespace {

constexpr int max_frames_under_way = 100;  // 2 s
constexpr int slots_between_marks = 50;    // 1 s
constexpr std::size_t max_marks = 4;
// Until a mark comes back: the page keeps 60 ms in hand, and the network takes its time.
constexpr milliseconds assumed_delay{120};
constexpr milliseconds longest_delay{2'000};
// Beyond this the browser has a backlog, which shrinks when it is sent no silence.
constexpr milliseconds backlog{250};

static_assert(std::endian::native == std::endian::little, "frames are PCM16LE as they lie in memory");

struct Words {
  std::uint16_t code;
  std::string reason;
};

Words words_of(Refusal why, seconds retry_after) {
  const std::string later = "; try again in " + std::to_string(retry_after.count()) + " s";
  switch (why) {
    case Refusal::unknown_target:
      return {net::close_code::policy, "unknown assistant"};
    case Refusal::not_allowed:
      return {net::close_code::policy, "not allowed"};
    case Refusal::organization_full:
      return {net::close_code::try_again_later, "all of the organization's lines are taken" + later};
    case Refusal::server_full:
      return {net::close_code::try_again_later, "all lines are taken" + later};
    case Refusal::draining:
      return {net::close_code::try_again_later, "the server is restarting" + later};
  }
  return {net::close_code::internal_error, "refused"};
}

}  // namespace

void Line::send_text(std::string json) {
  boost::asio::post(web, [line = shared_from_this(), text = std::move(json)]() mutable {
    if (line->socket) line->socket->send(std::move(text));
  });
}

void Line::send_frame(const audio::Frame& frame) {
  // A web shard that does not keep up must not collect frames: speech that late is worth nothing.
  if (frames_under_way_.load(std::memory_order_relaxed) >= max_frames_under_way) return;
  frames_under_way_.fetch_add(1, std::memory_order_relaxed);
  const auto samples = frame.samples();
  std::string bytes(samples.size_bytes(), '\0');
  std::memcpy(bytes.data(), samples.data(), bytes.size());
  boost::asio::post(web, [line = shared_from_this(), data = std::move(bytes)]() mutable {
    line->frames_under_way_.fetch_sub(1, std::memory_order_relaxed);
    if (line->socket) line->socket->send(std::move(data), net::Kind::binary);
  });
}

void Line::close(std::uint16_t code, std::string reason) {
  boost::asio::post(web, [line = shared_from_this(), code, words = std::move(reason)] {
    if (line->socket) line->socket->close(code, words);
  });
}

void Line::to_leg(std::function<void(BrowserLeg&)> act) {
  boost::asio::post(shard.executor(), [line = shared_from_this(), f = std::move(act)] {
    if (line->leg) f(*line->leg);
  });
}

BrowserLeg::BrowserLeg(std::shared_ptr<Line> line, CallId call)
    : line_(std::move(line)), call_(std::move(call)), delay_(assumed_delay) {
  line_->leg = this;
}

BrowserLeg::~BrowserLeg() {
  line_->leg = nullptr;
  if (slots_) line_->shard.remove(*this);
  if (!end_) line_->close(net::close_code::normal, "the call has ended");
}

void BrowserLeg::start(LegObserver& observer) {
  observer_ = &observer;
  if (end_) report_end();
}

void BrowserLeg::answer(media::Exchange& exchange) {
  if (end_) return;
  exchange_ = &exchange;
  if (!slots_) {
    slots_.emplace(std::chrono::steady_clock::now(), line_->shard.size());
    line_->shard.add(*this);
  }
  line_->send_text(ready_message(call_));
  if (observer_) observer_->on_answered();
}

void BrowserLeg::refuse(Refusal why, seconds retry_after) {
  if (end_) return;
  auto words = words_of(why, retry_after);
  finish({.cause = LegEnd::Cause::rejected, .status = words.code, .detail = words.reason});
  line_->close(words.code, std::move(words.reason));
}

void BrowserLeg::clear_playout() {
  if (end_) return;
  line_->send_text(std::string{clear_message});
  marks_.clear();  // those before it come back at once and say nothing
}

void BrowserLeg::hang_up() {
  if (end_) return;
  finish({.cause = LegEnd::Cause::local_hung_up, .detail = {}});
  line_->send_text(ended_message(domain::ended::assistant));
  line_->close(net::close_code::normal, "the call has ended");
}

MediaStats BrowserLeg::media_stats() const {
  return {.received = received_,
          .lost = 0,
          .late = heard_.dropped(),
          .concealed = heard_.concealed(),
          .sent = sent_,
          .jitter_ms = jitter_ms_};
}

void BrowserLeg::take_frame(const audio::Frame& frame, SteadyTime now) {
  if (end_ || !exchange_) return;  // before the answer nobody listens
  if (received_++ > 0) {
    // RFC 3550 §6.4.1, with the sender's spacing taken as exact.
    const double late =
        std::chrono::duration<double, std::milli>(now - last_arrival_).count() - audio::frame_ms;
    jitter_ms_ += (std::abs(late) - jitter_ms_) / 16;
  }
  last_arrival_ = now;
  heard_.push(frame);
}

void BrowserLeg::take_digits(const std::string& digits) {
  for (const char digit : digits)
    if (observer_ && !end_) observer_->on_digit(digit);
}

void BrowserLeg::take_mark(const std::string& name, SteadyTime now) {
  const auto mark = std::find_if(marks_.begin(), marks_.end(),
                                 [&](const SentMark& sent) { return std::to_string(sent.number) == name; });
  if (mark == marks_.end()) return;
  const auto took = std::chrono::duration_cast<milliseconds>(now - mark->at);
  delay_ = std::min((delay_ + took) / 2, longest_delay);
  marks_.erase(marks_.begin(), mark + 1);
}

void BrowserLeg::take_end(LegEnd end) {
  if (!end_) finish(std::move(end));
}

void BrowserLeg::on_tick(SteadyTime now) {
  if (!exchange_) return;
  const auto due = slots_->due(now);
  if (due.skipped > 0) exchange_->skip(due.skipped);
  for (int i = 0; i < due.slots && exchange_; ++i) run_slot(now);
}

void BrowserLeg::run_slot(SteadyTime now) {
  const audio::Frame heard = heard_.pop();
  audio::Frame said;
  said.rate = audio::wideband;
  exchange_->exchange(heard, said);
  if (end_) return;
  const bool speaks = said.kind != audio::Frame::Kind::silence;
  if (!speaks && delay_ > backlog) {
    // Time passes there while nothing is sent.
    delay_ -= std::min(delay_ - backlog, milliseconds{audio::frame_ms});
    return;
  }
  line_->send_frame(said);
  ++sent_;
  if (++slots_since_mark_ < slots_between_marks || marks_.size() >= max_marks) return;
  slots_since_mark_ = 0;
  marks_.push_back({next_mark_, now});
  line_->send_text(mark_message(std::to_string(next_mark_++)));
}

void BrowserLeg::finish(LegEnd end) {
  end_ = std::move(end);
  exchange_ = nullptr;
  if (observer_) report_end();
}

void BrowserLeg::report_end() {
  if (std::exchange(reported_, true)) return;
  // In a task of its own: the observer may destroy the leg in the one after.
  boost::asio::post(line_->shard.executor(), [line = line_] {
    if (line->leg) line->leg->observer_->on_ended(*line->leg->end_);
  });
}

}  // namespace voxanne::telephony::browser
