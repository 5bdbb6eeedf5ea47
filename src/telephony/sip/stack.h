// The SIP side of a gateway: libre's stack, its listeners, and the calls that live on it.
//
//   request ─▶ transactions (libre) ─▶ Stack::on_request: sane? who? how fast? ─┬▶ reply
//                                                                              └▶ Call ─▶ Line ─▶ leg
//
// Lifecycle: open() once, close() once, both on the SIP thread, by the gateway. Executor: the SIP
// thread, except where it says otherwise. Legs hold it too, so that a leg that outlives the
// gateway still finds a (closed) stack.
#pragma once

#include "async/clock.h"
#include "base/token_bucket.h"
#include "telephony/sip/digest.h"
#include "telephony/sip/gateway.h"
#include "telephony/sip/guess_limiter.h"
#include "telephony/sip/line.h"
#include "telephony/sip/options.h"
#include "telephony/sip/registration.h"
#include "telephony/sip/route.h"
#include "telephony/sip/screen.h"
#include "telephony/sip/sip_thread.h"
#include "telephony/sip/trunk_watch.h"

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "telephony/sip/libre.h"

namespace voxanne::telephony::sip {

class Call;

// Methods we answer; libre knows no UPDATE, PRACK or session timers, so they are not here.
// Says that a call is a test; what comes from who may call in is believed.
inline constexpr char test_header[] = "X-Voxanne-Test: yes\r\n";
inline constexpr char allow_header[] = "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, INFO\r\n";

class Stack : public std::enable_shared_from_this<Stack> {
 public:
  Stack(SipThread& thread, async::Clock& clock, Options options, Inbound inbound);
  ~Stack();

  Result<> open();
  // Hangs up what still talks, unregisters, and calls `closed` when the far ends have confirmed or
  // two seconds have passed.
  void close(std::function<void()> closed);

  // --- any thread -------------------------------------------------------------------------------
  void post(std::function<void(Stack&)> command);
  CallNumber next_number() noexcept { return ++last_number_; }
  const Options& options() const noexcept { return options_; }
  rtp::PortPool& ports() noexcept { return *ports_; }
  SteadyTime now() const { return clock_.now(); }
  void drain() noexcept { draining_ = true; }
  GatewayHealth health() const;
  std::vector<Listen> listening() const { return listeners_; }  // after open()

  // --- for calls ----------------------------------------------------------------------------------
  Core* core() const noexcept { return core_; }
  sipsess_sock* sessions() const noexcept { return sessions_; }
  void add(std::unique_ptr<Call> call);
  Call* find(CallNumber number);
  void remove(CallNumber number);  // destroys the call, which ends its dialog
  void count_pending(int change) noexcept { pending_ += change; }
  // A line in the log for the first call that had no socket for its audio, then at most one in ten seconds.
  void note_media_unavailable(const Error& error);
  // unavailable "sip_no_listener" when nothing of ours can reach that.
  Result<Route> route_out(const Uri& target) const;

 private:
  Result<> listen(Listen& listener);
  static void wait_for_sessions(void* arg);
  void release();

  static bool on_request(const sip_msg* msg, void* arg);
  static bool on_response(const sip_msg* msg, void* arg);
  static bool on_stray(const sip_msg* msg, void* arg);
  static bool on_datagram(sa* source, mbuf* data, void* arg);
  bool handle(const sip_msg& msg);  // false: libre's sessions take it
  bool screened(const sip_msg& msg);
  bool knows(const sip_msg& msg) const;
  void handle_invite(const sip_msg& msg);  // invite.cpp
  void take_call(const sip_msg& msg, std::optional<sdp::Description> offer,
                 std::optional<Agreement> agreement);
  void reply(const sip_msg& msg, int code, const char* reason, const std::string& headers = {});
  void guard_socket(const sip_msg& msg);

  SipThread& thread_;
  async::Clock& clock_;
  const Options options_;
  const Inbound inbound_;
  std::unique_ptr<rtp::PortPool> ports_;
  std::vector<Listen> listeners_;

  Core* core_ = nullptr;
  sipsess_sock* sessions_ = nullptr;
  sip_lsnr *requests_ = nullptr, *responses_ = nullptr,
           *strays_ = nullptr;  // libre writes through these pointers
  Ref<dnsc> resolver_;
  std::map<void*, udp_helper*> guards_;  // by socket, which owns it
  tmr closing_{};
  SteadyTime close_by_{};
  std::function<void()> closed_;

  Screen screen_;
  DigestAuthenticator digest_;
  GuessLimiter guesses_;
  TokenBucket invites_;
  TokenBucket media_unavailable_lines_{0.1, 1};
  std::uint64_t without_media_ = 0;  // calls since the last such line
  std::unique_ptr<Registration> registration_;
  std::unique_ptr<TrunkWatch> trunk_watch_;
  std::map<CallNumber, std::unique_ptr<Call>> calls_;

  std::atomic<CallNumber> last_number_{0};
  std::atomic<bool> draining_{false}, open_{false}, registered_{false}, trunk_there_{true};
  std::atomic<std::int64_t> pending_{0}, live_{0};
  std::atomic<std::uint64_t> refused_{0}, limited_{0}, malformed_{0};
};

}  // namespace voxanne::telephony::sip
