// Our registration at the trunk (RFC 3261 section 10): kept fresh, retried with backoff. libre's
// own sipreg builds Contact from the bound address, which is wrong for a wildcard or behind a NAT,
// and waits up to half an hour after a failure.
//
// Executor: the SIP thread. Destroying it unregisters, without waiting for the answer.
#pragma once

#include "async/backoff.h"
#include "telephony/sip/options.h"
#include "telephony/sip/route.h"

#include <functional>
#include <random>

#include "telephony/sip/libre.h"

namespace voxanne::telephony::sip {

class Registration {
 public:
  struct Events {
    std::function<void(bool registered)> on_change;
    std::function<void(const Address& from)> on_answered;  // after a 2xx
  };

  Registration(Core* core, const Trunk& trunk, Route route, Events events);
  ~Registration();
  Registration(const Registration&) = delete;
  Registration& operator=(const Registration&) = delete;

  void start();
  void renew();  // at once, unless it is being renewed
  bool registered() const noexcept { return registered_; }

 private:
  int send(seconds expires);
  void request();
  void handle(int error, const sip_msg* msg);
  void succeed(const sip_msg& msg);
  void fail(std::string_view why, int status, milliseconds at_least);
  void schedule(milliseconds wait);
  void set_registered(bool value);

  static int on_credentials(char** user, char** password, const char* realm, void* arg);
  static void on_response(int error, const sip_msg* msg, void* arg);
  static void on_due(void* arg);

  Core* core_;
  const Trunk& trunk_;
  const Route route_;
  const Events events_;
  seconds expires_;
  Ref<sip_dialog> dialog_;
  Ref<sip_auth> auth_;
  struct sip_request* request_ = nullptr;  // libre clears it when done
  tmr timer_{};
  int challenges_ = 0;
  int failures_ = 0;
  bool registered_ = false;
  async::Backoff backoff_{milliseconds{2'000}, milliseconds{60'000}};
  std::minstd_rand random_{std::random_device{}()};
};

}  // namespace voxanne::telephony::sip
