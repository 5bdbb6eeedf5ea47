#include "telephony/rtp/udp.h"

#include <cstring>

#include <sys/socket.h>
#include <time.h>

namespace voxanne::telephony::rtp {

bool Inbox::receive(int socket) {
  mmsghdr messages[batch];
  iovec parts[batch];
  alignas(cmsghdr) char control[batch][CMSG_SPACE(sizeof(timespec))];
  for (std::size_t i = 0; i < batch; ++i) {
    parts[i] = {.iov_base = buffers_[i].data(), .iov_len = buffers_[i].size()};
    messages[i] = {};
    messages[i].msg_hdr = {.msg_name = datagrams_[i].from.data(),
                           .msg_namelen = static_cast<socklen_t>(datagrams_[i].from.capacity()),
                           .msg_iov = &parts[i],
                           .msg_iovlen = 1,
                           .msg_control = control[i],
                           .msg_controllen = sizeof control[i],
                           .msg_flags = 0};
  }
  count_ = 0;
  const int got = recvmmsg(socket, messages, batch, MSG_DONTWAIT, nullptr);
  for (int i = 0; i < got; ++i) {
    const auto index = static_cast<std::size_t>(i);
    const msghdr& head = messages[index].msg_hdr;
    if (head.msg_flags & MSG_TRUNC) continue;
    Datagram& datagram = datagrams_[count_];
    if (count_ != index) datagram.from = datagrams_[index].from;
    datagram.from.resize(head.msg_namelen);
    datagram.bytes = {buffers_[index].data(), messages[index].msg_len};
    datagram.arrival_ns = 0;
    for (const cmsghdr* c = CMSG_FIRSTHDR(&head); c;
         c = CMSG_NXTHDR(const_cast<msghdr*>(&head), const_cast<cmsghdr*>(c)))
      if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
        timespec time;
        std::memcpy(&time, CMSG_DATA(c), sizeof time);
        datagram.arrival_ns = std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
      }
    ++count_;
  }
  return got == static_cast<int>(batch);
}

bool send_to(int socket, const Endpoint& to, std::span<const std::uint8_t> head,
             std::span<const std::uint8_t> body) {
  iovec parts[2] = {{.iov_base = const_cast<std::uint8_t*>(head.data()), .iov_len = head.size()},
                    {.iov_base = const_cast<std::uint8_t*>(body.data()), .iov_len = body.size()}};
  msghdr message{};
  message.msg_name = const_cast<void*>(static_cast<const void*>(to.data()));
  message.msg_namelen = static_cast<socklen_t>(to.size());
  message.msg_iov = parts;
  message.msg_iovlen = body.empty() ? 1 : 2;
  return sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

}  // namespace voxanne::telephony::rtp
