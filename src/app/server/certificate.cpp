#include "app/server/certificate.h"

#include "async/thread.h"
#include "base/log.h"

namespace voxanne::app {

namespace {
constexpr seconds look_every{2};
constexpr std::chrono::days renew_within{14}, remind_every{1};
}  // namespace

Result<> Certificate::start(net::TlsFiles files) {
  auto identity = net::TlsIdentity::load(std::move(files));
  if (!identity) return identity.error();
  identity_ = std::move(*identity);
  tell();
  async::asio::post(tasks_.executor(), [this] { tasks_.spawn(watch()); });
  return {};
}

void Certificate::stop() { async::run_on(tasks_.executor(), tasks_.stop()); }

void Certificate::reload() {
  if (!identity_) return;
  if (auto loaded = identity_->reload(); loaded.has_error())
    tell(loaded.error());
  else
    tell();
}

async::Task<> Certificate::watch() {
  auto remind_at = clock_.now() + remind_every;
  for (;;) {
    co_await clock_.sleep_for(look_every);
    const auto changed = identity_->reload_if_changed();
    if (!changed)
      tell(changed.error());
    else if (*changed)
      tell();
    if (clock_.now() < remind_at) continue;
    remind_at += remind_every;
    tell_if_it_ends();
  }
}

void Certificate::tell() const {
  log::info("tls.certificate", {{"validUntil", to_rfc3339(identity_->valid_until())}});
  tell_if_it_ends();
}

void Certificate::tell_if_it_ends() const {
  const auto until = identity_->valid_until(), now = clock_.utc();
  if (until < now)
    log::error("tls.certificate_expired", {{"validUntil", to_rfc3339(until)},
                                           {"notice", "clients refuse it: put a renewed one into TLS_CERT"}});
  else if (until < now + renew_within)
    log::warning("tls.certificate_expires_soon", {{"validUntil", to_rfc3339(until)}});
}

void Certificate::tell(const Error& error) const {
  log::error("tls.reload_failed",
             {{"error", error.message}, {"notice", "the former certificate goes on serving"}});
}

}  // namespace voxanne::app
