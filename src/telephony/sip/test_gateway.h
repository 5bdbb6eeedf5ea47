// A gateway with its threads, and what becomes of each call that comes in, by the user it dials.
// For the tests of this folder.
#pragma once

#include "support/leg_recorder.h"
#include "support/sip_phone.h"
#include "telephony/sip/gateway.h"

#include <gmock/gmock.h>
#include <boost/asio/ip/address_v4.hpp>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

namespace voxanne::telephony::sip {

class TestGateway {
 public:
  static Options options() {
    Options options;
    const Address loopback = boost::asio::ip::address_v4::loopback();
    options.listen = {{Transport::udp, loopback, 0}, {Transport::tcp, loopback, 0}};
    options.allow_loopback = true;
    options.allow_uri_dialing = true;
    options.stop_timeout = 100ms;  // most peers of these tests never answer a BYE
    return options;
  }

  explicit TestGateway(SipThread& thread, Options options = TestGateway::options())
      : gateway_{thread,
                 clock_,
                 std::move(options),
                 {[this]() -> media::Shard& { return shard_; },
                  [this](std::unique_ptr<Leg> leg, InboundInfo info) {
                    arrive(std::move(leg), std::move(info));
                  }}} {
    if (const auto started = gateway_.start(); !started) throw std::runtime_error(started.error().message);
  }
  ~TestGateway() {
    gateway_.stop();
    calls_.clear();
  }

  Gateway& gateway() { return gateway_; }
  media::Shard& shard() { return shard_; }
  std::uint16_t port(Transport transport) const {
    for (const Listen& listener : gateway_.listening())
      if (listener.transport == transport) return listener.port;
    return 0;
  }
  std::string uri(const std::string& user, Transport transport = Transport::udp) const {
    return "sip:" + user + "@127.0.0.1:" + std::to_string(port(transport)) +
           ";transport=" + std::string{to_string(transport)};
  }

  // The n-th call that came in; fails the test when it does not come.
  test::LegRecorder& call(std::size_t n = 0) {
    std::unique_lock lock{mutex_};
    if (!changed_.wait_for(lock, seconds{5}, [&] { return calls_.size() > n; }))
      throw std::runtime_error("no call came in");
    return *calls_[n];
  }
  InboundInfo info(std::size_t n = 0) {
    call(n);
    const std::lock_guard lock{mutex_};
    return infos_[n];
  }
  std::size_t arrived() const {
    const std::lock_guard lock{mutex_};
    return calls_.size();
  }

  std::unique_ptr<test::LegRecorder> dial(const DialRequest& request) {
    auto leg = std::make_unique<test::LegRecorder>(shard_);
    auto dialled = gateway_.dial(shard_, request);
    if (!dialled) throw std::runtime_error(dialled.error().message);
    leg->adopt(std::move(*dialled));
    return leg;
  }

 private:
  void arrive(std::unique_ptr<Leg> leg, InboundInfo info) {
    auto recorder = std::make_unique<test::LegRecorder>(shard_);
    if (info.to == "demo") recorder->answer_at_once();
    recorder->adopt(std::move(leg));
    const auto refuse = [&](const char* user, Refusal why) {
      if (info.to != user) return;
      // On the shard already; the leg is told in a task after this one.
      boost::asio::post(shard_.executor(), [&leg_of = *recorder, why] { leg_of.refuse(why); });
    };
    refuse("nobody", Refusal::unknown_target);
    refuse("forbidden", Refusal::not_allowed);
    refuse("busy", Refusal::organization_full);
    refuse("full", Refusal::server_full);
    refuse("leaving", Refusal::draining);
    const std::lock_guard lock{mutex_};
    calls_.push_back(std::move(recorder));
    infos_.push_back(std::move(info));
    changed_.notify_all();
  }

  async::SystemClock clock_;
  media::Shard shard_{"media-test"};
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::unique_ptr<test::LegRecorder>> calls_;
  std::vector<InboundInfo> infos_;
  Gateway gateway_;
};

}  // namespace voxanne::telephony::sip
