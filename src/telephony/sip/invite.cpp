// An INVITE that begins a call: every reason to turn it away, and else its way to a leg.
#include "telephony/sip/call.h"
#include "telephony/sip/leg.h"
#include "telephony/sip/stack.h"

#include "base/e164.h"
#include "base/json_text.h"
#include "base/log.h"

#include <algorithm>

#include "telephony/sip/libre.h"

namespace voxanne::telephony::sip {
namespace {

constexpr std::size_t max_name = 128;

std::string retry_after(seconds wait) { return "Retry-After: " + std::to_string(wait.count()) + "\r\n"; }

// A comma-separated header's values, joined: what 420 repeats in Unsupported.
std::string all_values(const sip_msg& msg, sip_hdrid id) {
  std::string values;
  sip_msg_hdr_apply(
      &msg, true, id,
      [](const sip_hdr* header, const sip_msg*, void* arg) {
        auto& out = *static_cast<std::string*>(arg);
        if (!out.empty()) out += ", ";
        out += view(header->val);
        return false;
      },
      &values);
  return values;
}

// Text of the far end's that becomes part of our own later requests in this dialog: folded lines
// would let it write headers there.
bool folded(const sip_msg& msg, sip_hdrid id) {
  return sip_msg_hdr_apply(
             &msg, true, id,
             [](const sip_hdr* header, const sip_msg*, void*) {
               return view(header->val).find_first_of("\r\n") != std::string_view::npos;
             },
             nullptr) != nullptr;
}

std::string user_of(const uri& address) {
  const auto user = unescape_user(view(address.user));
  if (!user || user->size() > max_name || !is_valid_utf8(*user)) return {};
  // Parameters of the telephone URI in its SIP clothing (RFC 3261 section 19.1.6).
  return user->substr(0, user->find(';'));
}

std::string name_of(const sip_taddr& address) {
  std::string_view name = view(address.dname);
  while (!name.empty() && (name.front() == '"' || name.front() == ' ')) name.remove_prefix(1);
  while (!name.empty() && (name.back() == '"' || name.back() == ' ')) name.remove_suffix(1);
  if (name.size() > max_name || !is_valid_utf8(name)) return {};
  return std::string{name};
}

std::string number_of(const std::string& user) {
  const auto number = to_e164(user);
  return number ? *number : user;
}

// Whom the caller dialled. Who registered us may send calls to our Contact instead (RFC 3261 section 16.5);
// the number is then in P-Called-Party-ID (RFC 7315 section 4.2), else in To.
std::string dialled(const sip_msg& msg) {
  std::string user = user_of(msg.uri);
  if (user != contact_user) return user;
  if (const sip_hdr* called = sip_msg_hdr(&msg, SIP_HDR_P_CALLED_PARTY_ID)) {
    sip_addr address{};
    if (sip_addr_decode(&address, &called->val) == 0)
      if (auto named = user_of(address.uri); !named.empty()) return named;
  }
  auto to = user_of(msg.to.uri);
  return to.empty() ? user : to;
}

InboundInfo info_of(const sip_msg& msg) {
  InboundInfo info;
  // The screen has let the source in, so what it asserts counts before what the phone claims.
  if (const sip_hdr* asserted = sip_msg_hdr(&msg, SIP_HDR_P_ASSERTED_IDENTITY)) {
    sip_addr address{};
    if (sip_addr_decode(&address, &asserted->val) == 0) info.from_number = number_of(user_of(address.uri));
  }
  if (info.from_number.empty()) info.from_number = number_of(user_of(msg.from.uri));
  info.from_name = name_of(msg.from);
  info.to = dialled(msg);
  const auto source = endpoint_of(msg.src);
  info.source = uri_host(source.address()) + ":" + std::to_string(source.port());
  info.protocol_id = view(msg.callid);
  info.is_test = sip_msg_xhdr_has_value(&msg, "X-Voxanne-Test", "yes");
  return info;
}

Listen listener_of(const sip_msg& msg) {
  const auto local = endpoint_of(msg.dst);
  return {msg.tp == SIP_TRANSP_TCP ? Transport::tcp : Transport::udp, local.address(), local.port()};
}

}  // namespace

void Stack::handle_invite(const sip_msg& msg) {
  if (pl_strcasecmp(&msg.uri.scheme, "sip") != 0) return reply(msg, 416, "Unsupported URI Scheme");
  if (const std::string required = all_values(msg, SIP_HDR_REQUIRE); !required.empty())
    return reply(msg, 420, "Bad Extension", "Unsupported: " + required + "\r\n");
  if (folded(msg, SIP_HDR_CONTACT) || folded(msg, SIP_HDR_RECORD_ROUTE) || folded(msg, SIP_HDR_FROM) ||
      folded(msg, SIP_HDR_TO))
    return reply(msg, 400, "Folded Header");

  if (draining_) return reply(msg, 503, "Service Unavailable", retry_after(options_.retry_after));
  if (!invites_.take(clock_.now()) || pending_ >= static_cast<std::int64_t>(options_.max_pending)) {
    ++limited_;
    return reply(msg, 503, "Service Unavailable", retry_after(options_.retry_after));
  }
  if (!inbound_.on_inbound) return reply(msg, 404, "Not Found");

  const auto body = body_of(msg);
  if (!body) return reply(msg, 400, "Body Shorter Than Content-Length");
  if (body->empty()) return take_call(msg, std::nullopt, std::nullopt);

  if (!msg_ctype_cmp(&msg.ctyp, "application", "sdp"))
    return reply(msg, 415, "Unsupported Media Type", "Accept: application/sdp\r\n");
  if (const sip_hdr* encoding = sip_msg_hdr(&msg, SIP_HDR_CONTENT_ENCODING);
      encoding && pl_strcasecmp(&encoding->val, "identity") != 0)
    return reply(msg, 415, "Unsupported Media Type", "Accept-Encoding: identity\r\n");
  auto offer = sdp::parse(*body);
  if (!offer) {
    ++malformed_;
    return reply(msg, 400, "Bad Session Description");
  }
  const auto agreement = choose(*offer);
  if (!agreement) {
    // RFC 3261 section 20.43: 301 incompatible address, 305 incompatible media.
    const char* code = agreement.error().code == "bad_address" ? "301" : "305";
    return reply(msg, 488, "Not Acceptable Here",
                 std::string{"Warning: "} + code + " voxanne \"" + agreement.error().message + "\"\r\n");
  }
  if (leads_inside(*agreement, address_of(msg.src)))
    return reply(msg, 488, "Not Acceptable Here",
                 "Warning: 301 voxanne \"the connection address is a loopback\"\r\n");
  take_call(msg, std::move(*offer), *agreement);
}

void Stack::take_call(const sip_msg& msg, std::optional<sdp::Description> offer,
                      std::optional<Agreement> agreement) {
  const CallNumber number = next_number();
  const auto line = std::make_shared<Line>(inbound_.choose_shard());
  const Route route = route_to(address_of(msg.src), listener_of(msg), options_.public_address);
  auto call = std::make_unique<Call>(*this, number, line, route);
  if (call->accept(msg, std::move(offer), agreement) != 0) {
    ++malformed_;
    return reply(msg, 400, "Missing Contact");
  }
  add(std::move(call));
  log::debug("sip.invite", {{"protocolId", view(msg.callid)}, {"call", number}});
  boost::asio::post(line->shard().executor(), [self = shared_from_this(), number, line, agreement,
                                               bind = route.listener.address, info = info_of(msg)] {
    self->inbound_.on_inbound(SipLeg::inbound(self, number, line, bind, agreement), info);
  });
}

}  // namespace voxanne::telephony::sip
