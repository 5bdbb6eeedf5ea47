// The lines that calls come in and go out by, and the switchboard between them: SIP, browser calls,
// the built-in callee.
//
// Owner: the server, above records and speech. drain() takes no new calls and waits for those that
// run; stop() takes the listeners down.
#pragma once

#include "app/server/knowing.h"
#include "app/server/outward.h"
#include "app/server/records.h"
#include "app/server/speech.h"
#include "calls/switchboard.h"
#include "telephony/browser/gateway.h"
#include "telephony/sip/gateway.h"
#include "telephony/synthetic/callee.h"

namespace voxanne::app {

struct Lines {
  Lines(Foundation& house, Records& kept, Outward& told, Knowing& known, Speech& voice)
      : foundation(house), records(kept), outward(told), knowing(known), speech(voice) {}

  Result<> start();
  void drain(seconds limit);
  void stop();

  Foundation& foundation;
  Records& records;
  Outward& outward;
  Knowing& knowing;
  Speech& speech;
  std::optional<calls::Switchboard> switchboard;
  std::optional<telephony::synthetic::Callee> callee;
  std::optional<telephony::browser::Gateway> browser;
  std::optional<telephony::sip::SipThread> sip_thread;
  std::optional<telephony::sip::Gateway> sip;  // absent: SIP is off
  std::uint16_t sip_udp = 0, sip_tcp = 0;      // the ports that it listens on

 private:
  void make_switchboard();
  std::string strain() const;  // empty: none
  void make_browser_calls();
  void make_callee();
  Result<> listen();
};

}  // namespace voxanne::app
