#include "telephony/sip/registration.h"

#include "base/log.h"
#include "telephony/sip/stack.h"

#include <algorithm>
#include <stdexcept>

#include "telephony/sip/libre.h"

namespace voxanne::telephony::sip {
namespace {

constexpr seconds least_expiry{5}, most_expiry{3600};

// How long the registrar keeps us: our Contact's own expires, else the Expires header.
seconds granted(const sip_msg& msg, const std::string& contact, seconds asked) {
  struct Search {
    const std::string& contact;
    seconds value;
  } search{contact, asked};
  if (pl_isset(&msg.expires)) search.value = seconds{pl_u32(&msg.expires)};
  sip_msg_hdr_apply(
      &msg, true, SIP_HDR_CONTACT,
      [](const sip_hdr* header, const sip_msg*, void* arg) {
        auto& wanted = *static_cast<Search*>(arg);
        sip_addr address{};
        pl expires{};
        if (sip_addr_decode(&address, &header->val) != 0 || view(address.auri) != wanted.contact)
          return false;
        if (msg_param_decode(&address.params, "expires", &expires) == 0)
          wanted.value = seconds{pl_u32(&expires)};
        return true;
      },
      &search);
  return std::clamp(search.value, least_expiry, most_expiry);
}

seconds header_seconds(const sip_msg& msg, sip_hdrid id) {
  const sip_hdr* header = sip_msg_hdr(&msg, id);
  return header ? std::min(seconds{pl_u32(&header->val)}, most_expiry) : seconds{0};
}

}  // namespace

Registration::Registration(Core* core, const Trunk& trunk, Route route, Events events)
    : core_(core),
      trunk_(trunk),
      route_(std::move(route)),
      events_(std::move(events)),
      expires_(trunk.expires) {
  tmr_init(&timer_);
  Uri registrar = trunk.uri;
  registrar.user.clear();
  Uri identity{escape_user(trunk.username), trunk.uri.host, 0, std::nullopt};
  const std::string uri = to_string(registrar), us = to_string(identity);
  if (sip_dialog_alloc(dialog_.out(), uri.c_str(), us.c_str(), nullptr, us.c_str(), nullptr, 0) != 0 ||
      sip_auth_alloc(auth_.out(), on_credentials, this, false) != 0)
    throw std::runtime_error("the trunk's URI cannot be registered at");
}

Registration::~Registration() {
  tmr_cancel(&timer_);
  if (registered_ && !request_) send(seconds{0});
  // From here on libre finishes the request alone; no answer reaches us.
  mem_deref(request_);
}

void Registration::start() { request(); }

void Registration::renew() {
  if (!request_) schedule(milliseconds{0});
}

int Registration::on_credentials(char** user, char** password, const char*, void* arg) {
  const auto& self = *static_cast<Registration*>(arg);
  const std::string secret{self.trunk_.password.reveal()};
  return str_dup(user, self.trunk_.username.c_str()) | str_dup(password, secret.c_str());
}

void Registration::on_response(int error, const sip_msg* msg, void* arg) {
  static_cast<Registration*>(arg)->handle(error, msg);
}

void Registration::on_due(void* arg) {
  auto& self = *static_cast<Registration*>(arg);
  sip_auth_reset(self.auth_.get());
  self.challenges_ = 0;
  self.request();
}

int Registration::send(seconds expires) {
  const std::string contact = route_.contact();
  return sip_drequestf(&request_, core_, true, "REGISTER", dialog_.get(), 0, auth_.get(), nullptr,
                       on_response, this, "Contact: <%s>;expires=%u\r\n%sContent-Length: 0\r\n\r\n",
                       contact.c_str(), static_cast<unsigned>(expires.count()), allow_header);
}

void Registration::request() {
  if (send(expires_) != 0) fail("the trunk cannot be reached", 0, milliseconds{0});
}

void Registration::handle(int error, const sip_msg* msg) {
  if (error != 0 || !msg) return fail("no answer from the trunk", 0, milliseconds{0});
  if (msg->scode < 200) return;
  if (msg->scode < 300) return succeed(*msg);
  if (msg->scode == 401 || msg->scode == 407) {
    // A second challenge in a row is a wrong password, unless it says that only the nonce was old.
    if (++challenges_ <= 3 && sip_auth_authenticate(auth_.get(), msg) == 0) return request();
    return fail("the trunk refuses our username or password", msg->scode, seconds{30});
  }
  if (msg->scode == 423) {
    const seconds least = header_seconds(*msg, SIP_HDR_MIN_EXPIRES);
    if (least > expires_) {
      expires_ = least;
      return request();
    }
  }
  fail("the trunk refuses our registration", msg->scode, header_seconds(*msg, SIP_HDR_RETRY_AFTER));
}

void Registration::succeed(const sip_msg& msg) {
  failures_ = challenges_ = 0;
  events_.on_answered(address_of(msg.src));
  set_registered(true);
  const seconds kept = granted(msg, route_.contact(), expires_);
  schedule(milliseconds{kept} * 4 / 5);
}

void Registration::fail(std::string_view why, int status, milliseconds at_least) {
  const milliseconds wait = std::max(at_least, backoff_.wait(failures_++, random_));
  log::warning("sip.registration_failed", {{"why", why}, {"status", status}, {"retryMs", wait.count()}});
  set_registered(false);
  schedule(wait);
}

void Registration::schedule(milliseconds wait) {
  tmr_start(&timer_, static_cast<std::uint64_t>(wait.count()), on_due, this);
}

void Registration::set_registered(bool value) {
  if (value != registered_) {
    registered_ = value;
    if (value) log::info("sip.registered");
  }
  events_.on_change(value);
}

}  // namespace voxanne::telephony::sip
