// Whether the trunk is there, asked by OPTIONS (RFC 3261 section 11) every two seconds: a registration
// is renewed every few minutes, and an outage has to show at once. Any answer says that it is there. A
// trunk that has never answered OPTIONS says nothing by silence; one that has, and leaves one unanswered
// until the next, is away until it answers again.
//
// Executor: the SIP thread. Owner: the stack.
#pragma once

#include "telephony/sip/options.h"
#include "telephony/sip/route.h"

#include <functional>

#include "telephony/sip/libre.h"

namespace voxanne::telephony::sip {

class TrunkWatch {
 public:
  // Told when it changes; the trunk counts as there until then.
  using OnChange = std::function<void(bool there)>;

  TrunkWatch(Core* core, const Trunk& trunk, const Route& route, OnChange on_change);
  ~TrunkWatch();
  TrunkWatch(const TrunkWatch&) = delete;
  TrunkWatch& operator=(const TrunkWatch&) = delete;

  void start();

 private:
  void ask();
  void answered();

  static void on_response(int error, const sip_msg* msg, void* arg);
  static void on_due(void* arg);

  Core* core_;
  const milliseconds interval_;
  const std::string contact_;
  const OnChange on_change_;
  Ref<sip_dialog> dialog_;
  struct sip_request* request_ = nullptr;  // libre clears it when done
  tmr timer_{};
  bool has_answered_ = false, there_ = true;
  int unanswered_ = 0;
};

}  // namespace voxanne::telephony::sip
