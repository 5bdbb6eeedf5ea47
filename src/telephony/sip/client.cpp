#include "telephony/sip/client.h"

#include "telephony/sip/route.h"

namespace voxanne::telephony::sip {

Result<Options> caller_options(std::string_view target) {
  const auto uri = parse_uri(target);
  if (!uri) return uri.error();
  Options options;
  Address local = boost::asio::ip::address_v4::any();
  if (const auto peer = uri->address()) {
    const Address any = peer->is_v4() ? Address{local} : Address{boost::asio::ip::address_v6::any()};
    local = source_towards(*peer).value_or(any);
  }
  options.listen = {{uri->transport.value_or(Transport::udp), local, 0}};
  options.allow_uri_dialing = true;
  options.first_rtp_port = 30'000;  // beside a server on the same machine
  options.last_rtp_port = 39'999;
  return options;
}

}  // namespace voxanne::telephony::sip
