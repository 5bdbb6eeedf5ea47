// The signalling side of one call: a session of libre's and its offers and answers. The leg is on
// the other end of the line.
//
//   inbound:   INVITE ▶ 180 ▶ [leg: answer] ▶ 200 ▶ ACK ▶ established ▶ BYE
//   outbound:  INVITE ▶ 180 ▶ ringing ▶ 200, ACK ▶ answered ▶ BYE
//
// Owner: the stack, until the call has ended; destroying it ends the dialog as its state demands
// (CANCEL, final response or BYE), which libre completes alone. Executor: the SIP thread.
#pragma once

#include "telephony/sip/line.h"
#include "telephony/sip/route.h"
#include "telephony/sip/sdp.h"

#include <memory>
#include <optional>
#include <span>
#include <string>

#include "telephony/sip/libre.h"

namespace voxanne::telephony::sip {

class Stack;

class Call {
 public:
  // What an outbound call needs to know; every text is safe in a header.
  struct Dial {
    std::string to_uri, from_uri, from_name, asserted_identity;
    bool use_trunk_credentials = false;
    bool is_test = false;
    milliseconds ring_timeout{0};
  };

  Call(Stack& stack, CallNumber number, std::shared_ptr<Line> line, Route route);
  ~Call();
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  CallNumber number() const noexcept { return number_; }
  bool is_dialog_of(const sip_msg& msg) const { return sip_dialog_cmp(sipsess_dialog(session_.get()), &msg); }

  // Inbound. `offer` is absent for a late one. Errors are libre's.
  int accept(const sip_msg& invite, std::optional<sdp::Description> offer,
             std::optional<Agreement> agreement);
  void answer(std::uint16_t rtp_port);
  void refuse(int code, const char* reason, seconds retry_after);
  // To that number at the trunk, or by whatever carrier the caller has (RFC 3261 section 21.3.3).
  void redirect(const std::string& number);

  // Outbound. A failure ends the call through the line.
  void connect(const Dial& dial, std::uint16_t rtp_port);

  // Both; destroys the call. Nothing is told to the line.
  void hang_up();
  // The gateway stops: as hang_up(), and the leg is told; the caller destroys the call.
  void abandon();

 private:
  enum class State { ringing, answered, established };

  static int on_offer(mbuf** description, const sip_msg* msg, void* arg);
  static int on_answer(const sip_msg* msg, void* arg);
  static void on_progress(const sip_msg* msg, void* arg);
  static void on_established(const sip_msg* msg, void* arg);
  static void on_info(Core* core, const sip_msg* msg, void* arg);
  static void on_close(int error, const sip_msg* msg, void* arg);
  static void on_ack_missing(void* arg);
  static void on_ring_timeout(void* arg);

  Ref<mbuf> answer_offer(std::string_view offer, const Address& sender);  // empty: not acceptable
  Ref<mbuf> make_offer();
  Result<> take_answer(std::string_view answer, const Address& sender);
  void agree(const Agreement& agreement);
  Local local() const;
  LegEnd verdict(int error, const sip_msg* msg) const;
  void end(LegEnd end);  // destroys the call

  Stack& stack_;
  const CallNumber number_;
  const std::shared_ptr<Line> line_;
  const Route route_;

  Ref<sipsess> session_;
  bool outbound_ = false;
  State state_ = State::ringing;
  bool told_ringing_ = false;
  tmr timer_{};  // ringing out, or waiting for ACK

  std::uint16_t rtp_port_ = 0;
  sdp::Origin origin_;
  std::span<const rtp::Codec> offered_;    // what our outstanding offer holds
  std::optional<sdp::Description> offer_;  // theirs, until answered
  std::optional<Agreement> agreement_;
  std::string early_answer_;  // of a 18x; some carriers leave it out of the 200
  std::string failure_;       // why we end the call, where libre only says that
};

// The body of a message, cut to its Content-Length; nullopt when it is shorter than that says.
std::optional<std::string_view> body_of(const sip_msg& msg);

}  // namespace voxanne::telephony::sip
