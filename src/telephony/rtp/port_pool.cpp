#include "telephony/rtp/port_pool.h"

#include <fmt/format.h>

#include <cerrno>
#include <random>
#include <utility>

#include <netinet/in.h>
#include <netinet/ip.h>
#include <sys/socket.h>
#include <unistd.h>

namespace voxanne::telephony::rtp {
namespace {

// How many pairs are tried that other processes turn out to hold: a bound on the time of a lease.
constexpr int max_tries = 64;

// A socket bound to the endpoint, or -1 with errno set.
int bound_socket(const Endpoint& at) {
  const int family = at.protocol().family();
  const int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP);
  if (fd < 0) return -1;
  // Expedited forwarding (RFC 3246), as voice is marked; a network that ignores it does no harm.
  constexpr int expedited = 0xB8;
  constexpr int on = 1;
  if (family == AF_INET) {
    setsockopt(fd, IPPROTO_IP, IP_TOS, &expedited, sizeof expedited);
  } else {
    setsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &expedited, sizeof expedited);
    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  }
  setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
  if (bind(fd, at.data(), static_cast<socklen_t>(at.size())) == 0) return fd;
  const int error = errno;
  close(fd);
  errno = error;
  return -1;
}

}  // namespace

PortPair::PortPair(PortPair&& other) noexcept
    : pool_(std::exchange(other.pool_, nullptr)),
      index_(other.index_),
      local_(other.local_),
      rtp_(other.rtp_),
      rtcp_(other.rtcp_) {}

PortPair& PortPair::operator=(PortPair&& other) noexcept {
  std::swap(pool_, other.pool_);
  std::swap(index_, other.index_);
  std::swap(local_, other.local_);
  std::swap(rtp_, other.rtp_);
  std::swap(rtcp_, other.rtcp_);
  return *this;
}

PortPair::~PortPair() {
  if (!pool_) return;
  close(rtp_);
  close(rtcp_);
  pool_->give_back(index_);
}

Result<std::unique_ptr<PortPool>> PortPool::open(std::uint16_t first, std::uint16_t last) {
  const int even = first + (first & 1);
  if (first == 0 || even >= last)
    return malformed("rtp_ports",
                     fmt::format("the RTP port range {}-{} holds no pair of an even port and the next; "
                                 "give at least two ports, such as 10000-19999",
                                 first, last));
  return std::unique_ptr<PortPool>{
      new PortPool(static_cast<std::uint16_t>(even), static_cast<std::size_t>(last + 1 - even) / 2)};
}

PortPool::PortPool(std::uint16_t first, std::size_t pairs)
    : first_(first), used_(pairs), cursor_(std::random_device{}() % pairs) {}

std::size_t PortPool::in_use() const {
  const std::scoped_lock lock{mutex_};
  return in_use_;
}

void PortPool::give_back(std::size_t index) {
  const std::scoped_lock lock{mutex_};
  used_[index] = false;
  --in_use_;
}

Result<PortPair> PortPool::lease(const Address& address) {
  const std::scoped_lock lock{mutex_};
  int tries = 0;
  for (std::size_t seen = 0; seen < used_.size() && tries < max_tries; ++seen) {
    const std::size_t index = cursor_;
    cursor_ = (cursor_ + 1) % used_.size();
    if (used_[index]) continue;
    ++tries;
    const auto port = static_cast<std::uint16_t>(first_ + 2 * index);
    const Endpoint local{address, port};
    const int rtp = bound_socket(local);
    const int rtcp = rtp < 0 ? -1 : bound_socket({address, static_cast<std::uint16_t>(port + 1)});
    if (rtcp >= 0) {
      used_[index] = true;
      ++in_use_;
      return PortPair{this, index, local, rtp, rtcp};
    }
    const int error = errno;
    if (rtp >= 0) close(rtp);
    if (error == EADDRINUSE || error == EACCES) continue;
    return Error{Fault::impossible, "rtp_bind_failed",
                 fmt::format("RTP cannot be received at {}: {}", address.to_string(),
                             std::system_category().message(error))};
  }
  return unavailable(
      "rtp_ports_exhausted",
      fmt::format("no free pair of RTP ports in {}-{} ({} of {} pairs are ours): widen the range or "
                  "find who else uses it",
                  first_, first_ + 2 * used_.size() - 1, in_use_, used_.size()));
}

}  // namespace voxanne::telephony::rtp
