#include "support/sip_phone.h"

#include "base/secret.h"
#include "support/patience.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <algorithm>
#include <stdexcept>

namespace voxanne::test {
namespace {

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

SipMessage parse(std::string_view text) {
  SipMessage message;
  const auto head = text.substr(0, text.find("\r\n\r\n"));
  message.body = text.substr(std::min(head.size() + 4, text.size()));
  for (std::size_t at = 0; at < head.size();) {
    const auto end = std::min(head.find("\r\n", at), head.size());
    const std::string_view line = head.substr(at, end - at);
    at = end + 2;
    if (message.start.empty()) {
      message.start = line;
    } else if (const auto colon = line.find(':'); colon != line.npos) {
      const auto value = std::min(line.find_first_not_of(' ', colon + 1), line.size());
      message.headers.emplace_back(line.substr(0, colon), line.substr(value));
    }
  }
  if (message.start.starts_with("SIP/2.0 ")) {
    message.status = std::atoi(message.start.c_str() + 8);
  } else {
    message.method = message.start.substr(0, message.start.find(' '));
  }
  return message;
}

std::string tag_of(const std::string& header) {
  const auto tag = header.find(";tag=");
  return tag == header.npos ? "" : header.substr(tag + 5, header.find(';', tag + 5) - tag - 5);
}

}  // namespace

std::string SipMessage::header(std::string_view name) const {
  for (const auto& [key, value] : headers)
    if (std::ranges::equal(
            key, name, [](unsigned char a, unsigned char b) { return std::tolower(a) == std::tolower(b); }))
      return value;
  return {};
}

SipPhone::SipPhone(std::uint16_t server_port, Transport transport, milliseconds patience)
    : transport_(transport), patience_(patience) {
  open();
  connect(server_port);
}

SipPhone::SipPhone() : transport_(udp), patience_(seconds{5}) { open(); }

void SipPhone::open() {
  socket_ = ::socket(AF_INET, (transport_ == udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);
  const int on = 1;
  if (transport_ == tcp) ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const sockaddr_in local = loopback(0);
  sockaddr_in bound{};
  socklen_t length = sizeof bound;
  if (::bind(socket_, reinterpret_cast<const sockaddr*>(&local), sizeof local) != 0 ||
      ::getsockname(socket_, reinterpret_cast<sockaddr*>(&bound), &length) != 0)
    throw std::runtime_error("the SIP peer of a test has no socket");
  port_ = ntohs(bound.sin_port);
  new_call();
}

void SipPhone::connect(std::uint16_t server_port) {
  server_port_ = server_port;
  const sockaddr_in remote = loopback(server_port);
  if (::connect(socket_, reinterpret_cast<const sockaddr*>(&remote), sizeof remote) != 0)
    throw std::runtime_error("the SIP peer of a test cannot reach the server");
}

SipPhone::~SipPhone() { ::close(socket_); }

void SipPhone::new_call() {
  call_id_ = to_hex(random_bytes(8));
  from_tag_ = to_hex(random_bytes(4));
  to_tag_.clear();
}

void SipPhone::join(const SipMessage& invite) {
  call_id_ = invite.header("Call-ID");
  to_tag_ = tag_of(invite.header("From"));
}

std::string SipPhone::request(std::string_view method, std::string_view user, const Parts& parts) {
  const bool ack = method == "ACK";
  if (parts.in_dialog && !ack && !parts.same_transaction) ++sequence_;
  if (!parts.same_transaction) branch_ = "z9hG4bK" + to_hex(random_bytes(8));
  const std::string us = "127.0.0.1:" + std::to_string(port_);
  const std::string parameter = transport_ == tcp ? ";transport=tcp" : "";
  const std::string uri =
      "sip:" + std::string{user} + "@127.0.0.1:" + std::to_string(server_port_) + parameter;
  std::string text = std::string{method} + " " + uri + " SIP/2.0\r\n";
  text += std::string{"Via: SIP/2.0/"} + (transport_ == tcp ? "TCP " : "UDP ") + us +
          ";rport;branch=" + branch_ + "\r\n";
  text += "Max-Forwards: 70\r\nFrom: \"Anna\" <sip:+447700900123@" + us + ">;tag=" + from_tag_ + "\r\n";
  text += "To: <" + (parts.to.empty() ? uri : "sip:" + parts.to + "@127.0.0.1") + ">";
  if (!to_tag_.empty() && (parts.in_dialog || ack)) text += ";tag=" + to_tag_;
  text += "\r\nCall-ID: " + call_id_ + "\r\nCSeq: " + std::to_string(sequence_) + " " + std::string{method} +
          "\r\n";
  text += "Contact: <sip:phone@" + us + parameter + ">\r\n" + parts.headers;
  if (!parts.body.empty()) text += "Content-Type: " + parts.type + "\r\n";
  return text + "Content-Length: " + std::to_string(parts.body.size()) + "\r\n\r\n" + parts.body;
}

std::string SipPhone::reply(const SipMessage& to, int status, std::string_view reason,
                            std::string_view headers, std::string_view body) const {
  std::string text = "SIP/2.0 " + std::to_string(status) + " " + std::string{reason} + "\r\n";
  for (const auto& [name, value] : to.headers) {
    if (name != "Via" && name != "From" && name != "To" && name != "Call-ID" && name != "CSeq") continue;
    text += name + ": " + value;
    if (name == "To" && status > 100 && tag_of(value).empty()) text += ";tag=" + from_tag_;
    text += "\r\n";
  }
  text += "Contact: <sip:phone@127.0.0.1:" + std::to_string(port_) +
          (transport_ == tcp ? ";transport=tcp>\r\n" : ">\r\n");
  text += headers;
  if (!body.empty()) text += "Content-Type: application/sdp\r\n";
  return text + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string{body};
}

void SipPhone::send(std::string_view text) {
  static_cast<void>(::send(socket_, text.data(), text.size(), MSG_NOSIGNAL));
}

bool SipPhone::fill(milliseconds limit) {
  pollfd ready{socket_, POLLIN, 0};
  if (::poll(&ready, 1, static_cast<int>(limit.count())) <= 0) return false;
  char chunk[64 * 1024];
  const auto got = ::recv(socket_, chunk, sizeof chunk, 0);
  if (got <= 0) return false;
  buffer_.append(chunk, static_cast<std::size_t>(got));
  return true;
}

SipMessage SipPhone::receive() {
  for (;;) {
    const auto head = buffer_.find("\r\n\r\n");
    if (head != std::string::npos) {
      const SipMessage whole = parse(buffer_);
      const std::size_t length = static_cast<std::size_t>(std::atoi(whole.header("Content-Length").c_str()));
      if (buffer_.size() >= head + 4 + length) {
        SipMessage message = parse(std::string_view{buffer_}.substr(0, head + 4 + length));
        buffer_.erase(0, head + 4 + length);
        const std::string ours = tag_of(message.header("From")) == from_tag_ ? "To" : "From";
        if (message.header("Call-ID") == call_id_ && !tag_of(message.header(ours)).empty())
          to_tag_ = tag_of(message.header(ours));
        return message;
      }
    }
    if (!fill(patient(patience_))) return {};
  }
}

SipMessage SipPhone::response(int wanted) {
  for (;;) {
    SipMessage message = receive();
    if (!message.method.empty()) continue;
    if (message.status == 0 || message.status >= 200 || message.status == wanted) return message;
  }
}

SipMessage SipPhone::next_request() {
  for (;;) {
    SipMessage message = receive();
    if (message.status == 0) return message;
  }
}

bool SipPhone::silent_for(milliseconds time) { return buffer_.empty() && !fill(time); }

std::string SipPhone::sdp(std::string_view formats, std::uint16_t rtp_port, std::string_view attributes) {
  std::string text = "v=0\r\no=phone 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio " +
                     std::to_string(rtp_port) + " RTP/AVP " + std::string{formats} + "\r\n";
  if (formats.find("101") != formats.npos) text += "a=rtpmap:101 telephone-event/8000\r\n";
  return text + std::string{attributes};
}

}  // namespace voxanne::test
