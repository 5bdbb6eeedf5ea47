// Any text as an offer; whatever we answer must itself be readable and keep the offer's sections.
#include "telephony/sip/offer_answer.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

using namespace voxanne::telephony::sip;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto offer = sdp::parse({reinterpret_cast<const char*>(data), size});
  if (!offer) return 0;
  static_cast<void>(accept(*offer, all_codecs));
  const auto agreement = choose(*offer);
  if (!agreement) return 0;
  const Local local{{1, 2, boost::asio::ip::address_v4::loopback()}, 4000};
  const auto answer = sdp::parse(write_answer(*offer, *agreement, local));
  if (!answer || answer->media.size() != offer->media.size() ||
      answer->media[agreement->section].port != 4000)
    std::abort();
  return 0;
}
