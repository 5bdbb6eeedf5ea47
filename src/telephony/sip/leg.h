// The leg of a SIP call: the shard's end of the line, with the RTP session.
//
// Executor: its shard. Callbacks to the observer are posted, so that it may do as it likes with
// the leg in the task after.
#pragma once

#include "telephony/leg.h"
#include "telephony/rtp/session.h"
#include "telephony/sip/call.h"
#include "telephony/sip/line.h"

#include <memory>
#include <optional>

namespace voxanne::telephony::sip {

class Stack;

class SipLeg final : public Leg, private LineEnd, private rtp::SessionObserver {
 public:
  // `agreement` is absent for an INVITE without offer. RTP binds at `bind`.
  static std::unique_ptr<SipLeg> inbound(std::shared_ptr<Stack> stack, CallNumber number,
                                         std::shared_ptr<Line> line, Address bind,
                                         std::optional<Agreement> agreement);
  static std::unique_ptr<SipLeg> outbound(std::shared_ptr<Stack> stack, media::Shard& shard, Route route,
                                          Call::Dial dial);
  ~SipLeg() override;

  domain::Channel channel() const override { return domain::Channel::sip; }
  media::Shard& shard() const override { return line_->shard(); }
  int sample_rate() const override { return rate_; }
  void start(LegObserver& observer) override;
  void answer(media::Exchange& exchange) override;
  void refuse(Refusal why, seconds retry_after) override;
  bool redirect(const std::string& number) override;
  void clear_playout() override {}  // RTP has no way to call back what was sent
  milliseconds playout_delay() const override;
  void send_digits(std::string digits) override;
  void hang_up() override;
  MediaStats media_stats() const override;

 private:
  struct Outbound {
    Route route;
    Call::Dial dial;
  };
  struct InfoDigit {
    char digit;
    SteadyTime at;
  };

  SipLeg(std::shared_ptr<Stack> stack, CallNumber number, std::shared_ptr<Line> line, Address bind,
         std::optional<Outbound> outbound);

  void on_remote_ringing() override;
  void on_agreement(const Agreement& agreement) override;
  void on_established() override;
  void on_info_digit(char digit) override;
  void on_closed(const LegEnd& end) override;
  void on_digit(char digit) override;  // a telephone-event's
  void on_media_timeout() override;

  bool open_media();  // false: the call has ended for want of it
  void configure();
  void close_media();
  void tell_digit(char digit);
  void tell_signalling(void (Call::*what)());
  // Ends the leg, whoever wanted it: on_ended() follows, once, when there is an observer.
  void finish(LegEnd end);
  template <class F>
  void notify(F f);

  const std::shared_ptr<Stack> stack_;
  const CallNumber number_;
  const std::shared_ptr<Line> line_;
  const Address bind_;
  const std::optional<Outbound> outbound_;

  LegObserver* observer_ = nullptr;
  media::Exchange* exchange_ = nullptr;  // until audio flows
  std::unique_ptr<rtp::Session> media_;
  std::optional<Agreement> agreement_;
  rtp::Endpoint remote_;  // the last one that was an address to send to
  MediaStats final_stats_;
  int rate_ = audio::narrowband;
  bool answered_ = false;
  bool held_ = false;
  std::optional<InfoDigit> info_digit_;  // the last one
  bool hears_events_ = false;            // the far end presses keys in RTP
  bool closing_ = false;                 // finish() was called
  std::optional<LegEnd> end_;            // told before start()
};

}  // namespace voxanne::telephony::sip
