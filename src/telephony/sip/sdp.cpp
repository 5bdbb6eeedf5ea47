#include "telephony/sip/sdp.h"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace voxanne::telephony::sip::sdp {
namespace {

// Takes the text up to the next `separator` off the front.
std::string_view next(std::string_view& rest, char separator) {
  const auto end = std::min(rest.find(separator), rest.size());
  const std::string_view head = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return head;
}

template <class Int>
std::optional<Int> number(std::string_view text, Int limit) {
  Int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value > limit) return std::nullopt;
  return value;
}

std::string lower(std::string_view text) {
  std::string out{text};
  std::ranges::transform(out, out.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

bool printable(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7f; });
}

// What may stand at session level and counts for every section that has none of its own.
struct Defaults {
  std::optional<Address> connection;
  std::optional<Direction> direction;
};

// "IN IP4 192.0.2.1", multicast with "/ttl"; false when it is none. A host name leaves `out` empty.
bool parse_connection(std::string_view value, std::optional<Address>& out) {
  if (next(value, ' ') != "IN") return false;
  const std::string_view family = next(value, ' ');
  if (family != "IP4" && family != "IP6") return false;
  const std::string_view host = value.substr(0, value.find('/'));
  if (host.empty() || host.size() > 253) return false;
  out = parse_address(host);
  return !out || out->is_v4() == (family == "IP4");
}

std::optional<Direction> parse_direction(std::string_view attribute) {
  if (attribute == "sendrecv") return Direction::send_recv;
  if (attribute == "sendonly") return Direction::send_only;
  if (attribute == "recvonly") return Direction::recv_only;
  if (attribute == "inactive") return Direction::inactive;
  return std::nullopt;
}

// "audio 49170/2 RTP/AVP 0 8 101"
bool parse_media(std::string_view value, Media& media) {
  if (!printable(value)) return false;
  media.kind = lower(next(value, ' '));
  const std::string_view ports = next(value, ' ');
  const auto port = number<unsigned>(ports.substr(0, ports.find('/')), 65535);
  media.transport = next(value, ' ');
  media.formats = value;
  if (media.kind.empty() || !port || media.transport.empty() || value.empty()) return false;
  media.port = static_cast<std::uint16_t>(*port);
  for (std::size_t count = 0; !value.empty(); ++count) {
    if (count == max_formats) return false;
    if (const auto type = number<unsigned>(next(value, ' '), 127))
      media.payload_types.push_back(static_cast<std::uint8_t>(*type));
  }
  return true;
}

// "96 opus/48000/2"
bool parse_mapping(std::string_view value, Media& media) {
  Mapping mapping;
  const auto type = number<unsigned>(next(value, ' '), 127);
  const std::string_view encoding = next(value, '/');
  const auto clock = number<unsigned>(next(value, '/'), 1'000'000);
  if (!type || encoding.empty() || !clock) return false;
  mapping.payload_type = static_cast<std::uint8_t>(*type);
  mapping.encoding = lower(encoding);
  mapping.clock = *clock;
  mapping.channels = value.empty() ? 1 : number<unsigned>(value, 255).value_or(0);
  if (media.mappings.size() < max_formats) media.mappings.push_back(std::move(mapping));
  return true;
}

// False when the attribute is one we read and cannot.
bool parse_attribute(std::string_view value, Media* media, Defaults& session) {
  if (const auto direction = parse_direction(value)) {
    (media ? media->direction : session.direction.emplace()) = *direction;
    return true;
  }
  if (media && value.starts_with("rtpmap:")) return parse_mapping(value.substr(7), *media);
  return true;
}

Error bad_line(std::size_t line, std::string_view why) {
  return malformed("bad_sdp",
                   "line " + std::to_string(line) + " of the session description " + std::string{why});
}

}  // namespace

const Mapping* Media::mapping(std::uint8_t payload_type) const {
  const auto found = std::ranges::find(mappings, payload_type, &Mapping::payload_type);
  return found == mappings.end() ? nullptr : &*found;
}

Result<Description> parse(std::string_view text) {
  if (text.size() > max_text)
    return malformed("bad_sdp",
                     "the session description is longer than " + std::to_string(max_text) + " bytes");
  Description description;
  Defaults session;
  for (std::size_t line = 1; !text.empty(); ++line) {
    std::string_view content = next(text, '\n');
    if (content.ends_with('\r')) content.remove_suffix(1);
    if (content.empty()) continue;
    if (content.size() < 2 || content[1] != '=') return bad_line(line, "is not of the form letter=value");
    const char type = content.front();
    const std::string_view value = content.substr(2);
    if (line == 1 && (type != 'v' || value != "0")) return bad_line(line, "is not v=0");

    Media* media = description.media.empty() ? nullptr : &description.media.back();
    if (type == 'm') {
      if (description.media.size() == max_media) return bad_line(line, "is one media section too many");
      Media section;
      section.connection = session.connection;
      section.direction = session.direction.value_or(Direction::send_recv);
      if (!parse_media(value, section)) return bad_line(line, "is no valid media section");
      description.media.push_back(std::move(section));
    } else if (type == 'c') {
      if (!parse_connection(value, media ? media->connection : session.connection))
        return bad_line(line, "is no valid connection address");
    } else if (type == 'a') {
      if (!parse_attribute(value, media, session)) return bad_line(line, "is no valid attribute");
    }
  }
  if (description.media.empty()) return malformed("bad_sdp", "the session description has no media section");
  return description;
}

std::string write_head(const Origin& origin) {
  const std::string network = (origin.address.is_v6() ? "IN IP6 " : "IN IP4 ") + origin.address.to_string();
  return "v=0\r\no=- " + std::to_string(origin.session_id) + " " + std::to_string(origin.version) + " " +
         network + "\r\ns=-\r\nc=" + network + "\r\nt=0 0\r\n";
}

std::string_view to_string(Direction direction) {
  switch (direction) {
    case Direction::send_recv:
      return "sendrecv";
    case Direction::send_only:
      return "sendonly";
    case Direction::recv_only:
      return "recvonly";
    case Direction::inactive:
      break;
  }
  return "inactive";
}

}  // namespace voxanne::telephony::sip::sdp
