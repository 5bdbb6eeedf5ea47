#include "telephony/sip/trunk_watch.h"

#include "base/log.h"
#include "telephony/sip/stack.h"

#include <stdexcept>

#include "telephony/sip/libre.h"

namespace voxanne::telephony::sip {
namespace {

// Over UDP libre has sent a question three times by then.
constexpr int enough_misses = 1;

}  // namespace

TrunkWatch::TrunkWatch(Core* core, const Trunk& trunk, const Route& route, OnChange on_change)
    : core_(core), interval_(trunk.ask_every), contact_(route.contact()), on_change_(std::move(on_change)) {
  tmr_init(&timer_);
  Uri there = trunk.uri;
  there.user.clear();
  const std::string uri = to_string(there);
  const std::string us = to_string(
      Uri{trunk.username.empty() ? "voxanne" : escape_user(trunk.username), trunk.uri.host, 0, std::nullopt});
  if (sip_dialog_alloc(dialog_.out(), uri.c_str(), uri.c_str(), nullptr, us.c_str(), nullptr, 0) != 0)
    throw std::runtime_error("the trunk's URI cannot be asked");
}

TrunkWatch::~TrunkWatch() {
  tmr_cancel(&timer_);
  mem_deref(request_);  // what is on its way ends without us
}

void TrunkWatch::start() { ask(); }

void TrunkWatch::on_due(void* arg) { static_cast<TrunkWatch*>(arg)->ask(); }

void TrunkWatch::ask() {
  tmr_start(&timer_, static_cast<std::uint64_t>(interval_.count()), on_due, this);
  if (has_answered_ && there_ && unanswered_ >= enough_misses) {
    there_ = false;
    log::warning("sip.trunk_silent");
    on_change_(false);
  }
  // A question that was not answered is not repeated for 32 s: the next one takes its place.
  mem_deref(std::exchange(request_, nullptr));
  ++unanswered_;
  static_cast<void>(sip_drequestf(&request_, core_, true, "OPTIONS", dialog_.get(), 0, nullptr, nullptr,
                                  on_response, this, "Contact: <%s>\r\n%sContent-Length: 0\r\n\r\n",
                                  contact_.c_str(), allow_header));
}

void TrunkWatch::on_response(int error, const sip_msg* msg, void* arg) {
  if (error == 0 && msg && msg->scode >= 200) static_cast<TrunkWatch*>(arg)->answered();
}

void TrunkWatch::answered() {
  has_answered_ = true;
  unanswered_ = 0;
  if (there_) return;
  there_ = true;
  log::info("sip.trunk_answers");
  on_change_(true);
}

}  // namespace voxanne::telephony::sip
