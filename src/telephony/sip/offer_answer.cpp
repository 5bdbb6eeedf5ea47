#include "telephony/sip/offer_answer.h"

#include <algorithm>

namespace voxanne::telephony::sip {
namespace {

constexpr std::uint8_t offered_event_type = 101;

struct CodecName {
  rtp::Codec codec;
  std::string_view lower, upper;
};
constexpr std::array codec_names{
    CodecName{rtp::Codec::g722, "g722", "G722"},
    CodecName{rtp::Codec::pcmu, "pcmu", "PCMU"},
    CodecName{rtp::Codec::pcma, "pcma", "PCMA"},
};

std::string_view name_of(rtp::Codec codec) {
  return std::ranges::find(codec_names, codec, &CodecName::codec)->upper;
}

std::optional<rtp::Codec> codec_of(const sdp::Media& media, std::uint8_t payload_type) {
  const sdp::Mapping* mapping = media.mapping(payload_type);
  for (const auto& known : codec_names) {
    // The static types need no rtpmap (RFC 3551 section 6). G.722 is declared at 8000, though
    // some declare what is true: 16000.
    if (!mapping && rtp::static_payload_type(known.codec) == payload_type) return known.codec;
    if (mapping && mapping->encoding == known.lower && mapping->channels == 1 &&
        (mapping->clock == 8000 || (known.codec == rtp::Codec::g722 && mapping->clock == 16000)))
      return known.codec;
  }
  return std::nullopt;
}

std::optional<std::uint8_t> event_type_of(const sdp::Media& media) {
  for (const auto type : media.payload_types) {
    const sdp::Mapping* mapping = media.mapping(type);
    if (mapping && mapping->encoding == "telephone-event" && mapping->clock == 8000) return type;
  }
  return std::nullopt;
}

// Ours, given theirs: each may at most do what the other takes.
rtp::Direction mirrored(rtp::Direction theirs) {
  switch (theirs) {
    case rtp::Direction::send_only:
      return rtp::Direction::recv_only;
    case rtp::Direction::recv_only:
      return rtp::Direction::send_only;
    default:
      return theirs;
  }
}

// An address that says "do not send" rather than where to (RFC 3264 section 8.4).
void apply_address_hold(Agreement& agreement) {
  if (!agreement.remote.address().is_unspecified()) return;
  agreement.direction =
      rtp::receives(agreement.direction) ? rtp::Direction::recv_only : rtp::Direction::inactive;
}

bool is_audio(const sdp::Media& media) {
  return media.kind == "audio" && media.port != 0 &&
         (media.transport == "RTP/AVP" || media.transport == "RTP/AVPF");
}

bool usable(const Address& address) {
  if (address.is_multicast()) return false;
  if (address.is_v6() && address.to_v6().is_v4_mapped()) return false;  // nobody's own, and a way round
  return !address.is_v4() || address.to_v4() != boost::asio::ip::address_v4::broadcast();
}

Error impossible(std::string code, std::string message) {
  return {Fault::impossible, std::move(code), std::move(message)};
}

// The codec of `media` that comes first in `order`.
std::optional<rtp::Format> best_format(const sdp::Media& media, std::span<const rtp::Codec> order) {
  for (const rtp::Codec wanted : order)
    for (const auto type : media.payload_types)
      if (codec_of(media, type) == wanted) return rtp::Format{wanted, type, event_type_of(media)};
  return std::nullopt;
}

Result<Agreement> agree(const sdp::Media& media, std::size_t section, const rtp::Format& format) {
  if (!media.connection || !usable(*media.connection))
    return impossible("bad_address", "the connection address is not a unicast IP address");
  Agreement agreement{format, {*media.connection, media.port}, mirrored(media.direction), section};
  apply_address_hold(agreement);
  return agreement;
}

std::string write_section(std::string_view transport, std::span<const rtp::Format> formats,
                          std::uint16_t port, rtp::Direction direction) {
  const auto event_type = formats.front().event_type;
  std::string types, maps;
  for (const auto& format : formats) {
    const std::string type = std::to_string(format.payload_type);
    types += " " + type;
    maps.append("a=rtpmap:").append(type).append(" ").append(name_of(format.codec)).append("/8000\r\n");
  }
  if (event_type) {
    const std::string type = std::to_string(*event_type);
    types += " " + type;
    maps += "a=rtpmap:" + type + " telephone-event/8000\r\na=fmtp:" + type + " 0-15\r\n";
  }
  std::string text = "m=audio " + std::to_string(port) + " ";
  text.append(transport).append(types).append("\r\n").append(maps).append("a=ptime:20\r\na=");
  return text.append(sdp::to_string(direction)).append("\r\n");
}

}  // namespace

Result<Agreement> choose(const sdp::Description& offer, std::optional<rtp::Codec> keep) {
  std::vector<rtp::Codec> order{all_codecs.begin(), all_codecs.end()};
  if (keep) order.insert(order.begin(), *keep);
  bool audio = false;
  for (std::size_t i = 0; i < offer.media.size(); ++i) {
    if (!is_audio(offer.media[i])) continue;
    audio = true;
    if (const auto format = best_format(offer.media[i], order)) return agree(offer.media[i], i, *format);
  }
  if (audio)
    return impossible("no_common_codec", "no codec in common: this server takes G722, PCMU and PCMA");
  return impossible("no_audio", "no audio stream over RTP/AVP is offered");
}

std::string write_answer(const sdp::Description& offer, const Agreement& agreement, const Local& local) {
  std::string text = sdp::write_head(local.origin);
  for (std::size_t i = 0; i < offer.media.size(); ++i) {
    const sdp::Media& media = offer.media[i];
    if (i == agreement.section) {
      text += write_section(media.transport, {&agreement.format, 1}, local.port, agreement.direction);
    } else {
      text += "m=" + media.kind + " 0 " + media.transport + " " + media.formats + "\r\n";
    }
  }
  return text;
}

std::string write_offer(std::span<const rtp::Codec> codecs, const Local& local) {
  std::vector<rtp::Format> formats;
  for (const rtp::Codec codec : codecs)
    formats.push_back({codec, rtp::static_payload_type(codec), offered_event_type});
  return sdp::write_head(local.origin) +
         write_section("RTP/AVP", formats, local.port, rtp::Direction::send_recv);
}

bool leads_inside(const Agreement& agreement, const Address& sender) {
  return unmapped(agreement.remote.address()).is_loopback() && !unmapped(sender).is_loopback();
}

Result<Agreement> accept(const sdp::Description& answer, std::span<const rtp::Codec> codecs) {
  const sdp::Media& media = answer.media.front();
  if (!is_audio(media)) return impossible("no_audio", "the far end declined the audio stream");
  // Of several in an answer the first is the one that is going to be sent (RFC 3264 section 6.1).
  for (const auto type : media.payload_types)
    if (const auto codec = codec_of(media, type); codec && std::ranges::find(codecs, *codec) != codecs.end())
      return agree(media, 0, {*codec, type, event_type_of(media)});
  return impossible("no_common_codec", "the far end chose a codec that was not offered");
}

}  // namespace voxanne::telephony::sip
