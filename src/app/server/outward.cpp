#include "app/server/outward.h"

namespace voxanne::app {

Result<> Outward::start(const Secret& root) {
  const auto house = foundation.house.executor();
  webhook_seal.emplace(root, "webhook-secrets");
  targets.emplace(foundation.config.webhook_allow);
  webhooks.emplace(house, *records.store, foundation.clock, *webhook_seal, *targets,
                   notify::WebhookQueue::Options{});
  webhook_runner.emplace(house, foundation.clock, *webhooks, notify::webhook_runner_options());
  if (!foundation.config.smtp_url.empty()) make_mails(root);
  // The lock on the data directory says that nobody else holds a lease.
  store::Batch batch;
  store::release_webhooks(batch, foundation.clock.utc());
  store::release_mails(batch, foundation.clock.utc());
  if (const auto written = async::run_on(house, records.store->write(std::move(batch))); written.has_error())
    return written.error();
  async::asio::post(house, [this] {
    webhook_runner->start();
    if (mail_runner) mail_runner->start();
  });
  return {};
}

void Outward::make_mails(const Secret& root) {
  const Config& config = foundation.config;
  const auto house = foundation.house.executor();
  mail_seal.emplace(root, "mails");
  mail_server.emplace(house,
                      net::SmtpClient::Options{.url = net::parse_smtp_url(config.smtp_url.reveal()).value(),
                                               .hello = foundation.holder.node});
  mails.emplace(*records.store, foundation.clock, *mail_seal, *mail_server,
                notify::MailQueue::Options{.from = notify::parse_mailbox(config.mail_from).value()});
  mail_runner.emplace(house, foundation.clock, *mails, notify::mail_runner_options());
}

std::string page_of(const Config& config) {
  if (!config.public_url.empty()) return config.public_url;
  std::string host = config.host == "::1" ? "[::1]" : config.host;
  if (host == "0.0.0.0" || host == "::") host = "localhost";
  return (config.tls_cert.empty() ? "http://" : "https://") + host + ":" + std::to_string(config.port);
}

void Outward::mail(store::Batch& batch, const domain::Message& message,
                   const domain::Organization& to) const {
  if (mails)
    mails->add(batch, message, notify::text_of_message(message, to.name, page_of(foundation.config)));
}

void Outward::mail(store::Batch& batch, const store::Invitation& invitation, const Secret& token) const {
  const std::string link = page_of(foundation.config) + "/#/invitation/" + std::string{token.reveal()};
  mails->add(batch, invitation.org, invitation.email,
             notify::text_of_invitation("Voxanne", invitation.role, link, invitation.expires_at));
}

void Outward::wake() {
  async::asio::post(foundation.house.executor(), [this] {
    if (webhook_runner) webhook_runner->wake();
    if (mail_runner) mail_runner->wake();
  });
}

void Outward::stop() {
  const auto house = foundation.house.executor();
  if (webhook_runner) async::run_on(house, webhook_runner->stop());
  if (mail_runner) async::run_on(house, mail_runner->stop());
}

}  // namespace voxanne::app
