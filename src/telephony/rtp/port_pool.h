// Pairs of UDP ports for RTP (even) and RTCP (the next, odd), RFC 3550 section 11, out of the
// configured range. Any thread; the pool outlives every lease.
#pragma once

#include "async/mutex.h"
#include "base/result.h"

#include <boost/asio/ip/udp.hpp>

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace voxanne::telephony::rtp {

using Address = boost::asio::ip::address;
using Endpoint = boost::asio::ip::udp::endpoint;

class PortPool;

// Two bound, non-blocking sockets; closes them and gives the ports back when destroyed.
class PortPair {
 public:
  PortPair(PortPair&& other) noexcept;
  PortPair& operator=(PortPair&& other) noexcept;
  ~PortPair();

  const Endpoint& local() const noexcept { return local_; }  // of RTP
  int rtp() const noexcept { return rtp_; }
  int rtcp() const noexcept { return rtcp_; }

 private:
  friend class PortPool;
  PortPair(PortPool* pool, std::size_t index, Endpoint local, int rtp, int rtcp)
      : pool_(pool), index_(index), local_(local), rtp_(rtp), rtcp_(rtcp) {}

  PortPool* pool_;
  std::size_t index_;
  Endpoint local_;
  int rtp_, rtcp_;
};

class PortPool {
 public:
  // Uses the pairs that lie wholly in [first, last]; malformed "rtp_ports" when there is none.
  static Result<std::unique_ptr<PortPool>> open(std::uint16_t first, std::uint16_t last);

  // unavailable "rtp_ports_exhausted" when every pair is in use; impossible "rtp_bind_failed" when
  // the address is not this machine's.
  Result<PortPair> lease(const Address& address);

  std::size_t capacity() const noexcept { return used_.size(); }
  std::size_t in_use() const;

 private:
  friend class PortPair;
  PortPool(std::uint16_t first, std::size_t pairs);
  void give_back(std::size_t index);

  const std::uint16_t first_;
  mutable async::Mutex mutex_;
  std::vector<bool> used_;
  std::size_t in_use_ = 0;
  // Moves on with every lease, so that a port rests as long as possible before it is used again
  // and late packets of a call that ended do not reach the next one.
  std::size_t cursor_;
};

}  // namespace voxanne::telephony::rtp
