#include "telephony/sip/leg.h"

#include "telephony/sip/stack.h"

namespace voxanne::telephony::sip {
namespace {

struct Response {
  int code;
  const char* reason;
};

Response response_to(Refusal why) {
  switch (why) {
    case Refusal::unknown_target:
      return {404, "Not Found"};
    case Refusal::not_allowed:
      return {403, "Forbidden"};
    case Refusal::organization_full:
      return {486, "Busy Here"};
    case Refusal::server_full:
    case Refusal::draining:
      break;
  }
  return {503, "Service Unavailable"};
}

// Within which an INFO and a telephone-event may tell of the same key press.
constexpr seconds same_press{1};

}  // namespace

SipLeg::SipLeg(std::shared_ptr<Stack> stack, CallNumber number, std::shared_ptr<Line> line, Address bind,
               std::optional<Outbound> outbound)
    : stack_(std::move(stack)),
      number_(number),
      line_(std::move(line)),
      bind_(std::move(bind)),
      outbound_(std::move(outbound)) {
  line_->connect(this);
}

std::unique_ptr<SipLeg> SipLeg::inbound(std::shared_ptr<Stack> stack, CallNumber number,
                                        std::shared_ptr<Line> line, Address bind,
                                        std::optional<Agreement> agreement) {
  std::unique_ptr<SipLeg> leg{
      new SipLeg{std::move(stack), number, std::move(line), std::move(bind), std::nullopt}};
  leg->agreement_ = agreement;
  if (agreement) leg->rate_ = rtp::sample_rate(agreement->format.codec);
  return leg;
}

std::unique_ptr<SipLeg> SipLeg::outbound(std::shared_ptr<Stack> stack, media::Shard& shard, Route route,
                                         Call::Dial dial) {
  const CallNumber number = stack->next_number();
  const Address bind = route.listener.address;
  return std::unique_ptr<SipLeg>{new SipLeg{std::move(stack), number, std::make_shared<Line>(shard), bind,
                                            Outbound{std::move(route), std::move(dial)}}};
}

SipLeg::~SipLeg() {
  line_->connect(nullptr);
  close_media();
  if (!closing_) tell_signalling(&Call::hang_up);
}

template <class F>
void SipLeg::notify(F f) {
  line_->tell([this, f = std::move(f)](LineEnd&) {
    if (observer_) f(*observer_);
  });
}

void SipLeg::tell_signalling(void (Call::*what)()) {
  stack_->post([number = number_, what](Stack& stack) {
    if (Call* call = stack.find(number)) (call->*what)();
  });
}

void SipLeg::start(LegObserver& observer) {
  observer_ = &observer;
  if (end_) return finish(*end_);
  if (!outbound_ || closing_) return;
  if (!open_media()) return;
  stack_->post([number = number_, line = line_, outbound = *outbound_,
                port = media_->local_endpoint().port()](Stack& stack) {
    auto call = std::make_unique<Call>(stack, number, line, outbound.route);
    Call& placed = *call;
    stack.add(std::move(call));
    placed.connect(outbound.dial, port);
  });
}

bool SipLeg::open_media() {
  auto session = rtp::Session::open(shard(), stack_->ports(), {bind_, stack_->options().media_silence_limit});
  if (session) {
    media_ = std::move(*session);
    return true;
  }
  const Error& error = session.error();
  const Response response = response_to(Refusal::server_full);
  stack_->post([number = number_, response, error](Stack& stack) {
    stack.note_media_unavailable(error);
    if (Call* call = stack.find(number))
      call->refuse(response.code, response.reason, stack.options().retry_after);
  });
  finish({LegEnd::Cause::media_unavailable, outbound_ ? 0 : response.code, error.message});
  return false;
}

void SipLeg::answer(media::Exchange& exchange) {
  if (closing_ || answered_) return;
  answered_ = true;
  if (!media_ && !open_media()) return;
  configure();
  if (outbound_) return media_->start(*this, exchange, rate_);
  exchange_ = &exchange;
  stack_->post([number = number_, port = media_->local_endpoint().port()](Stack& stack) {
    if (Call* call = stack.find(number)) call->answer(port);
  });
}

void SipLeg::refuse(Refusal why, seconds retry_after) {
  if (closing_) return;
  const Response response = response_to(why);
  // What will not change by waiting has no Retry-After.
  const seconds wait = response.code == 486 || response.code == 503 ? retry_after : seconds{0};
  stack_->post([number = number_, response, wait](Stack& stack) {
    if (Call* call = stack.find(number)) call->refuse(response.code, response.reason, wait);
  });
  finish({LegEnd::Cause::rejected, response.code, {}});
}

bool SipLeg::redirect(const std::string& number) {
  if (closing_ || answered_ || outbound_) return false;
  stack_->post([of = number_, number](Stack& stack) {
    if (Call* call = stack.find(of)) call->redirect(number);
  });
  finish({LegEnd::Cause::rejected, 302, {}});
  return true;
}

void SipLeg::hang_up() {
  if (closing_) return;
  tell_signalling(&Call::hang_up);
  const bool cancelled = outbound_ && !answered_;
  finish({cancelled ? LegEnd::Cause::cancelled : LegEnd::Cause::local_hung_up, 0, {}});
}

void SipLeg::finish(LegEnd end) {
  closing_ = true;
  close_media();
  if (!observer_) {
    end_ = std::move(end);
    return;
  }
  notify([this, end = std::move(end)](LegObserver& observer) {
    observer_ = nullptr;
    observer.on_ended(end);
  });
}

void SipLeg::close_media() {
  if (!media_) return;
  media_->close();
  final_stats_ = media_->stats();
}

void SipLeg::configure() {
  if (!media_ || !agreement_) return;
  if (!agreement_->remote.address().is_unspecified() && agreement_->remote != remote_) {
    remote_ = agreement_->remote;
    hears_events_ = false;  // another device may have other ways
  }
  media_->configure(agreement_->format, remote_, agreement_->direction);
  if (std::exchange(held_, agreement_->held()) != held_)
    notify([held = held_](LegObserver& observer) { observer.on_hold(held); });
}

void SipLeg::on_remote_ringing() {
  if (!closing_) notify([](LegObserver& observer) { observer.on_ringing(); });
}

void SipLeg::on_agreement(const Agreement& agreement) {
  if (closing_) return;
  agreement_ = agreement;
  if (outbound_ && !answered_) rate_ = rtp::sample_rate(agreement.format.codec);
  if (answered_) configure();
}

void SipLeg::on_established() {
  if (closing_) return;
  // Not before: over UDP an INVITE may come in another's name, and audio would go where its SDP points.
  if (auto* exchange = std::exchange(exchange_, nullptr)) media_->start(*this, *exchange, rate_);
  notify([](LegObserver& observer) { observer.on_answered(); });
}

// There are phones and SBCs that tell of each key press both ways.
void SipLeg::on_info_digit(char digit) {
  if (hears_events_) return;
  info_digit_ = {digit, stack_->now()};
  tell_digit(digit);
}

void SipLeg::on_digit(char digit) {
  const bool first = !std::exchange(hears_events_, true);
  if (first && info_digit_ && info_digit_->digit == digit && stack_->now() - info_digit_->at < same_press)
    return;
  tell_digit(digit);
}

void SipLeg::tell_digit(char digit) {
  if (!closing_) notify([digit](LegObserver& observer) { observer.on_digit(digit); });
}

void SipLeg::on_media_timeout() {
  if (closing_) return;
  tell_signalling(&Call::hang_up);
  finish({LegEnd::Cause::media_timeout, 0, "no audio came from the far end"});
}

void SipLeg::on_closed(const LegEnd& end) {
  if (closing_) return;
  if (observer_) return finish(end);
  close_media();
  end_ = end;
}

milliseconds SipLeg::playout_delay() const { return media_ ? media_->playout_delay() : milliseconds{0}; }

void SipLeg::send_digits(std::string digits) {
  if (media_ && !closing_) media_->send_digits(digits);
}

MediaStats SipLeg::media_stats() const { return media_ && !closing_ ? media_->stats() : final_stats_; }

}  // namespace voxanne::telephony::sip
