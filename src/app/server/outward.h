// What is told outward: the queues of webhooks and, where there is a mail server, of mails, each with its
// runner.
//
// Owner: the server, above the records. start() before anything is announced; stop() when nothing is any
// more, before the store's. wake() from any thread, at any time.
#pragma once

#include "app/server/records.h"
#include "base/seal.h"
#include "jobs/runner.h"
#include "notify/mail_queue.h"
#include "notify/targets.h"
#include "notify/webhook_queue.h"
#include "store/accounts.h"

namespace voxanne::app {

struct Outward {
  Outward(Foundation& house, Records& kept) : foundation(house), records(kept) {}

  Result<> start(const Secret& root);
  void stop();
  void wake();
  // Puts the mail that tells of it into the batch that keeps it; nothing without a mail server.
  void mail(store::Batch& batch, const domain::Message& message, const domain::Organization& to) const;
  // With a mail server only.
  void mail(store::Batch& batch, const store::Invitation& invitation, const Secret& token) const;

  Foundation& foundation;
  Records& records;
  std::optional<Seal> webhook_seal;
  std::optional<notify::Targets> targets;
  std::optional<notify::WebhookQueue> webhooks;
  std::optional<jobs::Runner<store::Webhook>> webhook_runner;
  std::optional<Seal> mail_seal;
  std::optional<net::SmtpClient> mail_server;
  std::optional<notify::MailQueue> mails;
  std::optional<jobs::Runner<store::Mail>> mail_runner;

 private:
  void make_mails(const Secret& root);
};

// Where the page is, for whoever reads of it elsewhere. Without PUBLIC_URL that is somebody at this machine
// (load_config).
std::string page_of(const Config& config);

}  // namespace voxanne::app
