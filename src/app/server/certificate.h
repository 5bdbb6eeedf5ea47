// The listener's certificate while the server runs: looked at every few seconds and at SIGHUP, so that a
// renewed one is shown without a restart. A bad one is told of in the log, and the former goes on serving;
// one that ends within two weeks is told of every day.
//
// Owner: the front. start() before the listener, stop() after it; both block, from outside all loops.
#pragma once

#include "async/clock.h"
#include "async/task_group.h"
#include "net/tls_identity.h"

#include <memory>

namespace voxanne::app {

class Certificate {
 public:
  Certificate(async::Clock& clock, async::Executor executor)
      : clock_(clock), tasks_(executor, "certificate") {}

  // Errors: of the files, as TlsIdentity has them.
  Result<> start(net::TlsFiles files);
  void stop();
  void reload();  // any thread

  const std::shared_ptr<net::TlsIdentity>& identity() const noexcept { return identity_; }

 private:
  async::Task<> watch();
  void tell() const;
  void tell_if_it_ends() const;
  void tell(const Error& error) const;

  async::Clock& clock_;
  std::shared_ptr<net::TlsIdentity> identity_;
  async::TaskGroup tasks_;
};

}  // namespace voxanne::app
