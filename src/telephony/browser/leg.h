// A browser's call as a Leg. The socket lives on a web shard, the leg on a media shard; between them
// go messages only (asio::post), through a Line that both ends hold and each touches its own half of.
//
//   web shard                       Line                        media shard
//   WebSocket ── frames, digits ──▶ to_leg ──▶ PlayoutBuffer ──▶ exchange()
//   WebSocket ◀── frames, text ──── to_browser ◀──────────────── exchange(), clear, ended
//
// Bounded both ways: the gateway lets in no more than real time, the buffer holds 300 ms, and at most
// 2 s of frames are on their way to the web shard.
#pragma once

#include "media/slot_clock.h"
#include "net/websocket.h"
#include "telephony/browser/control.h"
#include "telephony/browser/playout_buffer.h"
#include "telephony/leg.h"

#include <array>
#include <atomic>
#include <deque>
#include <memory>
#include <string>

namespace voxanne::telephony::browser {

// What a call may show its browser beside audio. Functions are called on the leg's shard, also after
// the leg has ended (then they do nothing). Shared by the call and the leg.
class CallSide {
 public:
  virtual ~CallSide() = default;
  virtual void send_text(std::string json) = 0;
  void show_transcript(domain::Speaker speaker, std::string_view text, bool final) {
    send_text(transcript_message(speaker, text, final));
  }
};

class BrowserLeg;

struct Line final : CallSide, std::enable_shared_from_this<Line> {
  Line(async::Executor web_, media::Shard& shard_) : web(web_), shard(shard_) {}

  // From the media shard.
  void send_text(std::string json) override;
  void send_frame(const audio::Frame& frame);
  void close(std::uint16_t code, std::string reason);
  // From the web shard; `act` runs on the media shard while the leg lives.
  void to_leg(std::function<void(BrowserLeg&)> act);

  const async::Executor web;
  media::Shard& shard;
  net::WebSocket* socket = nullptr;  // web shard only; null once the session has ended
  BrowserLeg* leg = nullptr;         // media shard only; null once the leg is destroyed

 private:
  std::atomic<int> frames_under_way_{0};
};

class BrowserLeg final : public Leg, private media::Ticked {
 public:
  BrowserLeg(std::shared_ptr<Line> line, CallId call);
  ~BrowserLeg() override;

  domain::Channel channel() const override { return domain::Channel::browser; }
  media::Shard& shard() const override { return line_->shard; }
  int sample_rate() const override { return audio::wideband; }
  void start(LegObserver& observer) override;
  void answer(media::Exchange& exchange) override;
  void refuse(Refusal why, seconds retry_after) override;
  void clear_playout() override;
  milliseconds playout_delay() const override { return delay_; }
  void send_digits(std::string) override {}  // a browser has no use for them
  void hang_up() override;
  MediaStats media_stats() const override;

  // By the gateway, on the leg's shard.
  void take_frame(const audio::Frame& frame, SteadyTime now);
  void take_digits(const std::string& digits);
  void take_mark(const std::string& name, SteadyTime now);
  void take_end(LegEnd end);

 private:
  struct SentMark {
    std::uint64_t number;
    SteadyTime at;
  };

  void on_tick(SteadyTime now) override;
  void run_slot(SteadyTime now);
  // The far end is told by whoever calls this. on_ended() follows, once, in a task of its own.
  void finish(LegEnd end);
  void report_end();

  const std::shared_ptr<Line> line_;
  const CallId call_;
  LegObserver* observer_ = nullptr;
  media::Exchange* exchange_ = nullptr;
  std::optional<media::SlotClock> slots_;
  PlayoutBuffer heard_;
  std::optional<LegEnd> end_;
  bool reported_ = false;

  std::deque<SentMark> marks_;
  std::uint64_t next_mark_ = 0;
  int slots_since_mark_ = 0;
  milliseconds delay_;

  std::uint64_t received_ = 0, sent_ = 0;
  SteadyTime last_arrival_{};
  double jitter_ms_ = 0;
};

}  // namespace voxanne::telephony::browser
