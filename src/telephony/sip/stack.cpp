#include "telephony/sip/stack.h"

#include "base/unhandled.h"
#include "telephony/sip/call.h"
#include "telephony/sip/listener.h"

#include <algorithm>

#include "telephony/sip/libre.h"

namespace voxanne::telephony::sip {
namespace {

constexpr std::uint32_t table_size = 1024;
constexpr int receive_buffer = 512 * 1024;  // bursts of INVITEs wait here
constexpr std::uint64_t close_poll_ms = 20;
constexpr int guard_layer = 0;
constexpr std::uint16_t redirect_refused = 403;

sip_transp libre_transport(Transport transport) {
  return transport == Transport::udp ? SIP_TRANSP_UDP : SIP_TRANSP_TCP;
}

Ref<dnsc> system_resolver() {
  sa servers[8];
  std::uint32_t count = 8;
  Ref<dnsc> resolver;
  if (dns_srv_get(nullptr, 0, servers, &count) == 0) dnsc_alloc(resolver.out(), nullptr, servers, count);
  return resolver;
}

// Libre hands a response to its listeners in the order of their making, so that its own transactions come
// first. It has no way to be ahead of them but this: a listener begins with its list element.
bool put_first(sip_lsnr* listener) {
  auto* const element = reinterpret_cast<le*>(listener);
  list* const all = element->list;
  if (!all || element->data != listener) return false;
  list_unlink(element);
  list_prepend(all, element, listener);
  return true;
}

bool in_dialog(const sip_msg& msg) { return pl_isset(&msg.to.tag); }

}  // namespace

Stack::Stack(SipThread& thread, async::Clock& clock, Options options, Inbound inbound)
    : thread_(thread),
      clock_(clock),
      options_(std::move(options)),
      inbound_(std::move(inbound)),
      screen_(options_.allowed, options_.allow_loopback, !options_.users.empty()),
      digest_(options_.users, options_.realm),
      invites_(options_.invites_per_second, options_.invite_burst) {}

Stack::~Stack() = default;

Result<> Stack::open() {
  auto ports = rtp::PortPool::open(options_.first_rtp_port, options_.last_rtp_port);
  if (!ports) return ports.error();
  ports_ = std::move(*ports);
  if (options_.listen.empty())
    return Error{Fault::malformed, "sip_options",
                 "no SIP listener is configured; give at least one, such as udp:0.0.0.0:5060"};
  // A range that others hold shows now and not when the first call comes; the pair goes back at once.
  if (auto pair = ports_->lease(options_.listen.front().address); !pair) return pair.error();

  tmr_init(&closing_);
  resolver_ = system_resolver();
  if (sip_alloc(&core_, resolver_.get(), table_size, table_size, table_size, "Voxanne", nullptr, nullptr) !=
      0)
    return internal("sip_listen_failed", "libre's SIP stack cannot be made");
  // In this order requests come by us before libre's sessions see them.
  if (sip_listen(&requests_, core_, true, on_request, this) != 0 ||
      sipsess_listen(&sessions_, core_, table_size, nullptr, nullptr) != 0 ||
      sip_listen(&responses_, core_, false, on_response, this) != 0 || !put_first(responses_) ||
      sip_listen(&strays_, core_, false, on_stray, this) != 0)
    return internal("sip_listen_failed", "libre's SIP listeners cannot be made");
  for (const Listen& wanted : options_.listen) {
    const auto listening =
        listen_on(wanted, each_address(wanted), [this](Listen& listener) { return listen(listener); });
    if (!listening) return listening.error();
    listeners_.insert(listeners_.end(), listening->begin(), listening->end());
  }
  open_ = true;

  if (const auto& trunk = options_.trunk) {
    if (const auto address = trunk->uri.address()) screen_.add_trunk(*address);
    auto route = route_out(trunk->uri);
    if (!route) return route.error();
    if (trunk->registers) {
      registration_ = std::make_unique<Registration>(
          core_, *trunk, *route,
          Registration::Events{[this](bool value) { registered_ = value; },
                               [this](const Address& from) { screen_.add_trunk(from); }});
      registration_->start();
    }
    if (trunk->ask_every > 0ms) {
      trunk_watch_ = std::make_unique<TrunkWatch>(core_, *trunk, *route, [this](bool there) {
        trunk_there_ = there;
        // Whoever was away may have forgotten us.
        if (there && registration_) registration_->renew();
      });
      trunk_watch_->start();
    }
  }
  return {};
}

Result<> Stack::listen(Listen& listener) {
  const bool any_port = listener.port == 0;
  for (int attempt = 1;; ++attempt) {
    const auto port = claim_port(listener);
    if (!port) return port.error();
    listener.port = *port;
    sa address{};
    if (sa_set_str(&address, listener.address.to_string().c_str(), listener.port) != 0)
      return Error{Fault::malformed, "sip_listen", "the SIP listener's address cannot be read"};
    const int error = sip_transp_add(core_, libre_transport(listener.transport), &address);
    if (error == 0) break;
    // Somebody was faster; where any port will do there is another.
    if (!any_port || attempt == 5) return listen_error(listener, error);
    listener.port = 0;
  }
  if (listener.transport == Transport::udp) send_stray_response(listener);
  return {};
}

void Stack::close(std::function<void()> closed) {
  closed_ = std::move(closed);
  draining_ = true;
  open_ = false;
  if (!core_) return release();
  trunk_watch_.reset();
  registration_.reset();
  while (!calls_.empty()) {
    Call& call = *calls_.begin()->second;
    const CallNumber number = call.number();
    call.abandon();
    calls_.erase(number);
  }
  close_by_ = clock_.now() + options_.stop_timeout;
  mem_deref(std::exchange(sessions_, nullptr));
  wait_for_sessions(this);
}

// A session that still waits for the answer to its BYE holds libre's stack.
void Stack::wait_for_sessions(void* arg) {
  auto& self = *static_cast<Stack*>(arg);
  if (mem_nrefs(self.core_) == 1 || self.clock_.now() >= self.close_by_) return self.release();
  tmr_start(&self.closing_, close_poll_ms, wait_for_sessions, &self);
}

// What transactions remain are given up. A session that waits for an ACK may keep libre's stack
// alive for its 32 s, but without sockets and without a way back to us.
void Stack::release() {
  for (const auto& guard : guards_) mem_deref(guard.second);
  guards_.clear();
  mem_deref(requests_);
  mem_deref(responses_);
  mem_deref(strays_);
  if (core_) {
    sip_close(core_, true);
    sip_transp_flush(core_);
    mem_deref(std::exchange(core_, nullptr));
  }
  resolver_.reset();
  std::exchange(closed_, nullptr)();
}

void Stack::post(std::function<void(Stack&)> command) {
  thread_.post([self = shared_from_this(), command = std::move(command)] { command(*self); });
}

GatewayHealth Stack::health() const {
  GatewayHealth health;
  health.listening = open_;
  health.registered = registered_ || !options_.trunk || !options_.trunk->registers;
  health.trunk_there = trunk_there_;
  health.calls = static_cast<std::size_t>(live_.load());
  health.pending = static_cast<std::size_t>(pending_.load());
  health.refused = refused_;
  health.limited = limited_;
  health.malformed = malformed_;
  return health;
}

void Stack::add(std::unique_ptr<Call> call) {
  const CallNumber number = call->number();
  calls_.emplace(number, std::move(call));
  live_ = static_cast<std::int64_t>(calls_.size());
}

Call* Stack::find(CallNumber number) {
  const auto found = calls_.find(number);
  return found == calls_.end() ? nullptr : found->second.get();
}

void Stack::remove(CallNumber number) {
  calls_.erase(number);
  live_ = static_cast<std::int64_t>(calls_.size());
}

void Stack::note_media_unavailable(const Error& error) {
  ++without_media_;
  if (!media_unavailable_lines_.take(clock_.now())) return;
  log::error("sip.media_unavailable",
             {{"code", error.code}, {"error", error.message}, {"calls", std::exchange(without_media_, 0)}});
}

Result<Route> Stack::route_out(const Uri& target) const {
  const auto peer = target.address();
  const auto source = source_towards(peer);
  const Listen* chosen = nullptr;
  for (const Listen& listener : listeners_) {
    const bool family = !peer || peer->is_v4() == listener.address.is_v4();
    if (!family || (target.transport && *target.transport != listener.transport)) continue;
    if (listener.address == source) return route_to(peer, listener, options_.public_address);
    if (!chosen) chosen = &listener;
  }
  if (chosen) return route_to(peer, *chosen, options_.public_address);
  return unavailable("sip_no_listener", "no SIP listener can reach " +
                                            to_string(Uri{{}, target.host, target.port, target.transport}) +
                                            ": add one of its transport and address family");
}

bool Stack::on_request(const sip_msg* msg, void* arg) {
  auto& self = *static_cast<Stack*>(arg);
  try {
    return self.handle(*msg);
  } catch (const std::exception&) {
    log::unhandled("sip.request_failed", std::current_exception(), {{"protocolId", view(msg->callid)}});
    sip_reply(self.core_, msg, 500, "Server Internal Error");
    return true;
  }
}

// Libre would call whatever a 3xx names, with the trunk's credentials: a callee, or a trunk that passes it
// on, could have us pay for any number and connect to any machine. We call whom we were asked to.
bool Stack::on_response(const sip_msg* msg, void* arg) {
  static_cast<Stack*>(arg)->guard_socket(*msg);
  if (msg->scode >= 300 && msg->scode < 400 && is(msg->cseq.met, "INVITE")) {
    log::info("sip.redirect_refused", {{"protocolId", view(msg->callid)}, {"status", msg->scode}});
    const_cast<sip_msg*>(msg)->scode = redirect_refused;
  }
  return false;
}

// Of a transaction long gone, or of none: libre would print a line for whoever sends one.
bool Stack::on_stray(const sip_msg*, void*) { return true; }

// libre prints a line to stderr for each datagram that it cannot read, for whoever sends one.
bool Stack::on_datagram(sa*, mbuf* data, void* arg) {
  auto& self = *static_cast<Stack*>(arg);
  // STUN (RFC 5389 section 6) and keep-alives of a few bytes are libre's to answer.
  if (mbuf_get_left(data) <= 4 || mbuf_buf(data)[0] < 4) return false;
  const std::size_t start = data->pos;
  Ref<sip_msg> msg;
  if (sip_msg_decode(msg.out(), data) != 0) {
    ++self.malformed_;
    return true;
  }
  mbuf_set_pos(data, start);
  return false;
}

void Stack::guard_socket(const sip_msg& msg) {
  if (msg.tp != SIP_TRANSP_UDP || guards_.contains(msg.sock)) return;
  auto* const socket = static_cast<udp_sock*>(msg.sock);
  udp_sockbuf_set(socket, receive_buffer);
  udp_helper* guard = nullptr;
  if (udp_register_helper(&guard, socket, guard_layer, nullptr, on_datagram, this) == 0)
    guards_.emplace(msg.sock, guard);
}

void Stack::reply(const sip_msg& msg, int code, const char* reason, const std::string& headers) {
  sip_replyf(core_, &msg, static_cast<std::uint16_t>(code), reason, "%sContent-Length: 0\r\n\r\n",
             headers.c_str());
}

bool Stack::handle(const sip_msg& msg) {
  guard_socket(msg);
  pl maddr{};
  // A reply would go wherever maddr says: never to whom we did not hear from.
  if (!pl_isset(&msg.via.sentby) || msg_param_decode(&msg.via.params, "maddr", &maddr) == 0) {
    ++malformed_;
    return true;
  }
  if (!pl_isset(&msg.callid) || !pl_isset(&msg.from.tag) || !pl_isset(&msg.to.auri) ||
      view(msg.cseq.met) != view(msg.met)) {
    ++malformed_;
    reply(msg, 400, "Bad Request");
    return true;
  }
  const std::string_view method = view(msg.met);
  if (method == "ACK") return false;
  // Whoever knows a dialog's tags is in it. libre answers 481 to the others, but to an INVITE with
  // a transaction of 32 s, which strangers must not be able to order in masses.
  if (in_dialog(msg) && (method == "BYE" || method == "INFO" || (method == "INVITE" && knows(msg))))
    return false;
  if (!screened(msg)) return true;

  if (method == "INVITE" && in_dialog(msg)) {
    reply(msg, 481, "Call Does Not Exist");
  } else if (method == "INVITE") {
    handle_invite(msg);
  } else if (method == "CANCEL") {
    reply(msg, 481, "Transaction Does Not Exist");
  } else if (method == "OPTIONS") {
    reply(msg, draining_ ? 503 : 200, draining_ ? "Service Unavailable" : "OK",
          std::string{allow_header} + "Accept: application/sdp\r\nAccept-Encoding: identity\r\n");
  } else if (method == "BYE" || method == "INFO") {
    reply(msg, 481, "Call Does Not Exist");
  } else {
    reply(msg, 405, "Method Not Allowed", allow_header);
  }
  return true;
}

bool Stack::knows(const sip_msg& msg) const {
  return std::ranges::any_of(calls_, [&](const auto& call) { return call.second->is_dialog_of(msg); });
}

bool Stack::screened(const sip_msg& msg) {
  switch (screen_.judge(address_of(msg.src))) {
    case Screen::Verdict::allowed:
      return true;
    case Screen::Verdict::refused:
      ++refused_;
      reply(msg, 403, "Forbidden");
      return false;
    case Screen::Verdict::needs_credentials:
      break;
  }
  const SteadyTime now = clock_.now();
  const Address source = unmapped(address_of(msg.src));
  const std::string from = source.to_string();
  const auto challenge = [&](bool stale) {
    reply(msg, 401, "Unauthorized", "WWW-Authenticate: " + digest_.challenge(now, stale, from) + "\r\n");
    return false;
  };
  // CANCEL cannot be challenged (RFC 3261 section 22.1), and one that fits a transaction never came here.
  if (is(msg.met, "CANCEL")) return true;
  const sip_hdr* header = sip_msg_hdr(&msg, SIP_HDR_AUTHORIZATION);
  if (!header) return challenge(false);
  const auto forbid = [&] {
    ++refused_;
    reply(msg, 403, "Forbidden");
    return false;
  };
  if (guesses_.exhausted(source, now)) return forbid();
  httpauth_digest_resp given{};
  if (httpauth_digest_response_decode(&given, &header->val) != 0) {
    reply(msg, 400, "Bad Authorization");
    return false;
  }
  const DigestResponse response{view(given.username), view(given.realm),    view(given.nonce),
                                view(given.uri),      view(given.response), view(given.qop),
                                view(given.nc),       view(given.cnonce)};
  switch (digest_.verify(response, view(msg.met), view(msg.ruri), now, from)) {
    case DigestAuthenticator::Verdict::accepted:
      return true;
    case DigestAuthenticator::Verdict::stale:
      return challenge(true);
    case DigestAuthenticator::Verdict::rejected:
      break;
  }
  // Who has our challenge is where they say they are: nobody else can use up a phone's guesses.
  if (digest_.issued(response.nonce, now, from)) guesses_.count(source, now);
  return forbid();
}

}  // namespace voxanne::telephony::sip
