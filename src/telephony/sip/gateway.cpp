#include "telephony/sip/gateway.h"

#include "base/e164.h"
#include "telephony/sip/leg.h"
#include "telephony/sip/stack.h"

#include <algorithm>
#include <future>

namespace voxanne::telephony::sip {
namespace {

bool is_uri(std::string_view target) { return target.find(':') != target.npos; }

// Safe between quotes in a header.
std::string display_name(std::string_view name) {
  std::string out;
  for (const char c : name.substr(0, 128))
    if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f && c != '"' && c != '\\') out.push_back(c);
  return out;
}

}  // namespace

Gateway::Gateway(SipThread& thread, async::Clock& clock, Options options, Inbound inbound)
    : thread_(thread),
      stack_(std::make_shared<Stack>(thread, clock, std::move(options), std::move(inbound))) {}

Gateway::~Gateway() { stop(); }

Result<> Gateway::start() {
  started_ = true;
  auto opened = thread_.run([&] { return stack_->open(); });
  if (!opened) stop();
  return opened;
}

void Gateway::drain() { stack_->drain(); }

void Gateway::stop() {
  if (!std::exchange(started_, false)) return;
  std::promise<void> closed;
  thread_.run([&] { stack_->close([&closed] { closed.set_value(); }); });
  closed.get_future().wait();
}

Result<std::unique_ptr<Leg>> Gateway::dial(media::Shard& shard, const DialRequest& request) {
  const Options& options = stack_->options();
  if (!stack_->health().listening) return unavailable("draining", "SIP is not running or is being stopped");

  Uri target;
  Call::Dial dial;
  const bool uri = is_uri(request.to);
  if (uri) {
    if (!options.allow_uri_dialing)
      return Error{
          Fault::forbidden, "sip_uri_not_allowed",
          "SIP URIs may not be dialled here; give a telephone number in E.164, such as +447700900000"};
    auto parsed = parse_uri(request.to);
    if (!parsed) return parsed.error();
    target = std::move(*parsed);
  } else {
    auto number = to_e164(request.to);
    if (!number) return number.error();
    if (!options.trunk)
      return unavailable("no_trunk", "no SIP trunk is configured, so no telephone number can be called");
    target = options.trunk->uri;
    target.user = escape_user(*number);
    dial.use_trunk_credentials = true;
  }
  auto route = stack_->route_out(target);
  if (!route) return route.error();

  const std::string host = uri ? uri_host(route->advertised) : options.trunk->uri.host;
  const std::string fallback = uri ? "voxanne" : options.trunk->username;
  const std::string& from = request.from_number.empty() ? fallback : request.from_number;
  dial.to_uri = to_string(target);
  dial.from_uri = to_string(Uri{escape_user(from), host, 0, std::nullopt});
  dial.from_name = display_name(request.from_name);
  if (!uri && !request.from_number.empty()) dial.asserted_identity = dial.from_uri;
  dial.is_test = request.is_test;
  dial.ring_timeout = std::max(request.ring_timeout, milliseconds{1'000});
  return std::unique_ptr<Leg>{SipLeg::outbound(stack_, shard, std::move(*route), std::move(dial))};
}

GatewayHealth Gateway::health() const { return stack_->health(); }
std::vector<Listen> Gateway::listening() const { return stack_->listening(); }

}  // namespace voxanne::telephony::sip
