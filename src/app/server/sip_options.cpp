#include "app/server/sip_options.h"

namespace voxanne::app {
namespace {

Error bad_setting(std::string_view name, const Error& why) {
  return malformed("bad_configuration", std::string{name} + ": " + why.message);
}

}  // namespace

Result<telephony::sip::Options> sip_options(const Config& config) {
  telephony::sip::Options options;
  for (const std::string& text : config.sip_listen) {
    auto listen = telephony::sip::parse_listen(text);
    if (listen.has_error()) return bad_setting("SIP_LISTEN", listen.error());
    options.listen.push_back(std::move(*listen));
  }
  for (const std::string& text : config.sip_allow) {
    auto network = telephony::sip::parse_network(text);
    if (network.has_error()) return bad_setting("SIP_ALLOW", network.error());
    options.allowed.push_back(std::move(*network));
  }
  if (!config.sip_public_address.empty()) {
    options.public_address = telephony::sip::parse_address(config.sip_public_address);
    if (!options.public_address)
      return malformed("bad_configuration",
                       "SIP_PUBLIC_ADDRESS: it must be an IP address, such as 203.0.113.7");
  }
  if (!config.sip_trunk_uri.empty()) {
    auto uri = telephony::sip::parse_uri(config.sip_trunk_uri);
    if (uri.has_error()) return bad_setting("SIP_TRUNK_URI", uri.error());
    options.trunk = telephony::sip::Trunk{.uri = std::move(*uri),
                                          .username = config.sip_username,
                                          .password = config.sip_password,
                                          .registers = !config.sip_username.empty(),
                                          .ask_every = seconds{2}};
  }
  if (options.trunk.has_value() == false && !config.sip_username.empty())
    options.users.push_back({.name = config.sip_username, .password = config.sip_password});
  options.allow_loopback = config.environment == Environment::development;
  options.first_rtp_port = std::uint16_t(config.rtp_port_first);
  options.last_rtp_port = std::uint16_t(config.rtp_port_last);
  return options;
}

}  // namespace voxanne::app
