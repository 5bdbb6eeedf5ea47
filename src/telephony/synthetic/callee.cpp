#include "telephony/synthetic/callee.h"

#include "media/slot_clock.h"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <optional>

namespace voxanne::telephony::synthetic {
namespace {

constexpr int slots(int ms) { return ms / audio::frame_ms; }
constexpr int ring_slots = slots(400);
constexpr int pause_slots = slots(1'200);
constexpr int listen_slots = slots(2'500);
constexpr int last_slot = slots(7'400);  // of the answered call: with the ringing, under 8 s

class CalleeLeg final : public Leg, public media::Ticked {
 public:
  CalleeLeg(media::Shard& shard, std::shared_future<Callee::Speech> speech)
      : shard_(shard), speech_(std::move(speech)), alive_(std::make_shared<bool>(true)) {}

  ~CalleeLeg() override {
    if (ticking_) shard_.remove(*this);
  }

  domain::Channel channel() const override { return domain::Channel::sip; }
  media::Shard& shard() const override { return shard_; }
  int sample_rate() const override { return audio::narrowband; }

  void start(LegObserver& observer) override {
    observer_ = &observer;
    shard_.add(*this);
    ticking_ = true;
    later([this] {
      if (observer_) observer_->on_ringing();
    });
  }
  void answer(media::Exchange& exchange) override { exchange_ = &exchange; }
  void refuse(Refusal, seconds) override { end(LegEnd::Cause::rejected); }
  void clear_playout() override {}
  milliseconds playout_delay() const override { return milliseconds{0}; }
  void send_digits(std::string) override {}
  void hang_up() override { end(answered_ ? LegEnd::Cause::local_hung_up : LegEnd::Cause::cancelled); }
  MediaStats media_stats() const override { return {.received = exchanged_, .sent = exchanged_}; }

  void on_tick(SteadyTime now) override {
    if (!observer_) return;
    if (!clock_) clock_.emplace(now, shard_.size());
    const auto due = clock_->due(now);
    slot_ += due.skipped;
    if (due.skipped > 0 && exchange_) exchange_->skip(due.skipped);
    for (int i = 0; i < due.slots && observer_; ++i) run_slot(slot_++);
  }

 private:
  void run_slot(int slot) {
    if (slot < ring_slots) return;
    if (!answered_) {
      answered_ = true;
      answered_slot_ = slot;
      observer_->on_answered();
    }
    if (exchange_) exchange_slot(slot - answered_slot_);
  }

  void exchange_slot(int slot) {
    audio::Frame heard, said;
    static const Callee::Speech silence;
    const bool rendered = speech_.wait_for(std::chrono::seconds{0}) == std::future_status::ready;
    const Callee::Speech& speech = rendered ? speech_.get() : silence;
    const auto size = audio::samples_per_frame(audio::narrowband);
    const int words = std::min(int(speech.size() / size), last_slot - pause_slots - listen_slots);
    const int word = slot - pause_slots;
    if (word >= 0 && word < words) {
      heard.kind = audio::Frame::Kind::voice;
      std::copy_n(speech.begin() + std::ptrdiff_t(std::size_t(word) * size), size, heard.pcm.begin());
    }
    ++exchanged_;
    exchange_->exchange(heard, said);
    if (slot >= pause_slots + words + listen_slots) end(LegEnd::Cause::remote_hung_up);
  }

  void end(LegEnd::Cause cause) {
    if (ended_) return;
    ended_ = true;
    exchange_ = nullptr;
    later([this, cause] {
      if (auto* observer = std::exchange(observer_, nullptr))
        observer->on_ended({.cause = cause, .detail = {}});
    });
  }

  // Never inside the caller's call, and not after this leg's destruction.
  template <class F>
  void later(F f) {
    boost::asio::post(shard_.executor(), [alive = std::weak_ptr<bool>{alive_}, f = std::move(f)] {
      if (alive.lock()) f();
    });
  }

  media::Shard& shard_;
  std::shared_future<Callee::Speech> speech_;
  std::shared_ptr<bool> alive_;
  LegObserver* observer_ = nullptr;
  media::Exchange* exchange_ = nullptr;
  std::optional<media::SlotClock> clock_;  // from the first tick on
  int slot_ = 0, answered_slot_ = 0;
  std::uint64_t exchanged_ = 0;
  bool ticking_ = false, answered_ = false, ended_ = false;
};

}  // namespace

Callee::Callee(Render render)
    : render_(std::move(render)),
      promise_(std::make_shared<std::promise<Speech>>()),
      speech_(promise_->get_future().share()) {}

Result<std::unique_ptr<Leg>> Callee::dial(media::Shard& shard, const DialRequest&) {
  std::call_once(rendering_, [this] {
    render_([promise = promise_](Speech speech) { promise->set_value(std::move(speech)); });
  });
  return std::unique_ptr<Leg>{std::make_unique<CalleeLeg>(shard, speech_)};
}

}  // namespace voxanne::telephony::synthetic
