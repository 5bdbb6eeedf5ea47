#include "telephony/sip/call.h"

#include "base/unhandled.h"
#include "telephony/sip/dtmf_relay.h"
#include "telephony/sip/stack.h"

#include <cerrno>

#include "telephony/sip/libre.h"

namespace voxanne::telephony::sip {
namespace {

constexpr char content_type[] = "application/sdp";

// The trunk's credentials as an object of libre's: a BYE may be challenged when the call is gone.
struct Credentials {
  char* user;
  char* password;
};

Ref<Credentials> trunk_credentials(const Trunk& trunk) {
  auto* credentials = static_cast<Credentials*>(mem_zalloc(sizeof(Credentials), [](void* object) {
    auto& self = *static_cast<Credentials*>(object);
    mem_deref(self.user);
    mem_deref(self.password);
  }));
  if (!credentials) throw std::bad_alloc{};
  Ref<Credentials> owned{credentials};
  const std::string secret{trunk.password.reveal()};
  if (str_dup(&credentials->user, trunk.username.c_str()) != 0 ||
      str_dup(&credentials->password, secret.c_str()) != 0)
    throw std::bad_alloc{};
  return owned;
}

int on_credentials(char** user, char** password, const char*, void* arg) {
  const auto& credentials = *static_cast<const Credentials*>(arg);
  return str_dup(user, credentials.user) | str_dup(password, credentials.password);
}

std::string_view protocol_id(const sipsess* session) {
  const char* id = sip_dialog_callid(sipsess_dialog(session));
  return id ? id : "";
}

// libre is C: nothing may be thrown through it. `session`: whose callback it is; what throws has not ended
// it.
template <class F>
void guarded(const char* where, const sipsess* session, F f) noexcept {
  try {
    f();
  } catch (const std::exception&) {
    log::unhandled("sip.callback_failed", std::current_exception(),
                   {{"where", where}, {"protocolId", protocol_id(session)}});
  }
}

LegEnd::Cause cause_of(int status) {
  switch (status) {
    case 486:
    case 600:
      return LegEnd::Cause::busy;
    case 408:
    case 480:
      return LegEnd::Cause::no_answer;
    default:
      return LegEnd::Cause::rejected;
  }
}

}  // namespace

std::optional<std::string_view> body_of(const sip_msg& msg) {
  const std::string_view rest{reinterpret_cast<const char*>(mbuf_buf(msg.mb)), mbuf_get_left(msg.mb)};
  if (!pl_isset(&msg.clen)) return rest;
  const std::size_t length = pl_u32(&msg.clen);
  if (length > rest.size()) return std::nullopt;
  return rest.substr(0, length);
}

Call::Call(Stack& stack, CallNumber number, std::shared_ptr<Line> line, Route route)
    : stack_(stack), number_(number), line_(std::move(line)), route_(std::move(route)) {
  tmr_init(&timer_);
  origin_ = {rand_u32(), 0, route_.advertised};
}

Call::~Call() {
  tmr_cancel(&timer_);
  if (!outbound_ && state_ == State::ringing) stack_.count_pending(-1);
}

Local Call::local() const { return {origin_, rtp_port_}; }

int Call::accept(const sip_msg& invite, std::optional<sdp::Description> offer,
                 std::optional<Agreement> agreement) {
  offer_ = std::move(offer);
  agreement_ = std::move(agreement);
  stack_.count_pending(+1);
  const std::string contact = route_.contact();
  return sipsess_accept(session_.out(), stack_.sessions(), &invite, 180, "Ringing", contact.c_str(),
                        content_type, nullptr, nullptr, nullptr, false, on_offer, on_answer, on_established,
                        on_info, nullptr, on_close, this, "%s", allow_header);
}

void Call::answer(std::uint16_t rtp_port) {
  if (outbound_ || state_ != State::ringing) return;
  rtp_port_ = rtp_port;
  Ref<mbuf> description = offer_ ? buffer_of(write_answer(*offer_, *agreement_, local())) : make_offer();
  if (sipsess_answer(session_.get(), 200, "OK", description.get(), "%s", allow_header) != 0)
    return end({LegEnd::Cause::transport_failed, 0, "the answer could not be sent"});
  offer_.reset();
  state_ = State::answered;
  stack_.count_pending(-1);
  tmr_start(&timer_, static_cast<std::uint64_t>(stack_.options().ack_timeout.count()), on_ack_missing, this);
}

void Call::refuse(int code, const char* reason, seconds retry_after) {
  const std::string headers = retry_after.count() > 0
                                  ? "Retry-After: " + std::to_string(retry_after.count()) + "\r\n"
                                  : std::string{};
  sipsess_reject(session_.get(), static_cast<std::uint16_t>(code), reason, "%sContent-Length: 0\r\n\r\n",
                 headers.c_str());
  stack_.remove(number_);
}

void Call::redirect(const std::string& number) {
  std::string contact = "tel:" + number;
  if (const auto& trunk = stack_.options().trunk) {
    Uri there = trunk->uri;
    there.user = escape_user(number);
    contact = to_string(there);
  }
  sipsess_reject(session_.get(), 302, "Moved Temporarily", "Contact: <%s>\r\nContent-Length: 0\r\n\r\n",
                 contact.c_str());
  stack_.remove(number_);
}

void Call::connect(const Dial& dial, std::uint16_t rtp_port) {
  outbound_ = true;
  rtp_port_ = rtp_port;
  offered_ = stack_.options().offered;
  Ref<mbuf> description = buffer_of(write_offer(offered_, local()));
  Ref<Credentials> credentials;
  if (dial.use_trunk_credentials) credentials = trunk_credentials(*stack_.options().trunk);
  std::string headers{allow_header};
  if (!dial.asserted_identity.empty()) headers += "P-Asserted-Identity: <" + dial.asserted_identity + ">\r\n";
  if (dial.is_test) headers += test_header;
  const std::string contact = route_.contact();
  const int error = sipsess_connect(
      session_.out(), stack_.sessions(), dial.to_uri.c_str(),
      dial.from_name.empty() ? nullptr : dial.from_name.c_str(), dial.from_uri.c_str(), contact.c_str(),
      nullptr, 0, content_type, description.get(), credentials ? on_credentials : nullptr, credentials.get(),
      credentials.get() != nullptr, on_offer, on_answer, on_progress, on_established, on_info, nullptr,
      on_close, this, "%s", headers.c_str());
  if (error != 0) return end({LegEnd::Cause::transport_failed, 0, "the INVITE could not be sent"});
  tmr_start(&timer_, static_cast<std::uint64_t>(dial.ring_timeout.count()), on_ring_timeout, this);
}

void Call::hang_up() {
  if (!outbound_ && state_ == State::ringing) return refuse(480, "Temporarily Unavailable", seconds{0});
  stack_.remove(number_);
}

void Call::abandon() {
  if (!outbound_ && state_ == State::ringing)
    sipsess_reject(session_.get(), 503, "Service Unavailable", "Content-Length: 0\r\n\r\n");
  line_->tell(
      [](LineEnd& leg) { leg.on_closed({LegEnd::Cause::local_hung_up, 0, "the gateway was stopped"}); });
}

void Call::agree(const Agreement& agreement) {
  agreement_ = agreement;
  line_->tell([agreement](LineEnd& leg) { leg.on_agreement(agreement); });
}

Ref<mbuf> Call::make_offer() {
  // In mid-call only what is agreed already; in a 200 to an INVITE without offer narrowband, since
  // the leg's rate is fixed by then.
  if (agreement_) {
    ++origin_.version;
    offered_ = {&agreement_->format.codec, 1};
  } else {
    offered_ = narrowband_codecs;
  }
  return buffer_of(write_offer(offered_, local()));
}

Ref<mbuf> Call::answer_offer(std::string_view text, const Address& sender) {
  const auto offer = sdp::parse(text);
  if (!offer) return {};
  const auto keep = agreement_ ? std::optional{agreement_->format.codec} : std::nullopt;
  const auto agreement = choose(*offer, keep);
  if (!agreement || leads_inside(*agreement, sender)) return {};
  agree(*agreement);
  ++origin_.version;
  return buffer_of(write_answer(*offer, *agreement_, local()));
}

Result<> Call::take_answer(std::string_view text, const Address& sender) {
  if (text.empty()) return malformed("bad_sdp", "the far end sent no session description");
  const auto answer = sdp::parse(text);
  if (!answer) return answer.error();
  const auto agreement = sip::accept(*answer, offered_);
  if (!agreement) return agreement.error();
  if (leads_inside(*agreement, sender))
    return malformed("bad_address", "the far end's connection address is a loopback");
  agree(*agreement);
  return {};
}

int Call::on_offer(mbuf** description, const sip_msg* msg, void* arg) {
  auto& self = *static_cast<Call*>(arg);
  *description = nullptr;
  guarded("offer", self.session_.get(), [&] {
    const auto body = body_of(*msg);
    if (!body) return;
    Ref<mbuf> ours = body->empty() ? self.make_offer() : self.answer_offer(*body, address_of(msg->src));
    *description = static_cast<mbuf*>(mem_ref(ours.get()));
  });
  return *description ? 0 : EPROTO;
}

int Call::on_answer(const sip_msg* msg, void* arg) {
  auto& self = *static_cast<Call*>(arg);
  bool taken = false;
  guarded("answer", self.session_.get(), [&] {
    std::string_view body = body_of(*msg).value_or("");
    if (body.empty()) body = self.early_answer_;
    const auto agreed = self.take_answer(body, address_of(msg->src));
    taken = agreed.has_value();
    if (!taken) self.failure_ = agreed.error().message;
  });
  return taken ? 0 : EPROTO;
}

void Call::on_progress(const sip_msg* msg, void* arg) {
  auto& self = *static_cast<Call*>(arg);
  guarded("progress", self.session_.get(), [&] {
    if (msg->scode <= 100) return;
    if (const auto body = body_of(*msg); body && !body->empty() && body->size() <= sdp::max_text)
      self.early_answer_ = *body;
    if (std::exchange(self.told_ringing_, true)) return;
    self.line_->tell([](LineEnd& leg) { leg.on_remote_ringing(); });
  });
}

void Call::on_established(const sip_msg*, void* arg) {
  auto& self = *static_cast<Call*>(arg);
  guarded("established", self.session_.get(), [&] {
    tmr_cancel(&self.timer_);
    self.state_ = State::established;
    self.line_->tell([](LineEnd& leg) { leg.on_established(); });
  });
}

void Call::on_info(Core* core, const sip_msg* msg, void* arg) {
  auto& self = *static_cast<Call*>(arg);
  guarded("info", self.session_.get(), [&] {
    const bool relay = msg_ctype_cmp(&msg->ctyp, "application", "dtmf-relay");
    if (!relay && !msg_ctype_cmp(&msg->ctyp, "application", "dtmf")) {
      // An INFO without a body is a keep-alive of old (RFC 2976 section 2.2).
      const bool empty = body_of(*msg).value_or("").empty();
      sip_replyf(core, msg, empty ? 200 : 415, empty ? "OK" : "Unsupported Media Type",
                 "Accept: application/dtmf-relay, application/dtmf\r\nContent-Length: 0\r\n\r\n");
      return;
    }
    const std::string_view body = body_of(*msg).value_or("");
    const auto digit = relay ? parse_dtmf_relay(body) : parse_dtmf(body);
    // With a transaction, so that a retransmission is not a second key press.
    sip_treply(nullptr, core, msg, digit ? 200 : 400, digit ? "OK" : "No Such Key");
    if (digit) self.line_->tell([digit = *digit](LineEnd& leg) { leg.on_info_digit(digit); });
  });
}

void Call::on_ack_missing(void* arg) {
  static_cast<Call*>(arg)->end(
      {LegEnd::Cause::transport_failed, 0, "the caller never acknowledged the answer"});
}

void Call::on_ring_timeout(void* arg) {
  static_cast<Call*>(arg)->end({LegEnd::Cause::no_answer, 408, "nobody answered in time"});
}

void Call::on_close(int error, const sip_msg* msg, void* arg) {
  auto& self = *static_cast<Call*>(arg);
  guarded("close", self.session_.get(), [&] { self.end(self.verdict(error, msg)); });
}

LegEnd Call::verdict(int error, const sip_msg* msg) const {
  if (!failure_.empty()) return {LegEnd::Cause::rejected, 488, failure_};
  if (state_ == State::ringing && outbound_) {
    if (msg) return {cause_of(msg->scode), msg->scode, "the far end answered " + std::to_string(msg->scode)};
    return {LegEnd::Cause::transport_failed, 0,
            error == ETIMEDOUT ? "no answer to the INVITE" : "the far end cannot be reached"};
  }
  if (state_ == State::ringing) return {LegEnd::Cause::cancelled, 487, "the caller gave up"};
  if (error == ECONNRESET) return {LegEnd::Cause::remote_hung_up, 0, {}};
  if (error == ETIMEDOUT) return {LegEnd::Cause::transport_failed, 0, "the far end no longer answers"};
  return {LegEnd::Cause::transport_failed, msg ? msg->scode : 0, "the dialog broke"};
}

void Call::end(LegEnd end) {
  line_->tell([end = std::move(end)](LineEnd& leg) { leg.on_closed(end); });
  stack_.remove(number_);
}

}  // namespace voxanne::telephony::sip
